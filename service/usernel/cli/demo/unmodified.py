"""Unmodified programs: their own system calls, served by this service."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path
from typing import Final

from .tour import Tour, output_of

SERVER: Final = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
message = (ctypes.c_char * 72)()
queue = libc.msgget(0x1994, 0o1600)
size = libc.msgrcv(queue, message, 64, 1, 0)
text = message[8 : 8 + size]
message[0] = 2
message[8 : 8 + size] = text.upper()
libc.msgsnd(queue, message, size, 0)
"""
"""A server in the style of the nineties: it waits for a message of type 1, and answers with one of type 2."""
CLIENT: Final = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
message = (ctypes.c_char * 72)()
queue = libc.msgget(0x1994, 0o1600)
message[0], message[8:13] = 1, b"hello"
libc.msgsnd(queue, message, 5, 0)
size = libc.msgrcv(queue, message, 64, 2, 0)
print(message[8 : 8 + size].decode(), "in", os.path.basename(os.getcwd()))
"""
ON_THE_HOST: Final = """
import ctypes
print("found" if ctypes.CDLL(None).msgget(0x1994, 0) >= 0 else "not there")
"""


async def chapter(tour: Tour) -> None:
    """Show two programs that know only msgget(2), msgsnd(2) and msgrcv(2)."""
    tour.chapter("Unmodified programs: usernel run --url, two processes in two directories, one queue")
    with tempfile.TemporaryDirectory(prefix="usernel-demo-") as directory:
        here, there = _places(directory)
        server = await _start(tour, here, SERVER)
        client = await _start(tour, there, CLIENT)
        tour.show("a client, whose message a server elsewhere answers in capitals", await output_of(client),
                  "HELLO in there")  # fmt: skip
        await server.wait()
    host = await asyncio.create_subprocess_exec(sys.executable, "-c", ON_THE_HOST, stdout=asyncio.subprocess.PIPE)
    tour.show("the same key on this host itself", await output_of(host), "not there")


def _places(directory: str) -> tuple[Path, Path]:
    places = Path(directory, "here"), Path(directory, "there")
    for place in places:
        place.mkdir()
    return places


async def _start(tour: Tour, directory: Path, program: str) -> asyncio.subprocess.Process:
    command = ("-m", "usernel.cli", "run", "--url", tour.url, "--", sys.executable, "-c", program)
    return await asyncio.create_subprocess_exec(sys.executable, *command, cwd=directory, stdout=asyncio.subprocess.PIPE)

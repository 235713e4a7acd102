"""What a program sees of its loop and its files, whoever it is and whatever the host refuses it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiofiles
import aiofiles.os

import usernel
from usernel.kernel.io_uring.sqe import Sqe

NOP, FSYNC, CLOSE, READ, WRITE = 0, 3, 19, 22, 23
IO_LINK = 4
Seen = dict[str, Any]


async def outcome(awaitable: Awaitable[Any]) -> Any:
    """What it gives, or how it fails."""
    try:
        return await awaitable
    except OSError as error:
        return f"{type(error).__name__}: {error.errno}"


async def opened(path: Path) -> bytes:
    """What a file begins with."""
    async with aiofiles.open(path, "rb") as file:
        return await file.read(1)


async def routed(directory: Path, secret: Path) -> Seen:
    """Unmodified code: aiofiles, threads, executors."""
    path = str(directory / "routed")
    async with aiofiles.open(path, "w+b", buffering=0) as file:
        written = await file.write(b"0123456789" * 1000)
        await file.seek(10)
        first = await file.read(12)
    async with aiofiles.open(path, encoding="ascii") as text:
        line = await text.readline()
    async with aiofiles.open(path, "rb") as file:
        fd = file.fileno()
        blocks = await asyncio.gather(*(asyncio.to_thread(os.pread, fd, 8, at) for at in range(64)))
    loop = asyncio.get_running_loop()
    return {
        "written": written, "first": first, "line": len(line), "blocks": b"".join(blocks),
        "size": (await aiofiles.os.stat(path)).st_size,
        "listed": await loop.run_in_executor(None, os.listdir, directory),
        "secret": await outcome(opened(secret)),
        "refused": await outcome(aiofiles.os.listdir(secret.parent / "none")),
        "renamed": await outcome(aiofiles.os.rename(path, path + "2")),
        "gone": await outcome(aiofiles.os.remove(path + "2")),
        "again": await outcome(aiofiles.os.remove(path + "2")),
        "owner": await outcome(asyncio.to_thread(os.chown, secret, os.getuid(), -1)),
    }  # fmt: skip


async def looped() -> Seen:
    """The loop itself: timers, signals, pipes, programs, what is cancelled."""
    loop = asyncio.get_running_loop()
    caught = loop.create_future()
    loop.add_signal_handler(signal.SIGUSR1, caught.set_result, "caught")
    os.kill(os.getpid(), signal.SIGUSR1)
    child = await asyncio.create_subprocess_exec("/bin/echo", "42", stdout=subprocess.PIPE)
    said, _ = await child.communicate()
    try:
        async with asyncio.timeout(0.01):
            await loop.create_future()
    except TimeoutError:
        late = "late"
    return {"signal": await caught, "said": said, "code": child.returncode, "timeout": late}


async def ringed(directory: Path, ring: Any) -> Seen:
    """A ring's requests, chains and calls."""
    fd = os.open(directory / "ringed", os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
    buffer, reader = bytearray(5), os.pipe()
    seen: Seen = {"nop": await ring.request(Sqe(NOP))}
    seen["chain"] = await ring.chain([
        Sqe(WRITE, fd=fd, addr=b"hello", len=5, flags=IO_LINK),
        Sqe(FSYNC, fd=fd, flags=IO_LINK),
        Sqe(READ, fd=fd, addr=buffer, len=5),
    ])  # fmt: skip
    task = asyncio.ensure_future(ring.request(Sqe(READ, fd=reader[0], addr=bytearray(1), len=1)))
    await asyncio.sleep(0)
    task.cancel()
    seen["cancelled"] = (await asyncio.gather(task, return_exceptions=True))[0].__class__.__name__
    seen["read"] = bytes(buffer)
    seen["call"] = await ring.call(lambda: os.pread(fd, 4, 1))
    seen["closed"] = [await ring.request(Sqe(CLOSE, fd=fd)), await ring.request(Sqe(CLOSE, fd=fd))]
    for end in reader:
        os.close(end)
    (directory / "ringed").unlink()
    return seen


async def offered(directory: Path, secret: Path) -> Seen:
    """usernel's own files, and its functions on paths."""
    path = directory / "offered"
    async with usernel.open(path, "w+b") as file:
        await file.write(b"0123456789")
        seen: Seen = {"usernel: read back": await file.pread(4, 3)}
        await file.fsync()
    async with usernel.open(path, encoding="ascii") as text:
        seen["usernel: text"] = await text.read()
    seen["usernel: size"] = (await usernel.os.stat(path)).st_size
    seen["usernel: listed"] = await usernel.os.listdir(directory)
    seen["usernel: secret"] = await outcome(usernel.os.access(secret, os.R_OK))
    seen["usernel: mode"] = await outcome(usernel.os.chmod(secret, 0o600))
    seen["usernel: removed"] = await outcome(usernel.os.remove(path))
    seen["usernel: gone"] = await outcome(usernel.os.remove(path))
    return seen


def seen_by(factory: Callable[[], asyncio.AbstractEventLoop], directory: Path, secret: Path) -> Seen:
    """Run it all on one kind of loop, which has a ring or gets one."""

    async def main() -> Seen:
        seen = await routed(directory, secret) | await looped()
        ring = usernel.attach()
        try:
            return seen | await ringed(directory, ring) | await offered(directory, secret)
        finally:
            if not isinstance(asyncio.get_running_loop(), usernel.EventLoop):
                ring.close()

    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(main())

"""The standard streams of a child: with those of aiofiles, and what only ours can do."""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import pty
import subprocess
import sys
from typing import Any

import aiofiles
import pytest

import usernel

NAMES = ["stdin", "stdout", "stderr", "stdin_bytes", "stdout_bytes", "stderr_bytes"]
ECHO = """
import asyncio, sys, aiofiles, usernel
io, run = (usernel, usernel.run) if sys.argv[1] == "usernel" else (aiofiles, asyncio.run)
async def program():
    print("first")
    await io.stdout.write("second é\\n")
    print("third")
    await io.stdout.flush()
    await io.stdout_bytes.write(b"fourth\\n")
    await io.stderr.writelines(["to ", "stderr\\n"])
    print(await io.stdin.isatty(), await io.stdin.readable(), io.stdin_bytes.readable(), io.stdin.fileno())
    print(io.stdin.encoding, io.stdin.mode, io.stdin.name, io.stdin.closed, io.stdout.line_buffering)
    line = await io.stdin.readline()
    async for more in io.stdin:
        await io.stdout.write(f"{line!r} {more!r}\\n")
    print(await io.stdin.read())
    await io.stdout.close()
run(program())
sys.stderr.write(str(sys.stdout.closed))
"""
PATIENT = """
import asyncio, os, sys, usernel
async def impatient():
    ticks = 0
    for _ in range(2):
        try:
            async with asyncio.timeout(0.02):
                await usernel.stdin.readline()
        except TimeoutError:
            ticks += 1
    await usernel.stdout.write(f"{ticks} ticks\\n")
    await usernel.stdout.flush()
    while not (line := await usernel.stdin.readline()).endswith("\\n"):
        pass
    await usernel.stdout.write(repr(line) + "\\n")
async def another():
    await usernel.stdout_bytes.write((await usernel.stdin.readline()).encode())
    await usernel.stdout_bytes.write((await usernel.stdin.read()).encode())
    await usernel.stdout_bytes.flush()
    os.fstat(0), os.fstat(1)
usernel.run(impatient())
usernel.run(another())
"""


def ran(program: str, *given: str, stdin: Any) -> tuple[str, str]:
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-c", program, *given], stdin=stdin, stdout=-1, stderr=-1,
        env=os.environ | {"PYTHONIOENCODING": "utf-8"},
    ) as child:  # fmt: skip
        out, err = child.communicate("one\ntwo é\nthree".encode() if stdin == subprocess.PIPE else None, timeout=20)
    return out.decode(), err.decode()


def test_a_pipe_is_as_with_aiofiles() -> None:
    ours = ran(ECHO, "usernel", stdin=subprocess.PIPE)
    assert ours == ran(ECHO, "aiofiles", stdin=subprocess.PIPE)
    assert ours[0].startswith("first\nsecond é\nthird\nfourth\n")
    assert ours[1].endswith("True")


def test_a_file_is_as_with_aiofiles(tmp_path: Any) -> None:
    path = tmp_path / "input"
    path.write_text("one\ntwo\nthree", encoding="utf-8")
    answers = []
    for name in ("usernel", "aiofiles"):
        with path.open("rb") as stdin:
            answers.append(ran(ECHO, name, stdin=stdin))
    assert answers[0] == answers[1]


def test_a_reader_that_gives_up_loses_nothing() -> None:
    with subprocess.Popen([sys.executable, "-W", "error", "-c", PATIENT], stdin=-1, stdout=-1) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(b"half a li")
        child.stdin.flush()
        assert child.stdout.readline() == b"2 ticks\n"
        child.stdin.write(b"ne\nin the next loop\nand the rest")
        child.stdin.flush()
        out, _ = child.communicate(timeout=20)
    assert out == b"'half a line\\n'\nin the next loop\nand the rest"
    assert child.returncode == 0


BYTES = """
import asyncio, os, sys, usernel
async def program():
    line = asyncio.ensure_future(usernel.stdin_bytes.readline())
    await asyncio.sleep(0.01)
    line.cancel()
    await asyncio.gather(line, return_exceptions=True)
    await usernel.stdout_bytes.write(await usernel.stdin_bytes.peek())
    buffer = bytearray(3)
    await usernel.stdin_bytes.readinto(buffer)
    await usernel.stdout_bytes.writelines([buffer, await usernel.stdin_bytes.read1(2)])
    await usernel.stdout_bytes.flush()
    await usernel.stdout_bytes.write(await usernel.stdin_bytes.read())
    await usernel.stdout_bytes.flush()
usernel.run(program())
"""


def test_bytes_are_read_ahead_too() -> None:
    with subprocess.Popen([sys.executable, "-W", "error", "-c", BYTES], stdin=-1, stdout=-1) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(b"123456")
        child.stdin.flush()
        assert child.stdout.read(11) == b"12345612345"
        out, _ = child.communicate(b"789", timeout=20)
    assert out == b"6789"


def test_a_terminal_is_waited_for_beside_other_tasks() -> None:
    ours, theirs = pty.openpty()
    with subprocess.Popen([sys.executable, "-c", PATIENT], stdin=theirs, stdout=-1) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"2 ticks\n"
        os.write(ours, b"typed\nmore\n\4")
        out, _ = child.communicate(timeout=20)
    for fd in (ours, theirs):
        os.close(fd)
    assert out == b"'typed\\n'\nmore\n"


def test_what_is_redirected_is_followed() -> None:
    async def program() -> None:
        with contextlib.redirect_stdout(io.StringIO()) as text:
            print("one")
            assert await usernel.stdout.write("two\n") == 4
            print("three")
        assert text.getvalue() == "one\ntwo\nthree\n"

    usernel.run(program())


def test_a_writer_whom_nobody_reads_can_be_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    theirs, ours = os.pipe()

    async def program() -> None:
        async def forever() -> None:
            while True:
                await usernel.stdout_bytes.write(b"x" * 4096)

        with pytest.raises(TimeoutError):
            await asyncio.wait_for(forever(), 0.05)
        assert os.read(theirs, 4096) == b"x" * 4096

    with open(ours, "w", closefd=False) as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        usernel.run(program())
        os.close(theirs)
        with contextlib.suppress(BrokenPipeError):
            stream.close()
    os.close(ours)


@pytest.mark.parametrize("name", NAMES)
def test_each_has_all_that_aiofiles_stream_has(name: str) -> None:
    theirs, ours = getattr(aiofiles, name), getattr(usernel, name)
    public = {one for one in dir(type(theirs)) if not one.startswith("_") or one in {"__aiter__", "__anext__"}}
    assert public <= set(dir(type(ours)))

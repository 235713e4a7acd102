"""aiofiles as it is installed, on a loop of ours: it answers and raises what it does on uvloop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import stat
import sys
from pathlib import Path

import aiofiles
import aiofiles.os
import aiofiles.tempfile
import pytest

from .twice import LINES, Steps, both


async def use_reader(steps: Steps, file) -> None:
    """Everything that a file knows, in an order in which buffers are full, half read, and at the end."""
    for name in ("readable", "fileno", "detach"):
        steps.note(name, hasattr(file, name))
    for name in ("isatty", "seekable", "writable"):
        await steps(getattr(file, name)())
    steps.note(file.closed, file.name, file.mode)
    for size in (0, 1, 10, 4096, 5000, 8192, 20_000):
        await steps(file.read(size))
        await steps(file.tell())
    for _ in range(3):
        await steps(file.readline())
    await steps(file.readline(5))
    await steps(file.tell())
    for whence in ((100,), (0, 2), (0, 0), (-20, 2), (3, 1), (5, 9), (-1, 0)):
        await steps(file.seek(*whence))
        await steps(file.read(7))
    await steps(file.seek(0))
    async for line in file:
        steps.note(line)
    await steps(file.readline())
    await steps(file.seek(30))
    await steps(file.readlines(100))
    await steps(file.readlines())
    await steps(file.seek(50))
    await steps(file.read())
    await steps(file.read(1))
    await steps(file.seek(0))
    await steps(file.read(None))
    for bad in ("no", 1.5):
        await steps(file.read(bad))
        await steps(file.seek(bad))
    await steps(file.write(b"refused"))
    await steps(file.truncate())
    await steps(file.flush())


async def use_binary_reader(steps: Steps, file) -> None:
    await steps(file.seek(10))
    for size in (3, 5000, 0):
        into = bytearray(size)
        await steps(file.readinto(into))
        steps.note(bytes(into))
    await steps(file.readinto(b"constant"))
    await steps(file.readinto(memoryview(bytearray(8))))
    for name in ("read1", "peek"):
        if hasattr(file, name):
            for args in ((), (4,), (9000,), (-1,)):
                await steps(getattr(file, name)(*args))
    if hasattr(file, "readall"):
        await steps(file.readall())
        await steps(file.readall())


@pytest.mark.parametrize("name", ["lines", "long", "small", "empty"])
@pytest.mark.parametrize("buffering", [-1, 0, 10])
def test_a_file_that_is_read(tmp_path: Path, name: str, buffering: int) -> None:
    async def program(steps: Steps, place: Path) -> None:
        async with aiofiles.open(place / name, "rb", buffering=buffering) as file:
            await use_reader(steps, file)
            await use_binary_reader(steps, file)
        for call in (file.read, file.readline, file.tell, file.close, file.isatty, file.seekable):
            await steps(call())

    stat = both(program, tmp_path / "place")
    assert stat["handed_on"] == 0
    assert stat["inline"] > 3 * stat["punted"]


@pytest.mark.parametrize("name", ["lines", "long", "wrong"])
@pytest.mark.parametrize(
    "how",
    [
        {}, {"newline": ""}, {"newline": "\n"}, {"newline": "\r"}, {"newline": "\r\n"}, {"encoding": "latin-1"},
        {"encoding": "utf-16", "errors": "replace"}, {"errors": "ignore"}, {"buffering": 100},
    ],
    ids=str,
)  # fmt: skip
def test_a_text_that_is_read(tmp_path: Path, name: str, how: dict) -> None:
    async def program(steps: Steps, place: Path) -> None:
        async with aiofiles.open(place / name, **{"encoding": "utf-8", **how}) as file:
            steps.note(file.encoding, file.errors, file.line_buffering, file.newlines)
            await steps(use_reader(steps, file))
            steps.note(file.newlines)
        for call in (file.read, file.readline, file.tell, file.close):
            await steps(call())

    stat = both(program, tmp_path / "place")
    assert stat["handed_on"] == 0
    assert stat["inline"] > stat["punted"]


@pytest.mark.parametrize("mode", ["wb", "ab", "xb", "r+b", "w+b", "a+b", "w", "a", "x", "r+", "w+", "a+"])
@pytest.mark.parametrize("buffering", [-1, 0, 50])
def test_a_file_that_is_written(tmp_path: Path, mode: str, buffering: int) -> None:
    async def program(steps: Steps, place: Path) -> None:
        file = await steps(aiofiles.open(place / ("new" if "x" in mode else "lines"), mode, buffering))
        if file is None:
            return
        data = b"some bytes, " if "b" in mode else "some text, é\n"
        for times in (1, 3, 10, 300, 1000, 0):
            await steps(file.write(data * times))
            await steps(file.tell())
        await steps(file.writelines([data] * 5))
        await steps(file.flush())
        await steps(file.seek(20))
        await steps(file.write(data))
        await steps(file.read(10))
        await steps(file.readline())
        await steps(file.truncate(4000))
        await steps(file.tell())
        await steps(file.seek(0, 2))
        await steps(file.write(bytearray(b"last") if "b" in mode else "last"))
        for wrong in (1, b"bytes", "text", None):
            await steps(file.write(wrong))
        await steps(file.close())
        await steps(file.close())
        await steps(file.write(data))

    assert both(program, tmp_path / "place")["handed_on"] == 0


def test_opening(tmp_path: Path) -> None:
    async def program(steps: Steps, place: Path) -> None:
        for name in ("small", "nothing", "dir", "loop", "dangling", "small/below", "x" * 300, "a\0b", "", "link"):
            for mode in ("r", "rb", "r+", "w+b" if name in {"nothing", "small"} else "br", "U", "rw", ""):
                file = await steps(aiofiles.open(f"{place}/{name}" if name else "", mode))
                if file is not None:
                    steps.note(file.mode, file.name, type(file._file))
                    await steps(file.close())
        for how in ({"encoding": "no such"}, {"errors": "no such"}, {"newline": "x"}, {"buffering": 0}, {"closefd": 0}):
            file = await steps(aiofiles.open(place / "small", **how))
            if file is not None:
                await file.close()
        fd = os.open(place / "small", os.O_RDONLY)
        async with aiofiles.open(fd, "rb", closefd=False) as file:
            await steps(file.read(9))
        async with aiofiles.open(str(place / "small").encode(), "rb", opener=os.open) as file:
            await steps(file.read(9))
        steps.note(os.lseek(fd, 0, os.SEEK_CUR))
        os.close(fd)

    assert both(program, tmp_path / "place")["handed_on"] == 0


def test_descriptors_are_not_inherited_and_block(tmp_path: Path) -> None:
    async def program(steps: Steps, place: Path) -> None:
        async with aiofiles.open(place / "small", "rb") as file:
            steps.note(os.get_inheritable(file.fileno()), os.get_blocking(file.fileno()))
        for flags in (os.O_RDONLY, os.O_RDONLY | os.O_NONBLOCK, os.O_RDONLY | os.O_DIRECTORY, os.O_PATH):
            for name in ("small", "dir"):
                with contextlib.suppress(NotADirectoryError):
                    fd = await asyncio.to_thread(os.open, place / name, flags)
                    steps.note(os.get_inheritable(fd), os.get_blocking(fd), stat.S_IFMT(os.fstat(fd).st_mode))
                    await steps(asyncio.to_thread(os.close, fd))
                    await steps(asyncio.to_thread(os.close, fd))

    assert both(program, tmp_path / "place")["handed_on"] == 0


PATHS = ("small", "nothing", "dir", "dir/below", "link", "loop", "dangling", "fifo", "small/x", "x" * 300, "a\0b", "")


def test_os_and_its_path(tmp_path: Path) -> None:
    async def program(steps: Steps, place: Path) -> None:
        os.chdir(place)
        functions = [getattr(aiofiles.os.path, name) for name in aiofiles.os.path.__all__]
        functions += [aiofiles.os.stat, aiofiles.os.readlink, aiofiles.os.listdir]
        for function in functions:
            for name in PATHS:
                await steps(function(name) if function.__name__ not in {"samefile", "sameopenfile"} else _none())
                await steps(function(place / name) if function is not aiofiles.os.path.samefile else _none())
            for odd in (name.encode(), -1, 1.5, None, 1 << 70):
                await steps(function(odd))
            await steps(function())
        for name in PATHS:
            await steps(aiofiles.os.path.samefile("small", name))
            await steps(aiofiles.os.access(name, os.R_OK))
            await steps(aiofiles.os.stat(name, follow_symlinks=False))
            await steps(aiofiles.os.stat(name, dir_fd=None))
        await steps(aiofiles.os.path.sameopenfile(0, 1))
        await steps(aiofiles.os.getcwd())
        entries = await steps(aiofiles.os.scandir("."))
        steps.note(sorted(entry.name for entry in entries))
        await steps(aiofiles.os.statvfs("nothing"))
        steps.note((await aiofiles.os.statvfs(".")).f_bsize)

    stat = both(program, tmp_path / "place")
    assert stat["handed_on"] == 0
    assert stat["inline"] > stat["punted"]


async def _none() -> None:
    return None


def test_changes_to_a_tree(tmp_path: Path) -> None:
    async def program(steps: Steps, place: Path) -> None:
        os.chdir(place)
        os_ = aiofiles.os
        calls = [
            os_.mkdir("new"), os_.mkdir("new"), os_.makedirs("new/a/b"), os_.makedirs("new/a", exist_ok=True),
            os_.rename("small", "new/small"), os_.renames("empty", "other/empty"), os_.replace("long", "new/long"),
            os_.symlink("nowhere", "new/symlink"), os_.link("new/long", "new/hard"), os_.unlink("new/hard"),
            os_.remove("new/long"), os_.remove("nothing"), os_.rmdir("new"), os_.rmdir("dir/below"),
            os_.removedirs("new/a/b"), os_.rename("nothing", "x"), os_.link("nothing", "x"),
        ]  # fmt: skip
        for call in calls:
            await steps(call)
        with open("new/small", "rb") as source, open("sent", "wb") as sink:
            await steps(os_.sendfile(sink.fileno(), source.fileno(), 0, 5000))

    stat = both(program, tmp_path / "place")
    assert stat["handed_on"] == 0


@pytest.mark.parametrize("mode", ["w+b", "w+", "wb"])
def test_temporary_files(tmp_path: Path, mode: str) -> None:
    async def program(steps: Steps, place: Path) -> None:
        data = b"bytes\n" if "b" in mode else "text\n"
        opens = [
            aiofiles.tempfile.TemporaryFile(mode, dir=place),
            aiofiles.tempfile.NamedTemporaryFile(mode, dir=place),
            aiofiles.tempfile.SpooledTemporaryFile(100, mode, dir=place),
        ]
        for opened in opens:
            async with opened as file:
                for times in (1, 50, 2000):
                    await steps(file.write(data * times))
                await steps(file.writelines([data, data]))
                await steps(file.tell())
                await steps(file.flush())
                await steps(file.seek(0))
                await steps(file.readline())
                await steps(file.read(10))
                await steps(file.readlines())
                await steps(file.truncate(3))
                await steps(file.isatty())
            steps.note(len(os.listdir(place)))
        async with aiofiles.tempfile.TemporaryDirectory(dir=place) as directory:
            steps.note(os.path.isdir(directory))
        steps.note(len(os.listdir(place)))

    assert both(program, tmp_path / "place")["handed_on"] == 0


def test_the_programs_own_streams(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def program(steps: Steps, place: Path) -> None:
        for name, path, mode in (("stdin", "lines", "r"), ("stdout", "out", "w"), ("stderr", "err", "w")):
            monkeypatch.setattr(sys, name, open(place / path, mode, encoding="utf-8"))  # noqa: SIM115 - closed below
        await steps(aiofiles.stdin.readline())
        await steps(aiofiles.stdin.read(5))
        await steps(aiofiles.stdin_bytes.read(5))
        for stream in (aiofiles.stdout, aiofiles.stderr):
            await steps(stream.write("said\n"))
            await steps(stream.flush())
            await steps(stream.isatty())
        await steps(aiofiles.stdout_bytes.write(b"bytes\n"))
        await steps(aiofiles.stderr_bytes.write(b"bytes\n"))
        for name in ("stdin", "stdout", "stderr"):
            getattr(sys, name).close()

    assert both(program, tmp_path / "place")["handed_on"] == 0


def test_lines_come_from_the_buffer_and_each_once(tmp_path: Path) -> None:
    async def program(steps: Steps, place: Path) -> None:
        async with aiofiles.open(place / "lines", "rb") as file:
            steps.note([line async for line in file] == LINES.splitlines(keepends=True))

    assert both(program, tmp_path / "place")["punted"] == 0

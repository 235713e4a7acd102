"""Cancelling at every await: it ends as cancelled, no descriptor is left, and nothing goes on behind one's back."""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import shutil
import socket
import threading
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

import usernel
from usernel.aio.os import batches, copying

from ..cancelling import DEADLINE_S, CancelledAt, all_closed, cancelled_at, descriptors
from .conftest import Run
from .trees import build, snapshot


async def collected(items: Any) -> list[Any]:
    return [item async for item in items]


async def closed_after(entries: Any) -> None:
    async with entries as them:
        async for _entry in them:
            pass


async def missing(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        await usernel.os.stat(path)


CALLS: dict[str, Callable[[], Coroutine[Any, Any, Any]]] = {
    "stat": lambda: missing("nope/never"),
    "access": lambda: usernel.os.access("file", os.R_OK),
    "listdir": lambda: usernel.os.listdir("dir"),
    "readlink": lambda: usernel.os.readlink("link"),
    "statvfs": lambda: usernel.os.statvfs("."),
    "rename": lambda: usernel.os.rename("file", "new"),
    "link": lambda: usernel.os.link("file", "new"),
    "symlink": lambda: usernel.os.symlink("file", "new"),
    "unlink": lambda: usernel.os.unlink("file"),
    "mkdir": lambda: usernel.os.mkdir("new"),
    "makedirs": lambda: usernel.os.makedirs("new/one/two"),
    "rmdir": lambda: usernel.os.rmdir("empty"),
    "getxattr": lambda: usernel.os.getxattr("file", "user.big"),
    "setxattr": lambda: usernel.os.setxattr("file", "user.big", b"y"),
    "chmod": lambda: usernel.os.chmod("file", 0o600),
    "utime": lambda: usernel.os.utime("file"),
    "mkfifo": lambda: usernel.os.mkfifo("new"),
    "scandir": lambda: closed_after(usernel.os.scandir("dir")),
    "scandir, not closed": lambda: collected(usernel.os.scandir("dir")),
    "walk": lambda: collected(usernel.os.walk(".")),
    "glob": lambda: usernel.os.glob("**", recursive=True),
    "iglob": lambda: collected(usernel.os.iglob("**", recursive=True)),
    "copy": lambda: usernel.os.copy("dir/one.txt", "new"),
    "copytree": lambda: usernel.os.copytree("dir", "new", symlinks=True),
    "move": lambda: usernel.os.move("dir", "new"),
    "rmtree": lambda: usernel.os.rmtree("dir"),
    "realpath": lambda: usernel.os.path.realpath("link"),
}


@pytest.mark.parametrize("name", CALLS)
def test_at_every_await(name: str, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "BATCH", 1)

    async def program() -> int:
        times = 0
        while True:
            root = tmp_path / str(times)
            root.mkdir()
            build(str(root))
            monkeypatch.chdir(root)
            before = descriptors()
            cancelled = await cancelled_at(CALLS[name](), times + 1)
            await all_closed(before)
            left = snapshot(".")
            await asyncio.sleep(0)
            assert snapshot(".") == left
            if not cancelled:
                return times
            times += 1

    run(usernel.os.listdir("."))
    assert run(program()) >= (0 if name == "stat" else 1)


def test_a_cancelled_look_at_a_directory_loses_no_entry(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "BATCH", 3)
    names = {f"{at}" for at in range(20)}
    for name in names:
        (tmp_path / name).touch()

    async def program() -> list[str]:
        found: list[str] = []
        async with usernel.os.scandir(str(tmp_path)) as entries:
            for at in range(100):
                # One that is cancelled before it was suspended has an entry, and gives it.
                asking = asyncio.ensure_future(cancelled_next(entries, found, after=at % 3))
                await asyncio.wait([asking])
                if not asking.cancelled() and not asking.result():
                    break
        return found

    found = run(program())
    assert sorted(found) == sorted(names)


async def cancelled_next(entries: Any, found: list[str], *, after: int) -> bool:
    """The next entry, or none; cancelled where it must wait for a batch, but each third time."""
    asking = entries.__anext__()
    try:
        entry = await (CancelledAt(asking, 1) if after else asking)
    except StopAsyncIteration:
        return False
    found.append(entry.name)
    return True


class Gate:
    """Holds a function up at its n-th call, until it is opened."""

    def __init__(self, func: Callable[..., Any], at: int) -> None:
        self.func = func
        self.left = at
        self.calls = 0
        self.reached, self.opened = threading.Event(), threading.Event()

    def __call__(self, *args: Any, **named: Any) -> Any:
        self.calls += 1
        if self.calls == self.left:
            self.reached.set()
            assert self.opened.wait(DEADLINE_S)
        return self.func(*args, **named)

    async def cancel(self, inner: Coroutine[Any, Any, Any]) -> None:
        """Cancel it while it is held up."""
        task = asyncio.ensure_future(inner)
        await asyncio.to_thread(self.reached.wait, DEADLINE_S)
        task.cancel()
        await asyncio.sleep(0)
        assert not task.done()
        self.opened.set()
        with pytest.raises(asyncio.CancelledError):
            await task


def test_copying_stops_after_the_step(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying, "STEP", 1000)
    gate = Gate(os.copy_file_range, 3)
    monkeypatch.setattr(os, "copy_file_range", gate)
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(os.urandom(10_000))
    before = descriptors()
    run(gate.cancel(usernel.os.copyfile(source, target)))
    assert target.read_bytes() == source.read_bytes()[:3000]
    assert set(descriptors()) == set(before)


def test_removing_stops_before_the_next_file(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tree" / "sub").mkdir(parents=True)
    for at in range(9):
        (tmp_path / "tree" / "sub" / f"{at}").touch()
    gate = Gate(os.unlink, 4)
    monkeypatch.setattr(os, "unlink", gate)
    before = descriptors()
    run(gate.cancel(usernel.os.rmtree(tmp_path / "tree")))
    assert len(list((tmp_path / "tree" / "sub").iterdir())) == 5
    assert set(descriptors()) == set(before)


def test_copying_a_tree_stops_before_the_next_file(run: Run, tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    for at in range(9):
        (tmp_path / "tree" / f"{at}").touch()
    gate = Gate(shutil.copyfile, 4)
    run(gate.cancel(usernel.os.copytree(tmp_path / "tree", tmp_path / "new", copy_function=gate)))
    assert len(list((tmp_path / "new").iterdir())) == 4


def test_a_search_stops_at_the_next_match(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for at in range(5):
        (tmp_path / f"{at}" / "x").mkdir(parents=True)
    gate = Gate(os.path.lexists, 2)
    monkeypatch.setattr(os.path, "lexists", gate)
    run(gate.cancel(usernel.os.glob(f"{tmp_path}/*/x")))
    assert gate.calls == 2


def test_sendfile_that_sleeps_is_interrupted(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x" * (8 << 20))
    reader, writer = socket.socketpair()

    async def program() -> int:
        with file.open("rb") as source:
            task = asyncio.ensure_future(usernel.os.sendfile(writer.fileno(), source.fileno(), 0, 8 << 20))
            reader.setblocking(False)
            until = time.monotonic() + DEADLINE_S
            while not _full(writer.fileno()):
                assert time.monotonic() < until
                await asyncio.sleep(0.001)
            task.cancel()
            await asyncio.wait([task], timeout=DEADLINE_S)
            assert task.cancelled()
        return sum(map(len, iter(lambda: _received(reader), b"")))

    with reader, writer:
        assert 0 < run(program()) < 8 << 20


def _full(fd: int) -> bool:
    return not select.select([], [fd], [], 0)[1]


def _received(reader: socket.socket) -> bytes:
    try:
        return reader.recv(1 << 20)
    except BlockingIOError:
        return b""


def test_sendfile_is_as_synchronous(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(bytes(range(256)))
    reader, writer = socket.socketpair()
    with reader, writer, file.open("rb") as source:
        fd, out = source.fileno(), writer.fileno()
        for args in ((out, fd, 0, 100), (out, fd, None, 50), (out, fd, 250, 100), (out, fd, 300, 1), (out, fd, 0, 0)):
            ended = []
            for send in (os.sendfile, lambda *given: run(usernel.os.sendfile(*given))):
                source.seek(0)
                ended.append((send(*args), source.tell(), reader.recv(1000) if args[2] != 300 and args[3] else b""))
            assert ended[0] == ended[1]
        for bad in (
            (9999, fd, 0, 1),
            (out, 9999, 0, 1),
            (out, fd, -1, 1),
            (out, fd, 0, -1),
            (out, "x", 0, 1),
            (fd, fd, 0, 1),
        ):
            raised = []
            for send in (os.sendfile, lambda *given: run(usernel.os.sendfile(*given))):
                with pytest.raises((OSError, TypeError, ValueError)) as error:
                    send(*bad)
                raised.append((type(error.value), str(error.value)))
            assert raised[0] == raised[1]
        writer.setblocking(False)
        os.truncate(file, 8 << 20)
        run(usernel.os.sendfile(out, fd, 0, 8 << 20))
        with pytest.raises(BlockingIOError):
            run(usernel.os.sendfile(out, fd, 0, 8 << 20))

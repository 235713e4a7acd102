"""anyio as it is installed, with ``usernel.anyio.install()``: it answers and raises what it does on uvloop."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest
import uvloop

import usernel
import usernel.anyio

from .twice import Steps, both


@pytest.fixture(autouse=True)
def _installed() -> Iterator[None]:
    usernel.anyio.install()
    usernel.anyio.install()
    yield
    usernel.anyio.uninstall()


def test_files(tmp_path: Path) -> None:
    async def program(steps: Steps, place: Path) -> None:
        async def step(file: Any, name: str, *args: Any) -> None:
            await steps(getattr(file, name)(*args))

        for name, how in (
            ("lines", {"mode": "rb"}), ("lines", {"mode": "rb", "buffering": 0}), ("lines", {"encoding": "utf-8"}),
            ("small", {"mode": "r+b"}), ("new", {"mode": "w"}), ("new", {"mode": "ab", "buffering": 100}),
        ):  # fmt: skip
            async with await anyio.open_file(place / name, **how) as file:
                for size in (10, 5000, 0):
                    await step(file, "read", size)
                    await step(file, "tell")
                await step(file, "readline")
                await step(file, "seek", 20)
                await steps(_lines(steps, file))
                await step(file, "seek", 20, 0)
                await step(file, "readlines")
                await step(file, "seek", 0)
                await step(file, "read")
                await step(file, "seek", 7)
                for method in ("read1", "readinto", "readinto1"):
                    if hasattr(file.wrapped, method):
                        into = bytearray(6000)
                        await step(file, method, 6000 if method == "read1" else into)
                        steps.note(bytes(into))
                await step(file, "write", b"bytes" if "b" in how.get("mode", "r") else "text")
                await step(file, "writelines", [b"a", b"b"] if "b" in how.get("mode", "r") else ["a", "b"])
                await step(file, "flush")
                await step(file, "truncate", 50)
            await step(file, "read")
            await step(file, "aclose")
        for wrong in ("nothing", "dir", "loop"):
            await steps(anyio.open_file(place / wrong))

    stat = both(program, tmp_path / "place")
    assert stat["handed_on"] == 0
    assert stat["inline"] > stat["punted"]


async def _lines(steps: Steps, file: anyio.AsyncFile) -> None:
    async for line in file:
        steps.note(line)


def test_a_limiter_holds(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"0123")

    async def main() -> None:
        limiter = anyio.CapacityLimiter(1)
        async with await anyio.open_file(tmp_path / "file", "rb", limiter=limiter) as file:
            assert limiter.borrowed_tokens == 0
            await limiter.acquire()
            with pytest.raises(RuntimeError, match="already holding"):
                await file.read(1)
            reading = asyncio.ensure_future(file.read(1))
            await asyncio.sleep(0)
            assert not reading.done()
            limiter.release()
            assert await reading == b"0"
            assert await file.read(1) == b"1"

    usernel.run(main())


def test_scopes_cancel(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "file").touch()

    async def main() -> None:
        with anyio.CancelScope() as scope:
            scope.cancel()
            await anyio.Path(tmp_path / "file").stat()
            pytest.fail("it went on")
        with anyio.move_on_after(0.02) as scope:
            await anyio.to_thread.run_sync((tmp_path / "fifo").read_bytes, abandon_on_cancel=True)
        assert scope.cancelled_caught
        with anyio.move_on_after(0.02) as scope:
            waiting = asyncio.ensure_future(_open_later(tmp_path / "fifo"))
            (await anyio.open_file(tmp_path / "fifo", "rb")).wrapped.close()
        # Not to be abandoned, it was waited for; and cancelled at the next point.
        assert scope.cancel_called
        await waiting

    usernel.run(asyncio.wait_for(main(), 20))


async def _open_later(path: Path) -> None:
    await asyncio.sleep(0.1)
    os.close(os.open(path, os.O_WRONLY))


def test_other_loops_and_functions_are_anyios(tmp_path: Path) -> None:
    async def main() -> str:
        assert await anyio.Path(tmp_path).is_dir()
        return await anyio.to_thread.run_sync(lambda: threading.current_thread().name)

    for make in (usernel.new_event_loop, uvloop.new_event_loop, asyncio.new_event_loop):
        with asyncio.Runner(loop_factory=make) as runner:
            assert runner.run(main()) == "AnyIO worker thread"


def test_an_opener_may_call_back_into_the_loop(tmp_path: Path) -> None:
    import anyio.from_thread

    def opener(path: str, flags: int) -> int:
        return anyio.from_thread.run(_open, path, flags)

    async def _open(path: str, flags: int) -> int:
        return os.open(path, flags)

    async def main() -> None:
        (tmp_path / "file").touch()
        async with await anyio.open_file(tmp_path / "file", opener=opener) as file:
            assert await file.read() == ""

    usernel.run(asyncio.wait_for(main(), 10))


def test_uninstalled_it_is_as_before(tmp_path: Path) -> None:
    async def main() -> dict[str, int]:
        await anyio.Path(tmp_path).stat()
        return asyncio.get_running_loop().ring.stat()["routing"]

    assert usernel.run(main())["inline"] == 1
    usernel.anyio.uninstall()
    usernel.anyio.uninstall()
    assert usernel.run(main()) == {"routed": 0, "inline": 0, "punted": 0, "handed_on": 0}


def test_temporary_files(tmp_path: Path) -> None:
    async def program(steps: Steps, place: Path) -> None:
        for make in (
            partial(anyio.TemporaryFile, "w+b"), partial(anyio.TemporaryFile, "w+"),
            partial(anyio.NamedTemporaryFile, "w+b"), partial(anyio.NamedTemporaryFile, "w+", suffix=".txt"),
            partial(anyio.SpooledTemporaryFile, 10, "w+b"), partial(anyio.SpooledTemporaryFile, 10_000, "w+"),
        ):  # fmt: skip
            async with make(dir=place) as file:
                text = "b" not in make.args[-1]
                await steps(file.write("some text\n" * 3 if text else b"some bytes\n" * 3))
                await steps(file.seek(5))
                await steps(file.read(10))
                await steps(file.readline())
                await steps(file.tell())
                await steps(file.truncate(7))
        async with anyio.TemporaryDirectory(dir=place) as made:
            await steps(anyio.Path(made, "file").write_bytes(b"bytes"))
        steps.note(await anyio.Path(made).exists())
        fd, path = await anyio.mkstemp(dir=place)
        os.close(fd)
        await anyio.Path(path).unlink()
        await anyio.Path(await anyio.mkdtemp(dir=place)).rmdir()

    stat = both(program, tmp_path / "place")
    assert stat["handed_on"] == 0
    assert stat["routed"] > 40

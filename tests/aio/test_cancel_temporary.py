"""Cancelling at every await of temporary files and directories: none is left, and nothing written is lost."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

import usernel
import usernel.tempfile

from .cancelling import Turns, Written, cancelled_at, each_await

pytestmark = pytest.mark.usefixtures("turns")
LARGE = os.urandom(150_000)
Program = Callable[[], Coroutine[Any, Any, None]]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where they are made; nothing else is."""
    found = tmp_path / "temporary"
    found.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(found))
    return found


def left_in(folder: Path) -> list[str]:
    return [str(path) for path in folder.iterdir()]


# ------------------------------------------------------------------------------------------------------- whole programs


async def use(file: Any, data: Any) -> None:
    await file.seek(0)
    await file.write(data)
    await file.flush()
    await file.seek(0)
    assert await file.read() == data
    await file.truncate(1)
    await file.write(data)


async def named() -> None:
    async with usernel.tempfile.NamedTemporaryFile() as file:
        await use(file, LARGE)


async def named_without_a_buffer() -> None:
    async with usernel.tempfile.NamedTemporaryFile(buffering=0, prefix=b"of bytes") as file:
        await use(file, LARGE)


async def named_text_that_outlives_its_end() -> None:
    async with usernel.tempfile.NamedTemporaryFile("w+", delete_on_close=False) as file:
        await use(file, "text\n" * 20_000)
        await file.close()
        await usernel.read_file(file.name)


async def unnamed() -> None:
    async with usernel.tempfile.TemporaryFile() as file:
        await use(file, LARGE)
    async with usernel.tempfile.TemporaryFile("w+", encoding="utf-16") as file:
        await use(file, "text\n" * 20_000)


async def awaited() -> None:
    """As those are made that are not entered."""
    for make in (usernel.tempfile.NamedTemporaryFile, usernel.tempfile.TemporaryFile):
        file = await make()
        try:
            await use(file, LARGE)
        finally:
            await file.close()


async def spooled() -> None:
    async with usernel.tempfile.SpooledTemporaryFile(100) as file:
        await use(file, b"in memory")
        await use(file, LARGE)
        await file.fileno()
    file = await usernel.tempfile.SpooledTemporaryFile(100, "w+", encoding="utf-8")
    try:
        await use(file, "in memory")
        await file.rollover()
        await use(file, "text\n" * 20_000)
    finally:
        await file.close()


async def directory() -> None:
    async with usernel.tempfile.TemporaryDirectory() as name:
        await usernel.write_file(f"{name}/file", LARGE)
        async with usernel.tempfile.NamedTemporaryFile(dir=name) as file:
            await use(file, b"data")
        await usernel.os.mkdir(f"{name}/below")


async def directory_awaited() -> None:
    made = await usernel.tempfile.TemporaryDirectory(suffix=b".bytes")
    try:
        await usernel.write_file(made.name + b"/file", LARGE)
    finally:
        await made.cleanup()


async def two_of_them() -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(named())
        group.create_task(spooled())
        for _ in range(20):  # where both are somewhere on their way
            await asyncio.sleep(0)


PROGRAMS: list[Program] = [
    named, named_without_a_buffer, named_text_that_outlives_its_end, unnamed, awaited, spooled, directory,
    directory_awaited, two_of_them,
]  # fmt: skip


@pytest.mark.parametrize("program", PROGRAMS)
def test_nothing_is_left_wherever_it_is_cancelled(
    program: Program, late: bool, runner: asyncio.Runner, folder: Path
) -> None:
    async def once(at: int) -> bool:
        cancelled = await cancelled_at(program(), at, late=late)
        assert left_in(folder) == []
        return cancelled

    assert runner.run(each_await(once)) >= 2


# --------------------------------------------------------------------------------------------------------- what is kept


@pytest.mark.parametrize("mode", ["w+b", "w+"])
def test_what_was_written_to_one_that_is_kept_is_there(
    mode: str, late: bool, runner: asyncio.Runner, folder: Path
) -> None:
    """Where nobody was told of its name, it is not kept."""
    pieces = [b"%06d" % at + LARGE[:50_000] for at in range(4)]

    async def write(written: Written, names: list[str]) -> None:
        text = {"encoding": "latin-1", "newline": ""} if mode == "w+" else {}
        async with usernel.tempfile.NamedTemporaryFile(mode, delete=False, **text) as file:
            names.append(file.name)
            for piece in pieces:
                await written.write(file, piece, lambda piece: piece.decode("latin-1") if text else piece)
            await file.flush()
            await written.write(file, pieces[0], lambda piece: piece.decode("latin-1") if text else piece)

    async def once(at: int) -> bool:
        written, names = Written(), list[str]()
        cancelled = await cancelled_at(write(written, names), at, late=late)
        assert left_in(folder) == names
        for name in names:
            assert written.is_right(await usernel.read_file(name))
            await usernel.os.unlink(name)
        return cancelled

    assert runner.run(each_await(once)) >= 3


# ---------------------------------------------------------------------------------------- one call of a spooled file

OLD = b"0123456789"
Step = Callable[[Any], Awaitable[Any]]
CALLS: dict[str, tuple[Step, int, bytes]] = {
    "write": (lambda file: file.write(b"new" * 20), 70, OLD + b"new" * 20),
    "writelines": (lambda file: file.writelines([b"new"] * 20), 70, OLD + b"new" * 20),
    "truncate": (lambda file: file.truncate(60), 10, OLD + bytes(50)),
    "rollover": (lambda file: file.rollover(), 10, OLD),
    "fileno": (lambda file: file.fileno(), 10, OLD),
}
"""What makes it a file; and its position and what is in it afterwards."""


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("mode", ["w+b", "w+"])
def test_one_that_becomes_a_file_loses_nothing(
    name: str, mode: str, late: bool, runner: asyncio.Runner, turns: Turns, folder: Path
) -> None:
    step, position, data = CALLS[name]

    def kind(found: Any) -> Any:
        return found.decode() if mode == "w+" and isinstance(found, bytes) else found

    class OfMode:
        """The file, which is told text where it is one of text."""

        def __init__(self, file: Any) -> None:
            self.file = file

        async def write(self, piece: bytes) -> Any:
            return await self.file.write(kind(piece))

        async def writelines(self, pieces: list[bytes]) -> Any:
            return await self.file.writelines([kind(piece) for piece in pieces])

        def __getattr__(self, name: str) -> Any:
            return getattr(self.file, name)

    async def once(at: int) -> bool:
        async with usernel.tempfile.SpooledTemporaryFile(50, mode) as file:
            await file.write(kind(OLD))
            turns.asked = 0
            cancelled = await cancelled_at(_run(step, OfMode(file)), at, late=late)
            found = await file.tell()
            await file.seek(0)
            found = (found, await file.read())
            # What is written is in memory before it becomes a file, where the task may be cancelled.
            allowed = [(position, kind(data)), *[(len(OLD), kind(OLD))] * cancelled]
            assert found in allowed
            assert left_in(folder) == []
            await file.seek(0, 2)
            await file.write(kind(b"and more" * 20))  # it becomes one the next time
            await file.seek(0)
            assert await file.read() == found[1] + kind(b"and more" * 20)
            assert file.name is not None
        return cancelled

    assert runner.run(each_await(once)) >= 2


async def _run(step: Step, file: Any) -> None:
    await step(file)

"""All that a file of aiofiles has, ours of that mode has: names, what is awaited, properties, detach, buffer sizes."""

from __future__ import annotations

import asyncio
import inspect
import io
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiofiles
import pytest

import usernel

MODES: list[tuple[str, dict[str, Any]]] = [
    ("rb", {}), ("wb", {}), ("rb+", {}), ("ab", {}), ("rb", {"buffering": 0}), ("wb+", {"buffering": 0}),
    ("r", {}), ("w", {"encoding": "latin-1", "errors": "replace"}), ("r+", {"newline": "\r\n", "buffering": 1}),
    ("a", {"buffering": 100}), ("rb", {"buffering": 100}),
]  # fmt: skip


@pytest.fixture
def path(tmp_path: Path) -> str:
    (tmp_path / "f").write_bytes(b"one\ntwo\r\nthree")
    return str(tmp_path / "f")


@pytest.mark.parametrize(("mode", "given"), MODES)
def test_every_public_name_is_there_and_awaited_where_theirs_is(path: str, mode: str, given: dict[str, Any]) -> None:
    async def program() -> None:
        async with aiofiles.open(path, mode, **given) as theirs, usernel.open(path, mode, **given) as ours:
            names = [one for one in dir(type(theirs)) if not one.startswith("_")] + ["__aiter__", "__anext__"]
            assert len(names) > 15
            for name in names:
                expected, found = getattr(type(theirs), name), getattr(type(ours), name)
                assert inspect.iscoroutinefunction(found) == inspect.iscoroutinefunction(expected), name
                assert isinstance(found, property) == isinstance(expected, property), name

    usernel.run(program())


@pytest.mark.parametrize(("mode", "given"), MODES)
def test_what_is_known_of_a_file_is_as_theirs(path: str, mode: str, given: dict[str, Any]) -> None:
    async def program() -> None:
        async with aiofiles.open(path, mode, **given) as theirs, usernel.open(path, mode, **given) as ours:
            for name, _ in inspect.getmembers(type(theirs), lambda one: isinstance(one, property)):
                if name not in {"buffer", "raw", "_loop"}:
                    assert getattr(ours, name) == getattr(theirs, name), name
            for name in ("isatty", "seekable", "writable", "readable"):
                answers = [getattr(file, name)() for file in (ours, theirs)]
                found, expected = [await one if inspect.isawaitable(one) else one for one in answers]
                assert found == expected, name
            if hasattr(theirs, "raw"):
                assert (ours.raw.name, ours.raw.mode) == (theirs.raw.name, theirs.raw.mode)
        assert ours.closed
        assert theirs.closed

    usernel.run(program())


@pytest.mark.parametrize("kind", [str, os.fsencode, Path])
def test_a_file_is_named_as_pythons_own(path: str, kind: Callable[[str], Any]) -> None:
    async def program() -> None:
        for mode, given in MODES:
            with open(kind(path), mode, **given) as theirs:  # noqa: ASYNC230, PTH123 - the oracle
                async with usernel.open(kind(path), mode, **given) as ours:
                    assert ours.name == theirs.name
                    assert type(ours.name) is type(theirs.name)

    usernel.run(program())


def test_the_arguments_are_those_of_aiofiles_and_of_open() -> None:
    ours = inspect.signature(usernel.open).parameters
    theirs = inspect.signature(aiofiles.open).parameters
    assert {name: (one.kind, one.default) for name, one in ours.items()} == {
        name: (one.kind, one.default) for name, one in theirs.items()
    }
    assert list(inspect.signature(open).parameters) == list(ours)[:8]


def test_loop_and_executor_are_taken(path: str) -> None:
    async def program() -> None:
        loop = asyncio.get_running_loop()
        async with usernel.open(path, loop=loop, executor=None) as file:
            assert await file.readline() == "one\n"

    usernel.run(program())


@pytest.mark.parametrize("mode", ["rb", "rb+", "wb", "ab", "r", "r+", "w"])
def test_what_is_detached_is_where_theirs_is(path: str, mode: str) -> None:
    data: Any = b"12" if "b" in mode else "12"

    async def steps(file: Any) -> list[Any]:
        answers: list[Any] = []
        if "r" in mode:
            answers.append(await file.readline())
        if mode not in {"r", "rb"}:
            if "r" in mode:
                await file.seek(4)
            answers.append(await file.write(data))
        below = file.detach()
        with pytest.raises(ValueError, match=r"detached|closed"):
            await file.read()
        if not isinstance(below, io.RawIOBase) and "b" not in mode:
            if inspect.iscoroutinefunction(below.flush):
                await below.flush()
            below = below.detach()
        assert isinstance(below, io.FileIO)
        answers += [below.tell(), below.name]
        below.close()
        return answers

    async def program() -> None:
        start = Path(path).read_bytes()  # noqa: ASYNC240
        answers = []
        for module in (usernel, aiofiles):
            Path(path).write_bytes(start)  # noqa: ASYNC240
            found = await steps(await module.open(path, mode))
            answers.append([found, Path(path).read_bytes()])  # noqa: ASYNC240
        assert answers[0] == answers[1]

    usernel.run(program())


def test_what_is_detached_while_it_is_used_is_refused(path: str) -> None:
    async def program() -> None:
        async with usernel.open(path, "wb") as file:
            await file.write(b"x" * 100_000)  # more than is gathered
            with pytest.raises(ValueError, match="flush"):
                file.detach()
            await file.flush()
            raw = file.detach()
            raw.write(b"y")
            raw.close()
        assert await usernel.read_file(path) == b"x" * 100_000 + b"y"

    usernel.run(program())


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - nobody tells of it
            await asyncio.sleep(0.001)


def test_a_buffers_size_is_what_is_read_ahead_and_gathered(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(bytes(range(256)) * 4096)

    async def program() -> None:
        for size in (10, 1000, 300_000):
            async with usernel.open(path, "rb", buffering=size) as file:
                assert await file.read(1) == b"\0"
                assert len(await file.peek()) == size - 1
                await file.seek(500_000)
                await file.readline()
                await file.read(1)
                assert len(await file.peek()) <= size
        async with usernel.open(tmp_path / "new", "wb", buffering=1000) as file:
            await file.write(b"x" * 999)
            await asyncio.sleep(0)
            assert (await usernel.os.stat(tmp_path / "new")).st_size == 0
            await file.write(b"x")
            await until(lambda: (tmp_path / "new").stat().st_size == 1000)
        async with usernel.open(tmp_path / "text", "w+", buffering=7, encoding="utf-8") as file:
            await file.writelines(f"line {number}\n" for number in range(100))
            await file.seek(0)
            assert [line async for line in file] == [f"line {number}\n" for number in range(100)]

    usernel.run(program())


def test_lines_cannot_be_buffered_of_bytes(path: str) -> None:
    with pytest.warns(RuntimeWarning) as theirs, open(path, "rb", 1):  # noqa: PTH123 - the oracle
        pass
    with pytest.warns(RuntimeWarning) as ours:
        usernel.open(path, "rb", 1)
    assert str(ours[0].message) == str(theirs[0].message)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        usernel.open(path, "r", 1)

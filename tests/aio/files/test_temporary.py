"""Temporary files and directories, compared with those of aiofiles and of tempfile itself."""

from __future__ import annotations

import asyncio
import inspect
import os
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from stat import S_IMODE
from typing import Any

import aiofiles.tempfile
import pytest

import usernel
import usernel.tempfile

KINDS = ["NamedTemporaryFile", "TemporaryFile", "SpooledTemporaryFile"]
MODES: list[dict[str, Any]] = [
    {},
    {"mode": "w+b", "buffering": 0},
    {"mode": "w+", "encoding": "utf-16", "newline": "\r\n"},
    {"mode": "w+", "encoding": "latin-1", "buffering": 1},
    {"mode": "wb", "prefix": "p", "suffix": ".s"},
]


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    usernel.run(asyncio.sleep(0))


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def left() -> list[Path]:
    """What is in the directory of temporary files."""
    return list(Path(tempfile.gettempdir()).iterdir())


def is_there(path: str) -> bool:
    return Path(path).exists()


@pytest.mark.parametrize("name", [*KINDS, "TemporaryDirectory"])
def test_the_arguments_are_those_of_aiofiles(name: str) -> None:
    theirs = inspect.signature(getattr(aiofiles.tempfile, name)).parameters
    ours = inspect.signature(getattr(usernel.tempfile, name)).parameters
    assert [ours[one].default for one in theirs] == [parameter.default for parameter in theirs.values()]
    positional = [one for one, parameter in ours.items() if parameter.kind is not inspect.Parameter.KEYWORD_ONLY]
    assert [one for one in positional if one in theirs] == list(theirs)


async def used(module: Any, kind: str, given: dict[str, Any]) -> list[Any]:
    """What one answers that is written, read and left."""
    answers: list[Any] = []
    data = [b"one\n", b"two\nthree"] if "b" in given.get("mode", "w+b") else ["one\n", "two\nthree é"]
    more = {"max_size": 7} if kind == "SpooledTemporaryFile" else {}
    async with getattr(module, kind)(**given, **more) as file:
        answers += [type(file.name), file.mode, file.closed]
        for piece in data:
            answers.append(await file.write(piece))
        answers += [type(file.name), file.mode, await file.tell(), await file.flush()]
        await file.seek(0)
        for call in (file.readline, file.read, file.tell, file.isatty):
            try:
                answers.append(await call())
            except OSError as error:
                answers.append(type(error))
        answers.append(await file.truncate(3))
        fd = file.fileno()
        answers.append(S_IMODE(os.fstat(await fd if inspect.isawaitable(fd) else fd).st_mode))
        answers += [getattr(file, one, "none") for one in ("encoding", "newlines")]
        if kind == "NamedTemporaryFile":
            answers += [Path(file.name).name[:1] == "p", Path(file.name).suffix, is_there(file.name)]
            answers += [file.delete] if sys.version_info < (3, 12) else []  # aiofiles has it for those alone
    return [*answers, file.closed, left()]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("given", MODES)
def test_one_is_as_that_of_aiofiles(kind: str, given: dict[str, Any]) -> None:
    before = descriptors()
    ours = usernel.run(used(usernel.tempfile, kind, given))
    assert descriptors() == before
    assert ours == asyncio.run(used(aiofiles.tempfile, kind, given))


@pytest.mark.parametrize("max_size", [0, 4, 100])
@pytest.mark.parametrize("mode", ["w+b", "w+"])
def test_a_spooled_file_is_in_memory_until_it_is_too_long(max_size: int, mode: str) -> None:
    piece: Any = b"ab\n" if mode == "w+b" else "aé\n"

    async def theirs_and_ours(step: Callable[[Any], Any], file: Any, twin: Any) -> None:
        answer = step(file)
        assert (await answer if isinstance(answer, Awaitable) else answer) == step(twin)

    async def program() -> None:
        how = {"encoding": "utf-8"} if mode == "w+" else {}
        async with usernel.tempfile.SpooledTemporaryFile(max_size, mode, **how) as file:
            with tempfile.SpooledTemporaryFile(max_size, mode, **how) as twin:  # type: ignore[call-overload]
                steps: list[Callable[[Any], Any]] = [
                    lambda one: one.write(piece), lambda one: one.name is None, lambda one: one.mode,
                    lambda one: one.seek(1), lambda one: one.read(1), lambda one: one.tell(),
                    lambda one: one.writelines([piece, piece]), lambda one: one.name is None, lambda one: one.mode,
                    lambda one: one.seek(0), lambda one: one.readlines(), lambda one: one.truncate(1),
                    lambda one: one.truncate(50), lambda one: one.name is None, lambda one: one.seek(0),
                    lambda one: one.read(), lambda one: one.closed, lambda one: one.rollover(),
                    lambda one: one.mode, lambda one: one.seek(0), lambda one: one.readline(),
                ]  # fmt: skip
                for step in steps:
                    await theirs_and_ours(step, file, twin)
        assert file.closed

    before = descriptors()
    usernel.run(program())
    assert descriptors() == before


def test_tasks_that_write_to_a_spooled_file_while_it_becomes_one_lose_nothing() -> None:
    async def program() -> None:
        async with usernel.tempfile.SpooledTemporaryFile(max_size=50) as file:
            await asyncio.gather(*(file.write(b"0123456789") for _ in range(20)), return_exceptions=False)
            await file.seek(0)
            assert await file.read() == b"0123456789" * 20
            assert [line async for line in file] == []

    usernel.run(program())


def test_a_named_file_is_removed_when_that_is_due() -> None:
    async def program() -> None:
        async with usernel.tempfile.NamedTemporaryFile() as file:
            path = file.name
            await file.close()
            assert not is_there(path)
        async with usernel.tempfile.NamedTemporaryFile(delete_on_close=False) as file:
            path = file.name
            await file.write(b"kept")
            await file.close()
            assert await usernel.read_file(path) == b"kept"
        assert not is_there(path)
        async with usernel.tempfile.NamedTemporaryFile(delete=False, dir=os.fsencode(tempfile.gettempdir())) as file:
            assert not file.delete
        assert isinstance(file.name, bytes)
        await usernel.os.unlink(file.name)
        file = await usernel.tempfile.NamedTemporaryFile()
        async with file:
            pass
        async with usernel.tempfile.NamedTemporaryFile() as file:
            await usernel.os.unlink(file.name)
            with pytest.raises(FileNotFoundError):
                await file.close()
        for wrong in ({"mode": "q"}, {"mode": "w+", "buffering": 0}, {"mode": "wb", "encoding": "utf-8"}):
            with pytest.raises(ValueError, match=r"."):
                await usernel.tempfile.NamedTemporaryFile(**wrong)
        with pytest.raises(FileNotFoundError):
            await usernel.tempfile.NamedTemporaryFile(dir=tempfile.gettempdir() + "/none")

    before = descriptors()
    usernel.run(program())
    assert (descriptors(), left()) == (before, [])


def test_one_that_is_forgotten_is_removed() -> None:
    async def program() -> None:
        file = [await usernel.tempfile.NamedTemporaryFile()]
        path = file[0].name
        with pytest.warns(ResourceWarning, match="unclosed"):
            file.clear()
        assert not is_there(path)

    usernel.run(program())


def test_a_directory() -> None:
    async def program() -> None:
        async with usernel.tempfile.TemporaryDirectory(suffix="s", prefix="p") as name:
            assert Path(name).name.startswith("p")
            assert name.endswith("s")
            await usernel.write_file(f"{name}/file", b"content")
            await usernel.os.mkdir(f"{name}/below")
        assert not is_there(name)
        directory = await usernel.tempfile.TemporaryDirectory()
        assert is_there(directory.name)
        await directory.cleanup()
        assert not is_there(directory.name)

    usernel.run(program())


@pytest.mark.parametrize("kind", [*KINDS, "TemporaryDirectory"])
def test_a_task_that_is_cancelled_leaves_nothing(kind: str) -> None:
    async def use() -> None:
        given = {"max_size": 10} if kind == "SpooledTemporaryFile" else {}
        async with getattr(usernel.tempfile, kind)(**given) as file:
            if kind == "TemporaryDirectory":
                await usernel.write_file(f"{file}/one", b"content")
            else:
                await file.write(b"x" * 1000)
                await file.flush()

    async def program() -> None:
        await use()
        before, ended = descriptors(), 0
        for turns in range(25):
            task = asyncio.ensure_future(use())
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            outcome = (await asyncio.gather(task, return_exceptions=True))[0]
            assert outcome is None or isinstance(outcome, asyncio.CancelledError)
            ended += outcome is not None
            assert (descriptors(), left()) == (before, [])
        assert ended

    usernel.run(program())

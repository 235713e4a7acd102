"""All that aiofiles offers is driven on both loops: what it offers is enumerated, and nothing may be left out."""

from __future__ import annotations

import asyncio
import inspect
import io
import os
import sys
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import aiofiles
import aiofiles.os
import aiofiles.tempfile
import aiofiles.threadpool
import pytest
from aiofiles.tempfile import temptypes
from aiofiles.threadpool import binary, text

from .every import Driven, drive, everything
from .twice import Steps, both

MODES = ("rb", "wb", "ab", "xb", "r+b", "w+b", "a+b", "r", "w", "a", "x", "r+", "w+", "a+")
STREAMS = [name for name in aiofiles.threadpool.__all__ if name != "open"]
CLASSES = [
    cls
    for module in (binary, text, temptypes)
    for cls in vars(module).values()
    if inspect.isclass(cls) and cls.__module__ == module.__name__
]
REFUSED = {
    *((binary.AsyncBufferedIOBase, name) for name in ("read", "read1", "readinto", "readline", "readlines")),
    *(
        (cls, name)
        for cls in (binary.AsyncIndirectBufferedReader, binary.AsyncIndirectFileIO)
        for name in ("truncate", "write", "writelines")
    ),
}
"""What is offered and always refused: to read what is only written, and to write what is only read."""
Opens = Callable[[], Awaitable[Any]]


def files(place: Path) -> Iterator[tuple[str, Opens]]:
    """Of every mode."""

    async def opened(mode: str, buffering: int) -> Any:
        path = place / ("new" if "x" in mode else "lines")
        if "x" in mode:
            path.unlink(missing_ok=True)
        return await aiofiles.open(path, mode, buffering)

    for mode in MODES:
        for buffering in (-1, 0) if "b" in mode else (-1,):
            yield mode, partial(opened, mode, buffering)


def temporary(place: Path) -> Iterator[tuple[str, Opens]]:
    """All that aiofiles.tempfile makes."""

    async def rolled(mode: str) -> Any:
        file = await aiofiles.tempfile.SpooledTemporaryFile(10, mode, dir=place)
        await file.rollover()
        return file

    for name in aiofiles.tempfile.__all__:
        make = partial(getattr(aiofiles.tempfile, name), dir=place)
        if name == "TemporaryDirectory":
            yield "b", make
            continue
        for mode in ("w+b", "w+"):
            yield mode, partial(make, mode=mode)
    yield "w+b", partial(aiofiles.tempfile.TemporaryFile, "w+b", buffering=0, dir=place)
    for mode in ("w+b", "w+"):
        yield mode, partial(rolled, mode)


def streams(place: Path, patch: pytest.MonkeyPatch) -> Iterator[tuple[str, Opens]]:
    """Those of the program, and the other classes that find their file each time anew."""

    async def opened(name: str) -> Any:
        of = name.removesuffix("_bytes")
        path, mode = ("lines", "r") if of == "stdin" else (of, "w")
        patch.setattr(sys, of, io.open(place / path, mode, encoding="utf-8"))  # noqa: SIM115, UP020 - closed by whoever drives
        return getattr(aiofiles, name)

    async def indirect(cls: Any, buffering: int) -> Any:
        file = open(place / "lines", "rb", buffering)  # noqa: SIM115 - as above
        return cls("of this test", None, None, indirect=lambda: file)

    for name in STREAMS:
        yield "b" if name.endswith("bytes") else "", partial(opened, name)
    yield "b", partial(indirect, binary.AsyncIndirectBufferedReader, -1)
    yield "b", partial(indirect, binary.AsyncIndirectFileIO, 0)


def test_every_method_of_every_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    driven: Driven = set()

    async def program(steps: Steps, place: Path) -> None:
        for kinds in (files(place), temporary(place), streams(place, monkeypatch)):
            for mode, opens in kinds:
                await drive(steps, opens, driven, binary="b" in mode)

    assert both(program, tmp_path / "place")["handed_on"] == 0
    assert everything(CLASSES) - driven == REFUSED


def functions() -> dict[str, Any]:
    """Of aiofiles.os and aiofiles.os.path; the latter's by their whole name."""
    found = {name: getattr(aiofiles.os, name) for name in aiofiles.os.__all__ if name not in {"path", "wrap"}}
    return found | {f"path.{name}": getattr(aiofiles.os.path, name) for name in aiofiles.os.path.__all__}


ONE = [("small",), ("nothing",), ("dir",), ("link",), ("dangling",), ("fifo",), ("small/x",)]
CALLS: dict[str, list[tuple[Any, ...]]] = {
    **dict.fromkeys([name for name in functions() if name.startswith("path.")], ONE),
    **dict.fromkeys(("stat", "listdir", "scandir", "readlink"), ONE),
    "path.samefile": [("small", "link"), ("small", "lines"), ("small", "nothing")],
    "path.sameopenfile": [(0, 0), (0, 987_654)],
    "access": [("small", os.R_OK), ("nothing", os.F_OK)],
    "getcwd": [()],
    "statvfs": [("dir",), ("nothing",)],
    "sendfile": [(-1, -1, 0, 1)],  # one that is done needs descriptors: it is below
    "mkdir": [("made",), ("made",), ("nothing/made",)],
    "makedirs": [("made/a/b",), ("made/a/b", 0o700), ("made/a/b", 0o700, True)],
    "symlink": [("small", "made/symlink"), ("small", "made/symlink")],
    "link": [("small", "made/hard"), ("nothing", "made/hard")],
    "rename": [("made/hard", "made/renamed"), ("nothing", "x")],
    "renames": [("made/renamed", "other/renamed"), ("nothing", "x")],
    "replace": [("other/renamed", "made/replaced"), ("nothing", "x")],
    "remove": [("made/replaced",), ("made/replaced",), ("dir",)],
    "unlink": [("made/symlink",), ("nothing",)],
    "rmdir": [("made/a/b",), ("dir",), ("nothing",)],
    "removedirs": [("made/a",), ("dir",)],
}
"""In an order in which each finds what it is to work on."""


def test_every_function(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    driven: set[str] = set()

    async def program(steps: Steps, place: Path) -> None:
        monkeypatch.chdir(place)
        offered = functions()
        for name, calls in CALLS.items():
            for args in calls:
                steps.note(name, *args)
                found = await steps(offered[name](*args))
                if not steps.failed:
                    driven.add(name)
                if hasattr(found, "close"):
                    found.close()
        with open("small", "rb") as source, open("sent", "wb") as sink:
            steps.note(await aiofiles.os.sendfile(sink.fileno(), source.fileno(), 0, 5000))
            driven.add("sendfile")
        steps.note(await aiofiles.os.wrap(os.stat)("small"))

    assert both(program, tmp_path / "place")["handed_on"] == 0
    assert functions().keys() - driven == set()


def test_an_executor_or_a_loop_that_is_named(tmp_path: Path) -> None:
    async def program(steps: Steps, place: Path) -> None:
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(1) as pool:
            for named in ({"executor": pool}, {"loop": loop}, {"loop": loop, "executor": pool}):
                async with aiofiles.open(place / "lines", "rb", **named) as file:
                    await steps(file.read(20))
                    await steps(file.readline())
                await steps(aiofiles.os.stat(place / "small", **named))
                await steps(aiofiles.os.path.exists(place / "small", **named))
                async with aiofiles.tempfile.TemporaryFile("w+b", dir=place, **named) as file:
                    await steps(file.write(b"bytes"))
                    await steps(file.tell())

    stat = both(program, tmp_path / "place")
    assert (stat["handed_on"], stat["routed"] > 8) == (0, True)

"""All that anyio offers on files is driven on both loops: what it offers is enumerated, and nothing may be left out."""

from __future__ import annotations

import ast
import asyncio
import inspect
import io
import os
import pathlib
import sys
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import anyio
import anyio.streams.file
import pytest
from anyio._core import _fileio, _tempfile
from anyio.streams.file import FileReadStream, FileStreamAttribute, FileWriteStream

import usernel
import usernel.anyio

from .every import Driven, drive, everything, public
from .twice import Steps, both, furnish

Opens = Callable[[], Awaitable[Any]]
TEMPORARY = ("TemporaryFile", "NamedTemporaryFile", "SpooledTemporaryFile")


@pytest.fixture(autouse=True)
def _installed() -> Iterator[None]:
    usernel.anyio.install()
    yield
    usernel.anyio.uninstall()


def offered(module: ModuleType) -> set[str]:
    """The names of the functions and classes that a module defines; ``dir`` has those that it imports, too."""
    kinds = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    defined = {node.name for node in ast.parse(inspect.getsource(module)).body if isinstance(node, kinds)}
    return {name for name in defined if not name.startswith("_")}


def test_these_are_all_that_is_offered() -> None:
    assert offered(_fileio) == {"AsyncFile", "Path", "open_file", "wrap_file"}
    assert offered(_tempfile) == {*TEMPORARY, "TemporaryDirectory", *CALLS}
    assert offered(anyio.streams.file) == {"FileReadStream", "FileWriteStream", "FileStreamAttribute"}
    assert all(hasattr(anyio, name) for module in (_fileio, _tempfile) for name in offered(module))


class HandedOn:
    """The names under which something went to anyio's own threads on a loop of ours."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def now(self) -> int:
        loop = asyncio.get_running_loop()
        return loop.router.handed_on if isinstance(loop, usernel.EventLoop) else 0

    def since(self, before: int, name: str) -> None:
        if self.now() > before:
            self.names.add(name)


def plain(found: Any) -> Any:
    """With paths by what they are; a loop compares nothing else of them."""
    if isinstance(found, anyio.Path):
        return f"anyio.Path {found}"
    return [plain(part) for part in found] if type(found) in {list, tuple} else found


async def listed(found: Any) -> list[Any]:
    """What an asynchronous iterator gives, in an order that does not depend on the directory's."""
    parts = []
    async for part in found:
        if isinstance(part, tuple):  # of walk: it goes on by the order of these
            part[1].sort()
            part[2].sort()
        parts.append(plain(part))
    return sorted(parts, key=str)


async def use(steps: Steps, driven: Driven, thing: Any, name: str, *args: Any) -> Any:
    """Look at what a thing offers, or call it; it was driven if that gives something."""

    async def answer() -> Any:
        found = getattr(thing, name)
        found = found(*args) if inspect.isroutine(found) else found
        found = await found if inspect.isawaitable(found) else found
        if isinstance(found, anyio.AsyncFile):
            async with found:
                return await found.read(10)
        return await listed(found) if hasattr(found, "__aiter__") else plain(found)

    steps.note(name, *args)
    found = await steps(answer())
    if not steps.failed:
        driven.add((thing if inspect.isclass(thing) else type(thing), name))
    return found


# --------------------------------------------------------------------------------------------------------------- files


def files(place: Path) -> Iterator[tuple[str, Opens]]:
    """Opened and wrapped, of every kind that Python has."""

    async def wrapped(path: Path, mode: str, buffering: int) -> Any:
        return anyio.wrap_file(path.open(mode, buffering))

    async def of_class(path: Path, mode: str, buffering: int) -> Any:
        return anyio.AsyncFile(path.open(mode, buffering), limiter=anyio.CapacityLimiter(1))

    async def of_path(path: Path, mode: str, buffering: int) -> Any:
        return await anyio.Path(path, limiter=anyio.CapacityLimiter(1)).open(mode, buffering)

    for mode, buffering in (("rb", -1), ("r+b", -1), ("wb", -1), ("r+b", 0), ("a+", -1), ("r+", 1)):
        for opens in (anyio.open_file, wrapped, of_class, of_path):
            yield mode, partial(opens, place / "lines", mode, buffering)


def temporary(place: Path) -> Iterator[tuple[str, Opens]]:
    """All that anyio makes of them; a spooled one in memory, and as a file."""

    async def made(name: str, mode: str, **named: Any) -> Any:
        return await getattr(anyio, name)(mode=mode, dir=place, **named).__aenter__()

    async def rolled(mode: str) -> Any:
        file = await made("SpooledTemporaryFile", mode)
        await file.rollover()
        return file

    for mode in ("w+b", "w+"):
        for name in TEMPORARY:
            yield mode, partial(made, name, mode)
        yield mode, partial(rolled, mode)
        yield mode, partial(made, "SpooledTemporaryFile", mode, max_size=7)


def test_every_method_of_every_file(tmp_path: Path) -> None:
    driven: Driven = set()

    async def program(steps: Steps, place: Path) -> None:
        for kinds in (files(place), temporary(place)):
            for mode, opens in kinds:
                await drive(steps, opens, driven, binary="b" in mode)
                async with await opens() as file:
                    await steps(file.write(b"a\nb\n" if "b" in mode else "a\nb\n"))
                    await steps(file.seek(0))
                    await steps(listed(file))

    # Of a spooled file anyio has a thread call ``flush``, where that is memory still: of each of four once.
    assert both(program, tmp_path / "place")["handed_on"] == 4
    assert everything([anyio.AsyncFile, anyio.SpooledTemporaryFile]) - driven == set()


def test_what_is_wrapped_and_no_file_goes_to_anyios_own_threads(tmp_path: Path) -> None:
    async def program(steps: Steps, _place: Path) -> None:
        for memory in (io.BytesIO(b"one\ntwo\n"), io.StringIO("one\ntwo\n")):
            async with anyio.wrap_file(memory) as file:
                await steps(file.readline())
                await steps(listed(file))

    assert both(program, tmp_path / "place")["handed_on"] > 5


def test_streams(tmp_path: Path) -> None:
    driven: Driven = set()

    async def program(steps: Steps, place: Path) -> None:
        (place / "long").write_bytes(b"in pieces" * 10_000)
        for stream in (
            await FileReadStream.from_path(place / "long"), await FileWriteStream.from_path(place / "new"),
            await FileWriteStream.from_path(place / "long", append=True),
            FileReadStream((place / "long").open("rb")), FileWriteStream((place / "new").open("r+b", 0)),
        ):  # fmt: skip
            driven.add((type(stream), "from_path"))
            for attribute in (FileStreamAttribute.file, FileStreamAttribute.path):
                await use(steps, driven, stream, "extra", attribute)
            steps.note(stream.extra(FileStreamAttribute.fileno) >= 0, len(stream.extra_attributes))
            driven.add((type(stream), "extra_attributes"))
            for name, *args in (
                ("receive", 10), ("tell",), ("receive",), ("seek", 5), ("receive", 5), ("seek", 0, 2), ("receive",),
                ("receive", 0), ("send", b"bytes"), ("aclose",), ("receive",), ("send", b"too late"), ("tell",),
            ):  # fmt: skip
                await use(steps, driven, stream, name, *args)
        await steps(FileReadStream.from_path(place / "nothing"))
        await steps(FileWriteStream.from_path(place / "dir"))

    assert both(program, tmp_path / "place")["handed_on"] == 0
    assert everything([FileReadStream, FileWriteStream]) - driven == set()


# --------------------------------------------------------------------------------------------------------------- paths

ARGUMENTS: dict[str, list[tuple[Any, ...]]] = {
    **{key: [(0o600,)] for key in ("chmod", "lchmod")},
    **{key: [("small",), ("nothing",)] for key in ("hardlink_to", "samefile")},
    **{key: [("renamed",), (anyio.Path("renamed"),)] for key in ("rename", "replace", "copy", "move")},
    **{key: [("dir",)] for key in ("copy_into", "move_into")},
    **{key: [("*",), ("**/f*",), ("",)] for key in ("glob", "rglob")},
    **{key: [("dir",)] for key in ("is_relative_to", "relative_to")},
    **{key: [("small",)] for key in ("match", "full_match", "joinpath", "with_name", "with_stem")},
    "from_uri": [("file:///small",), ("small",)],
    "mkdir": [(), (0o700, True, True)],
    "open": [(), ("rb", 0), ("r+", 1, "utf-8", "replace", "")],
    "read_text": [("utf-8",), ("ascii", "replace"), ("no such encoding",)],
    "resolve": [(), (True,)],
    "symlink_to": [("anywhere",)],
    "touch": [(), (0o600, False)],
    "unlink": [(), (True,)],
    "walk": [(), (False,), (True, None, True)],
    "with_segments": [("one", "two")],
    "with_suffix": [(".suffix",)],
    "write_bytes": [(b"bytes",)],
    "write_text": [("text é\n", "utf-8", "strict", "\r\n"), ("é", "ascii")],
}
PATHS = ("small", "link", "nothing", "dir", "dir/below", "dangling", "loop", "wrong", "lines", "fifo")
WAIT = {"open", "read_bytes", "read_text", "write_bytes", "write_text", "copy", "copy_into", "move", "move_into"}
"""What would wait for the other end of a FIFO."""
BY_ANYIO = {"cwd", "glob", "home", "iterdir", "rglob", "walk"}
"""Those whose iterators anyio asks by ``next``, and two of the class."""


@pytest.mark.filterwarnings("ignore:pathlib.PurePath.is_reserved:DeprecationWarning")
def test_every_method_of_paths(tmp_path: Path) -> None:
    driven: Driven = set()
    handed_on = HandedOn()

    async def program(steps: Steps, place: Path) -> None:
        for name in public(anyio.Path):
            before = handed_on.now()
            for args in ARGUMENTS.get(name, [()]):
                furnish(place)
                os.chdir(place)
                for path in (*PATHS, str(place / "small")):
                    if path != "fifo" or name not in WAIT:
                        await use(steps, driven, anyio.Path(path), name, *args)
            handed_on.since(before, name)
        await steps(anyio.Path("small").stat(follow_symlinks=False))
        await steps(anyio.Path("dir/../small").resolve(strict=True))

    stat = both(program, tmp_path / "place")
    assert stat["inline"] > 100
    assert handed_on.names == BY_ANYIO & set(public(anyio.Path))
    assert {name for _, name in everything([anyio.Path]) - driven} == set()


def test_paths_are_walked_where_python_walks_them() -> None:
    """anyio offers it from Python 3.12 on, as pathlib does; where it is offered, it is driven above."""
    assert ("walk" in public(anyio.Path)) == (sys.version_info >= (3, 12)) == hasattr(pathlib.Path, "walk")
    assert set(public(pathlib.Path)) - set(public(anyio.Path)) <= {"link_to"}  # which is deprecated


async def test_a_walk_that_is_left_early_leaves_nothing(tmp_path: Path) -> None:
    """Nor do the others that iterate: each call of theirs is whole before the next."""
    furnish(tmp_path / "place")
    names = sorted({"iterdir", "glob", "rglob", "walk"} & set(public(anyio.Path)))
    before = len(os.listdir("/proc/self/fd"))
    for name in names:
        found = getattr(anyio.Path(tmp_path / "place"), name)(*("*",) * name.endswith("glob"))
        assert await anext(found)
        if inspect.isasyncgen(found):
            await found.aclose()
        del found
    assert len(os.listdir("/proc/self/fd")) == before


# --------------------------------------------------------------------------------------------------- temporary files

CALLS: dict[str, list[tuple[Any, ...]]] = {
    "mkstemp": [(), (".suffix", "prefix"), (b".suffix", None), (None, None, "nothing")],
    "mkdtemp": [(), (".suffix", "prefix"), (b".suffix", None), (None, None, "nothing")],
    "gettempdir": [()],
    "gettempdirb": [()],
}


def test_temporary_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    handed_on = HandedOn()
    driven: Driven = set()

    async def program(steps: Steps, place: Path) -> None:
        monkeypatch.setattr("tempfile.tempdir", str(place))
        for name, calls in CALLS.items():
            for args in calls:
                before = handed_on.now()
                found = await steps(_typed(getattr(anyio, name)(*args)))
                handed_on.since(before, name)
                steps.note(found)
        for given in ({}, {"suffix": b".suffix", "ignore_cleanup_errors": True}, {"dir": place / "nothing"}):
            before = handed_on.now()
            directory = anyio.TemporaryDirectory(**given)
            await use(steps, driven, directory, "cleanup")
            await steps(_left(directory))
            await use(steps, driven, directory, "cleanup")
            handed_on.since(before, "TemporaryDirectory")

    both(program, tmp_path / "place")
    assert everything([anyio.TemporaryDirectory]) - driven == set()
    assert handed_on.names == {"gettempdir", "gettempdirb"}


async def _typed(found: Awaitable[Any]) -> str:
    """What it is like, but for the name, which is another each time; and it is removed."""
    try:
        made = await found
    except OSError as error:
        return f"{error.strerror} {error.filename.rpartition('/')[0]}"
    path = made[1] if isinstance(made, tuple) else made
    ends = os.fsencode(path).endswith(b".suffix")
    said = f"{type(made)} {type(path)} {os.path.dirname(path)!r} {ends} {os.stat(path).st_mode:o}"
    if isinstance(made, tuple):
        os.close(made[0])
        os.unlink(path)
    elif len(os.listdir(path)) == 0:
        os.rmdir(path)
    return said


async def _left(directory: anyio.TemporaryDirectory[Any]) -> Any:
    try:
        async with directory as name:
            await anyio.Path(os.fsdecode(name), "file").write_bytes(b"bytes")
            assert os.path.exists(name)
    except FileNotFoundError as error:
        return error.strerror
    return type(name), os.path.exists(name)

"""The committed list is the rule: no function on files is left out of it unawares."""

from __future__ import annotations

import inspect
import io
import os
import types
from pathlib import PosixPath

import aiofiles
import aiofiles.os
import aiofiles.tempfile
import pytest
from aiofiles.tempfile import temptypes
from aiofiles.threadpool import binary, text

import usernel
from usernel.aio.routing.known import BY_WORKERS, CALLS, HANDED_ON, METHODS
from usernel.aio.routing.router import find

WHY_NOT = {name: why for why, names in HANDED_ON.items() for name in names.split()}


def routed(function: object) -> bool:
    return function in CALLS or function in BY_WORKERS


@pytest.mark.parametrize("module", [os, os.path], ids=["os", "os.path"])
def test_each_function_of_a_module_is_routed_or_there_is_a_reason(module: types.ModuleType) -> None:
    functions = {name: thing for name, thing in vars(module).items() if not name.startswith("_")}
    left_out = [
        name
        for name, function in functions.items()
        if isinstance(function, (types.FunctionType, types.BuiltinFunctionType))
        and not routed(function)
        and name not in WHY_NOT
    ]
    assert left_out == []


def test_nothing_is_both_routed_and_handed_on() -> None:
    assert [name for name in WHY_NOT if routed(getattr(os, name, None))] == []
    assert CALLS.keys() & BY_WORKERS == set()


def test_each_function_of_aiofiles_hands_over_one_that_is_routed() -> None:
    wrapped = {
        name: function.__wrapped__
        for module in (aiofiles.os, aiofiles.os.path)
        for name, function in vars(module).items()
        if hasattr(function, "__wrapped__")
    }
    assert len(wrapped) > 30
    assert [name for name, function in wrapped.items() if not routed(function)] == []
    opens = [getattr(aiofiles.tempfile, f"sync{name}") for name in aiofiles.tempfile.__all__]
    assert [function for function in [open, *opens] if not routed(function)] == []


FILES = {
    binary.AsyncFileIO: [io.FileIO],
    binary.AsyncBufferedIOBase: [io.BufferedWriter],
    binary.AsyncBufferedReader: [io.BufferedReader, io.BufferedRandom],
    text.AsyncTextIOWrapper: [io.TextIOWrapper],
}


def test_each_class_of_files_is_looked_at() -> None:
    classes = {
        cls
        for module in (binary, text)
        for cls in vars(module).values()
        if inspect.isclass(cls) and cls.__module__ == module.__name__ and "Indirect" not in cls.__name__
    }
    assert classes == set(FILES)


@pytest.mark.parametrize(("wrapper", "kind"), [(wrapper, kind) for wrapper, kinds in FILES.items() for kind in kinds])
def test_each_method_of_a_file_of_aiofiles_hands_over_one_that_is_routed(wrapper: type, kind: type) -> None:
    names = [name for name, method in inspect.getmembers(wrapper, inspect.iscoroutinefunction) if name[0] != "_"]
    assert len(names) > 12
    # A writer has what reads as well, to refuse it.
    assert [name for name in [*names, "__exit__"] if hasattr(kind, name) and (kind, name) not in METHODS] == []


def test_temporary_files_are_routed_whole(tmp_path) -> None:
    import tempfile

    loop = usernel.new_event_loop()
    names = [name for name, _ in inspect.getmembers(temptypes.AsyncSpooledTemporaryFile, inspect.iscoroutinefunction)]
    with tempfile.SpooledTemporaryFile(dir=tmp_path) as spooled, tempfile.NamedTemporaryFile(dir=tmp_path) as named:
        spooled.rollover()
        for name in [name for name in names if name[0] != "_"]:
            assert find(loop.router, getattr(spooled, name)) is not None, name
        for name in ("read", "write", "seek", "flush", "truncate", "close", "__exit__"):
            assert find(loop.router, getattr(named, name)) is not None, name
    with tempfile.TemporaryDirectory(dir=tmp_path) as directory:
        assert directory
    loop.close()


def test_what_is_somebody_elses_is_handed_on(tmp_path) -> None:
    class Slow(io.FileIO):
        def read(self, size=-1):
            return b"of its own"

    class Reader(io.BufferedReader):
        pass

    class Place(PosixPath):
        if not hasattr(PosixPath, "with_segments"):
            _flavour = PosixPath._flavour

    (tmp_path / "file").write_bytes(b"text")
    loop = usernel.new_event_loop()
    with Slow(tmp_path / "file") as slow, io.BufferedReader(Slow(tmp_path / "file")) as over_slow:
        raw = io.FileIO(tmp_path / "file")
        with Reader(raw) as reader, io.BufferedReader(io.BytesIO(b"x")) as over_bytes:
            named_alike = types.MethodType(lambda self: None, PosixPath("x"))
            named_alike.__func__.__name__ = "stat"
            theirs = [
                slow.read, over_slow.read, reader.read, over_bytes.read, io.BytesIO().read, io.StringIO().read,
                Place(tmp_path).exists, named_alike, print, sum, lambda: None, [].append, "".join, object(),
            ]  # fmt: skip
            assert [call for call in theirs if find(loop.router, call) is not None] == []
            assert find(loop.router, raw.read) is not None
    loop.close()

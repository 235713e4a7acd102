"""Every function beside its synchronous twin, on real files: results, errors, and what is left."""

from __future__ import annotations

import asyncio
import errno
import importlib
import inspect
import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiofiles.os
import aiofiles.ospath
import pytest

import usernel
from usernel.aio.os import status

from .conftest import Run
from .trees import build, ours, outcome, outcome_of, snapshot, twin

Case = tuple[str, tuple[Any, ...], dict[str, Any]]


def case(name: str, *args: Any, **named: Any) -> Case:
    return name, args, named


class Name(os.PathLike[str]):
    """A path of a type of somebody's own."""

    def __fspath__(self) -> str:
        return "file"


class Nameless:
    def __fspath__(self) -> int:
        return 3


PATHS: list[Any] = [
    "file", b"file", Path("file"), Name(), "link", "to_dir", "to_dir/", "dir/", "file/", "file/x", "dangling", "loop",
    "fifo", "socket", "nope", b"nope", Path("nope"), "", "x" * 300, "x" * 5000, "a\0b", "\ud800", b"\xff", ".", "/",
    None, 3.5, Nameless(), -1, 9999, True,
]  # fmt: skip
SOME: list[Any] = [
    "file", b"file", Path("file"), Name(), "link", "to_dir", "to_dir/", "empty", "empty/", "dir", "dangling", "nope",
    "", "a\0b", None, -1,
]  # fmt: skip
ODD = (b"", b"r" * 70_000, bytearray(b"m"), "red", 3, memoryview(b"abcd")[::2])
LOOKS = [
    "stat", "lstat", "listdir", "readlink", "scandir", "statvfs", "listxattr", "disk_usage", "path.exists",
    "path.lexists", "path.isfile", "path.isdir", "path.islink", "path.ismount", "path.getsize", "path.getmtime",
    "path.getctime", "path.abspath", "path.realpath",
]  # fmt: skip
READS: list[Case] = [
    *(case(name, path) for name in LOOKS for path in PATHS),
    *(case("access", path, os.F_OK) for path in PATHS),
    *(case("access", "file", mode) for mode in (os.R_OK, os.X_OK, -1, 99, "r")),
    case("access", "file", os.F_OK, effective_ids=True),
    case("access", "dangling", os.F_OK, follow_symlinks=False),
    case("stat", "link", follow_symlinks=False),
    case("stat", "file", dir_fd=9999),
    case("stat", "file", dir_fd="x"),
    case("stat", "file", dir_fd=-1),
    case("lstat", "file", dir_fd=9999),
    case("stat", 0, follow_symlinks=False),
    case("path.getatime", "nope"),
    case("path.samefile", "file", "hard"),
    case("path.samefile", "file", "dir"),
    case("path.samefile", "file", "nope"),
    case("path.sameopenfile", 0, 0),
    case("path.sameopenfile", 0, 9999),
    case("path.realpath", "loop", strict=True),
    case("getcwd"),
    case("getcwdb"),
    case("listdir"),
    *(case("getxattr", path, "user.colour") for path in PATHS),
    *(
        case("getxattr", "file", name)
        for name in ("user.big", b"user.colour", "user.none", "", "nonsense", "x" * 400, 3)
    ),
    case("getxattr", "link", "user.colour", follow_symlinks=False),
    case("glob", "*"),
    case("glob", b"d*"),
    case("glob", "**", recursive=True),
    case("glob", "*", root_dir="dir"),
    case("glob", "*", include_hidden=True),
    case("glob", 3),
    case("iglob", "**/*.txt", recursive=True),
    *(case("walk", top) for top in (".", b".", Path("dir"), "file", "nope", None)),
    case("walk", ".", topdown=False),
    case("walk", ".", followlinks=True),
    case("walk", ".", topdown=False, followlinks=True),
]
CHANGES: list[Case] = [
    *(case(name, path) for name in ("unlink", "remove", "rmdir", "removedirs") for path in SOME),
    case("removedirs", "dir/sub/deep"),
    *(case("mkdir", path) for path in ("new", b"new", Path("new"), "file", "nope/x", "", "a\0b", 3, None, "x" * 300)),
    *(case("mkdir", "new", mode) for mode in (0o700, 0o1777, 0o17777, -1, 2**40, "x")),
    case("mkdir", "new", dir_fd=9999),
    case("makedirs", "a/b/c"),
    case("makedirs", "dir/sub", 0o700),
    case("makedirs", "dir/sub", exist_ok=True),
    case("makedirs", "file/x"),
    *(
        case(name, src, dst)
        for name in ("rename", "replace", "renames", "link", "symlink")
        for src, dst in (
            ("file", "new"), ("file", "dir/one.txt"), ("file", "dir"), ("dir", "empty"), ("empty", "dir"),
            ("nope", "x"), (b"file", Path("new")), ("file", "nope/x"), ("file", ""), ("", "x"), ("link", "new"),
            ("file", "a\0b"), (3, "x"), ("file", None), ("file", "hard"), ("dir", "dir/sub/x"), ("dangling", "new"),
        )
    ),
    case("rename", "file", "x", src_dir_fd=9999),
    case("link", "link", "new", follow_symlinks=False),
    case("link", "link", "new", follow_symlinks=True),
    case("link", "file", "new", dst_dir_fd=9999),
    case("symlink", "dir", "new", target_is_directory=True),
    *(case("chmod", path, 0o600) for path in ("file", "link", "nope", 9999, "dangling")),
    case("chmod", "link", 0o600, follow_symlinks=False),
    *(case("chown", path, 7, 8) for path in ("file", "link", "nope", 9999)),
    case("chown", "link", 7, 8, follow_symlinks=False),
    case("lchown", "link", 7, 8),
    case("utime", "file", (5, 6)),
    case("utime", "file", ns=(5, 6)),
    case("utime", "nope"),
    case("utime", "file", 3),
    *(case("truncate", path, 2) for path in ("file", "link", "dir", "fifo", "nope", 9999)),
    *(case("truncate", "file", length) for length in (0, 7000, -1, 2**70, "x")),
    *(case("setxattr", path, "user.new", b"v") for path in ("file", "link", "nope", 9999, "dir", "fifo")),
    *(case("setxattr", "file", "user.colour", value) for value in ODD),
    *(case("setxattr", "file", "user.colour", b"red", flags) for flags in (1, 2, 3, 4, -1, "x")),
    case("setxattr", "file", "user.none", b"red", 2),
    case("setxattr", "file", "nonsense", b"red"),
    case("setxattr", "file", "", b"red"),
    case("setxattr", "link", "user.x", b"red", follow_symlinks=False),
    case("removexattr", "file", "user.colour"),
    case("removexattr", "file", "user.none"),
    case("mkfifo", "new"),
    case("mkfifo", "file"),
    case("mknod", "new", 0o600 | stat.S_IFREG),
    case("mknod", "file", 0o600 | stat.S_IFREG),
    *(
        case(name, src, dst)
        for name in ("copyfile", "copy", "copy2", "move", "copymode", "copystat", "copytree")
        for src, dst in (
            ("dir/one.txt", "new"), ("dir/one.txt", "file"), ("dir/one.txt", "empty"), ("file", "hard"),
            ("nope", "new"),
            ("file", "nope/new"), ("dir", "new"), ("dir", "empty"), ("fifo", "new"), ("file", "fifo"), ("link", "new"),
            ("file", "new/"), (Path("file"), Path("new")), ("socket", "new"), ("dangling", "new"),
            ("/proc/self/limits", "new"),
            ("dir/sub/two.txt", "new"), ("empty", "new"), ("file", 3.5),
        )
    ),
    *(case(name, b"file", b"new") for name in ("copyfile", "copy2")),
    *(case(name, "link", "new", follow_symlinks=False) for name in ("copyfile", "copy", "copy2")),
    case("copyfile", "file", "hard", follow_symlinks=False),
    # Devices are the machine's: nothing but copyfile leaves them as they are.
    case("copyfile", "file", "/dev/full"),
    case("copyfile", "/dev/null", "new"),
    case("copytree", "dir", "new", symlinks=True),
    case("copytree", "dir", "empty", dirs_exist_ok=True),
    case("copytree", "dir", "new", ignore=shutil.ignore_patterns("*.txt")),
    case("copytree", "dir", "new", copy_function=shutil.copy),
    case("copytree", "dir", "new", copy_function=os.link),
    case("copytree", "to_dir", "new", ignore_dangling_symlinks=True),
    *(case("rmtree", path) for path in SOME),
    case("rmtree", "dir"),
    case("rmtree", "empty"),
    case("rmtree", "nope", ignore_errors=True),
    case("rmtree", "file", ignore_errors=True),
    case("rmtree", "link", onerror=lambda func, path, _error: os.mkdir(f"{func.__name__}-{path}")),
]  # fmt: skip


def named(value: Case) -> str:
    name, args, options = value
    return f"{name}{args}{options or ''}"[:60]


@pytest.fixture
def place(tmp_path: Path) -> str:
    """A tree that is only looked at."""
    build(str(tmp_path))
    return str(tmp_path)


@pytest.fixture(params=["cached", "missed"])
def cache(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Whether the dentry cache knows paths, or nothing at all."""
    if request.param == "missed":
        monkeypatch.setattr(status, "cached_stat", lambda *_args, **_named: None)
    return str(request.param)


@pytest.mark.parametrize("name", sorted({name for name, _args, _named in READS}))
def test_what_only_looks(name: str, run: Run, place: str, cache: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)

    async def all_of_it() -> None:
        for wanted in READS:
            if wanted[0] == name:
                expected = outcome(twin(name), *wanted[1], **wanted[2])
                assert (named(wanted), await outcome_of(ours(name), *wanted[1], **wanted[2])) == (
                    named(wanted),
                    expected,
                )

    run(all_of_it())


@pytest.mark.parametrize("name", sorted({name for name, _args, _named in CHANGES}))
def test_what_changes_something(name: str, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    roots = {str(tmp_path / "theirs" / "tree"): True, str(tmp_path / "ours" / "tree"): False}
    monkeypatch.chdir(tmp_path)
    pristine: Any = None
    for wanted in CHANGES:
        _name, args, options = wanted
        if _name != name:
            continue
        ended: list[Any] = []
        for root, theirs in roots.items():
            if not os.path.isdir(root) or snapshot(root) != pristine:
                shutil.rmtree(os.path.dirname(root), ignore_errors=True)
                os.makedirs(root)
                build(root)
                pristine = snapshot(root)
            os.chdir(root)
            by = outcome(twin(name), *args, **options) if theirs else run(outcome_of(ours(name), *args, **options))
            ended += [by, snapshot(root)]
        assert (named(wanted), *ended[2:]) == (named(wanted), *ended[:2])


def test_descriptors_in_place_of_paths(run: Run, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    fd, at = os.open("file", os.O_RDWR), os.open("dir", os.O_RDONLY)
    looks: list[Case] = [
        *(case(name, fd) for name in ("stat", "statvfs", "listxattr", "listdir", "path.getsize", "path.isfile")),
        *(case(name, at) for name in ("stat", "listdir", "scandir", "path.isdir", "path.getsize")),
        case("getxattr", fd, "user.big"), case("truncate", at, 3), case("glob", "*", dir_fd=at),
        case("stat", "one.txt", dir_fd=at), case("stat", "nope", dir_fd=at), case("lstat", "up", dir_fd=at),
        case("stat", "x", dir_fd=fd), case("readlink", "up", dir_fd=at), case("access", "one.txt", os.F_OK, dir_fd=at),
    ]  # fmt: skip
    changes: list[Case] = [
        case("setxattr", fd, "user.fd", b"v"), case("removexattr", fd, "user.fd"), case("removexattr", fd, "user.fd"),
        case("truncate", fd, 3), case("chmod", fd, 0o644), case("utime", fd, (5, 6)),
        case("mkdir", "new", dir_fd=at), case("rmdir", "new", dir_fd=at), case("mkfifo", "new", dir_fd=at),
        case("rename", "new", "old", src_dir_fd=at, dst_dir_fd=at), case("unlink", "old", dir_fd=at),
        case("symlink", "x", "new", dir_fd=at), case("replace", "new", "x", src_dir_fd=at, dst_dir_fd=at),
        case("link", "x", "y", src_dir_fd=at, dst_dir_fd=at, follow_symlinks=False), case("remove", "y", dir_fd=at),
        case("remove", "x", dir_fd=at), case("remove", "x", dir_fd=at), case("rmtree", "nope", dir_fd=at),
        case("mkdir", "new", dir_fd=at), case("rmtree", "new", dir_fd=at), case("stat", "new", dir_fd=at),
    ]  # fmt: skip
    try:
        for name, args, options in looks:
            theirs = outcome(twin(name), *args, **options)
            assert (name, run(outcome_of(ours(name), *args, **options))) == (name, theirs)
        expected = [outcome(twin(name), *args, **options) for name, args, options in changes]
        assert [run(outcome_of(ours(name), *args, **options)) for name, args, options in changes] == expected
    finally:
        os.close(fd)
        os.close(at)


@pytest.mark.parametrize("refused", [(), ("copy_file_range",), ("copy_file_range", "sendfile")])
def test_each_way_to_copy(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: tuple[str, ...]) -> None:
    asked: list[str] = []

    def refuse(name: str) -> Callable[..., int]:
        def refused(*_args: Any) -> int:
            asked.append(name)
            raise OSError(errno.EINVAL, "not here")

        return refused

    for name in refused:
        monkeypatch.setattr(os, name, refuse(name))
    source = tmp_path / "source"
    source.write_bytes(os.urandom(700_000))
    assert run(usernel.os.copyfile(source, tmp_path / "target")) == tmp_path / "target"
    assert (tmp_path / "target").read_bytes() == source.read_bytes()
    assert asked == [*refused]


def test_moving_to_another_file_system(run: Run, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    ended: list[Any] = []
    for by in (shutil.move, lambda *args: run(usernel.os.move(*args))):
        there = tmp_path_factory.mktemp("there")
        (tmp_path / "here").mkdir()
        build(str(tmp_path / "here"))
        os.unlink(tmp_path / "here" / "fifo")
        os.unlink(tmp_path / "here" / "socket")
        for name in ("file", "dir", "link"):
            by(f"{tmp_path}/here/{name}", f"{there}/{name}")
        by(f"{tmp_path}/here", there)
        assert not (tmp_path / "here").exists()
        # Link counts are left out: what were two names of one file are two files there.
        ended.append({name: (*entry[:3], *entry[4:]) for name, entry in snapshot(str(there)).items()})
    assert ended[0] == ended[1]


def test_a_fifo_is_no_tree(run: Run, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(NotADirectoryError) as error:
        run(usernel.os.rmtree(f"{tmp_path}/fifo"))
    assert error.value.filename == f"{tmp_path}/fifo"


def test_on_a_loop_of_another_kind(run_attached: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build(str(tmp_path))
    monkeypatch.chdir(tmp_path)

    async def program() -> None:
        assert await usernel.os.stat("file") == os.stat("file")
        await usernel.os.mkdir("new")
        await usernel.os.rename("new", "newer")
        assert sorted(await usernel.os.listdir(".")) == sorted(os.listdir("."))
        await usernel.os.copytree("dir", "copied", symlinks=True)
        await usernel.os.rmtree("dir")
        assert {path async for path, _dirs, _files in usernel.os.walk("copied")} == {
            "copied", "copied/sub", "copied/sub/deep",
        }  # fmt: skip

    run_attached(program())


def test_requests_are_seen_in_the_rings_figures(run: Run, tmp_path: Path) -> None:
    async def program() -> tuple[int, int]:
        ring = usernel.attach()
        before = ring.stat()
        await usernel.os.stat(str(tmp_path))
        await usernel.os.mkdir(str(tmp_path / "new"))
        after = ring.stat()
        return after["inline"] - before["inline"], after["punted"] - before["punted"]

    assert run(program()) == (1, 1)


def test_looking_at_cached_paths_leaves_time_for_others(run: Run, tmp_path: Path) -> None:
    async def program() -> int:
        turns, busy = 0, asyncio.ensure_future(looks())
        while not busy.done():
            await asyncio.sleep(0)
            turns += 1
        return turns

    async def looks() -> None:
        for _ in range(300):
            await usernel.os.path.exists(str(tmp_path))
            await usernel.os.path.exists(str(tmp_path / "nope"))

    assert run(program()) > 2


def parameters(func: Callable[..., Any]) -> list[tuple[str, Any, Any]]:
    return [(found.name, found.kind, found.default) for found in inspect.signature(func).parameters.values()]


def test_signatures_are_the_same() -> None:
    # A module, a function of aiofiles', and one whose signature hangs on Python's version.
    others = {"path", "wrap", "rmtree"}
    for name in (*sorted(set(usernel.os.__all__) - others), *(f"path.{name}" for name in usernel.os.path.__all__)):
        # Of some of those that a worker calls as they are, Python itself knows no signature.
        if getattr(ours(name), "__wrapped__", None) is not twin(name):
            assert (name, parameters(ours(name))) == (name, parameters(twin(name)))
    known = [(name, kind) for name, kind, _default in parameters(shutil.rmtree) if name != "onexc"]
    assert [(name, kind) for name, kind, _default in parameters(usernel.os.rmtree)][:-1] == known


def test_all_of_aiofiles_is_there() -> None:
    assert set(aiofiles.os.__all__) <= set(usernel.os.__all__)
    assert set(aiofiles.ospath.__all__) <= set(usernel.os.path.__all__)
    for name in set(usernel.os.__all__) - {"path", "wrap", "scandir", "iglob", "walk"}:
        assert inspect.iscoroutinefunction(ours(name)), name


def test_it_is_a_module_of_that_name() -> None:
    import usernel.os.path

    package = importlib.import_module("usernel.aio.os")

    assert usernel.os is package
    assert usernel.os.path is package.path

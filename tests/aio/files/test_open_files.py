"""Files that are kept open: what is read by a path is what the path names, whatever has become of it since."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import os
import subprocess
import tempfile
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import usernel
from usernel.abi.fcntl import AT_FDCWD
from usernel.abi.fs import RENAME_EXCHANGE
from usernel.aio import host_unsafe
from usernel.aio.files import open_files
from usernel.aio.files.watches_unsafe import Watches
from usernel.aio.hits import MOST

from ..mounts import mounted, overlaid

Cache = usernel.OpenFileCache


def on_loop(program: Callable[..., Coroutine[Any, Any, Any]], *args: Any, **named: Any) -> Any:
    """Run a program with a cache, which keeps nothing open at its end."""

    async def main() -> Any:
        async with Cache(*args, **named) as files:
            found = await program(files)
        assert files.stat()["files"] == files.stat()["watches"] == 0
        return found

    before = set(Path("/proc/self/fd").iterdir())
    loop = usernel.new_event_loop()
    try:
        return loop.run_until_complete(asyncio.wait_for(main(), 60))
    finally:
        loop.close()
        assert len(set(Path("/proc/self/fd").iterdir()) - before) <= 2  # uvloop's, of the first loop


async def kept(files: Cache, *paths: Path) -> None:
    """Have files kept open, and see that reading them needs no opening."""
    files._next()
    for path in paths:
        await files.read_file(str(path))
        before = files.hits
        assert await files.read_file(str(path)) == path.read_bytes()
        assert files.hits == before + 1


class Undisturbed(Watches):
    """Watches that are not told of mounts: other tests mount something meanwhile."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__()
        self._mounts.unregister(self._mountinfo)


@pytest.fixture(autouse=True)
def undisturbed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_files, "Watches", Undisturbed)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """One file, in a directory in another, and a link to it by a link."""
    (tmp_path / "outer/inner").mkdir(parents=True)
    (tmp_path / "outer/inner/file").write_bytes(b"first")
    (tmp_path / "other/inner").mkdir(parents=True)
    (tmp_path / "other/inner/file").write_bytes(b"second")
    (tmp_path / "current").symlink_to("outer")
    (tmp_path / "linked").symlink_to("current/inner/../inner/file")
    return tmp_path


def replaced(path: Path, data: bytes) -> None:
    new = path.with_name("new")
    new.write_bytes(data)
    new.rename(path)


def points_elsewhere(tree: Path) -> None:
    (tree / "next").symlink_to("other")
    (tree / "next").rename(tree / "current")


def exchanged(one: Path, other: Path) -> None:
    assert host_unsafe.renameat2(AT_FDCWD, bytes(one), AT_FDCWD, bytes(other), RENAME_EXCHANGE) == 0


CHANGES: dict[str, Callable[[Path], object]] = {
    "replaced": lambda tree: replaced(tree / "outer/inner/file", b"new"),
    "unlinked": lambda tree: (tree / "outer/inner/file").unlink(),
    "renamed": lambda tree: (tree / "outer/inner/file").rename(tree / "outer/inner/gone"),
    "its directory renamed": lambda tree: (tree / "outer/inner").rename(tree / "outer/gone"),
    "its directory's directory renamed": lambda tree: (tree / "outer").rename(tree / "gone"),
    "directories exchanged": lambda tree: exchanged(tree / "outer", tree / "other"),
    "files exchanged": lambda tree: exchanged(tree / "outer/inner/file", tree / "other/inner/file"),
    "a link leads elsewhere": points_elsewhere,
    "all removed": lambda tree: subprocess.run(["rm", "-r", tree / "outer"], check=True),
}
IN_PLACE: dict[str, Callable[[Path], object]] = {
    "written": lambda tree: (tree / "outer/inner/file").write_bytes(b"longer than before"),
    "truncated": lambda tree: os.truncate(tree / "outer/inner/file", 1),
    "emptied": lambda tree: os.truncate(tree / "outer/inner/file", 0),
    "grown by a hole": lambda tree: os.truncate(tree / "outer/inner/file", 4096),
}


def answer(read: Callable[[], bytes]) -> bytes | int | None:
    try:
        return read()
    except OSError as error:
        return error.errno


async def our_answer(files: Cache, path: Path) -> bytes | int | None:
    try:
        return await files.read_file(str(path))
    except OSError as error:
        return error.errno


@pytest.mark.parametrize("name", ["outer/inner/file", "current/inner/file", "linked"])
@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_seen_by_the_next_read(tree: Path, name: str, change: str) -> None:
    async def program(files: Cache) -> None:
        await kept(files, tree / name)
        CHANGES[change](tree)
        assert await our_answer(files, tree / name) == answer((tree / name).read_bytes)
        if change != "a link leads elsewhere" or name != "outer/inner/file":
            assert files.stat()["changed"] == 1
            assert files.stat()["files"] == 0
        files._next()
        assert await our_answer(files, tree / name) == answer((tree / name).read_bytes)

    on_loop(program)


@pytest.mark.parametrize("change", IN_PLACE)
def test_a_file_that_is_written_in_place_stays_open(tree: Path, change: str) -> None:
    async def program(files: Cache) -> None:
        await kept(files, tree / "linked")
        IN_PLACE[change](tree)
        assert await files.read_file(str(tree / "linked")) == (tree / "linked").read_bytes()
        assert files.hits == 3
        assert files.stat()["opened"] == 1

    on_loop(program)


@pytest.mark.parametrize("name", ["", "outer", "outer/inner", "outer/inner/file"])
def test_a_change_of_who_may_read_ends_it(tree: Path, name: str) -> None:
    async def program(files: Cache) -> None:
        await kept(files, tree / "outer/inner/file")
        (tree / name).chmod(0o700)
        await files.read_file(str(tree / "outer/inner/file"))
        assert files.stat()["changed"] == 1
        assert files.hits == 2

    on_loop(program)


def test_what_happens_to_others_ends_nothing(tree: Path) -> None:
    async def program(files: Cache) -> None:
        await kept(files, tree / "outer/inner/file")
        for name in ("a", "outer/a", "outer/inner/a"):
            (tree / name).write_bytes(b"")
            (tree / name).rename(tree / (name + "b"))
            (tree / (name + "b")).unlink()
        await files.read_file(str(tree / "outer/inner/file"))
        assert files.hits == 3
        assert files.stat()["changed"] == 0

    on_loop(program)


def test_an_unlinked_file_is_closed_though_nobody_reads_it(tree: Path) -> None:
    async def program(files: Cache) -> None:
        await kept(files, tree / "outer/inner/file")
        (tree / "outer/inner/file").unlink()
        while files.stat()["files"]:  # noqa: ASYNC110 - the loop is told
            await asyncio.sleep(0)

    on_loop(program)


STEPS = st.one_of(
    st.tuples(st.sampled_from(["write", "replace"]), st.integers(0, 7), st.binary(max_size=5)),
    st.tuples(st.sampled_from(["rename", "link", "exchange"]), st.integers(0, 7), st.integers(0, 7)),
    st.tuples(st.sampled_from(["unlink", "rmtree", "mkdir", "read", "read", "read", "tick"]), st.integers(0, 7)),
)
NAMES = ("a", "b", "a/x", "a/y", "b/x", "b/y", "a/x/z", "b/y/z")


def change(root: Path, what: str, path: Path, more: Any) -> None:
    """One step of a random history, as far as it is possible."""
    with contextlib.suppress(OSError):
        match what:
            case "write":
                path.write_bytes(more)
            case "replace":
                replaced(path, more)
            case "rename":
                path.rename(root / NAMES[more])
            case "exchange":
                host_unsafe.renameat2(AT_FDCWD, bytes(path), AT_FDCWD, bytes(root / NAMES[more]), RENAME_EXCHANGE)
            case "link":
                path.symlink_to(root / NAMES[more] if more % 2 else os.path.relpath(root / NAMES[more], path.parent))
            case "unlink":
                path.unlink()
            case "rmtree":
                subprocess.run(["rm", "-rf", path], check=False)
            case "mkdir":
                path.mkdir()


@settings(max_examples=60, deadline=None)
@given(steps=st.lists(STEPS, max_size=60))
def test_random_histories_are_read_as_by_opening(steps: list[tuple[Any, ...]]) -> None:
    async def program(files: Cache) -> None:
        for what, at, *more in steps:
            path = root / NAMES[at]
            if what == "read":
                for _ in range(2):
                    assert await our_answer(files, path) == answer(path.read_bytes)
            elif what == "tick":
                files._next()
            else:
                change(root, what, path, more[0] if more else None)
        for path in (root / name for name in NAMES):
            assert await our_answer(files, path) == answer(path.read_bytes)

    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name in ("a", "b"):
            (root / name).mkdir()
            for file in ("x", "y"):
                (root / name / file).write_bytes(f"{name}{file}".encode())
        on_loop(program)


# -------------------------------------------------------------------------------------------------------------- bounds


def test_no_more_than_max_are_kept_open(tmp_path: Path) -> None:
    paths = [tmp_path / str(number) for number in range(4)]
    for path in paths:
        path.write_text(path.name)

    async def program(files: Cache) -> None:
        await kept(files, *paths[:3])
        assert await files.read_file(str(paths[3])) == b"3"
        assert await files.read_file(str(paths[3])) == b"3"
        assert files.stat()["files"] == files.stat()["opened"] == 3
        assert files.hits == 2 * 3
        paths[0].unlink()
        await kept(files, paths[3])

    on_loop(program, max=3)


@pytest.mark.parametrize("wrong", [0, -1])
def test_max_is_one_at_least(wrong: int) -> None:
    async def main() -> None:
        with pytest.raises(ValueError, match="max must be 1 or more"):
            Cache(max=wrong)

    usernel.run(main())


def test_the_clock_runs_while_something_is_kept(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_files, "TICK_S", 0.001)

    async def program(files: Cache) -> None:
        await files.read_file(str(tree / "linked"))
        while files.stat()["files"]:  # noqa: ASYNC110 - the loop's clock closes it
            await asyncio.sleep(0.001)
        assert files.stat()["unused"] == 1
        assert files._timer is None

    on_loop(program, inactive=0.002)


def test_what_nobody_reads_is_closed(tree: Path) -> None:
    async def program(files: Cache) -> None:
        await kept(files, tree / "outer/inner/file", tree / "other/inner/file")
        for _ in range(2):
            files._next()
            await files.read_file(str(tree / "outer/inner/file"))
        assert files.stat()["files"] == 2
        files._next()
        assert files.stat()["files"] == 1
        assert files.stat()["unused"] == 1
        await kept(files, tree / "outer/inner/file")

    on_loop(program, inactive=2)


@pytest.mark.parametrize(("size", "hits"), [(0, 1), (4095, 1), (4096, 1), (MOST - 1, 1), (MOST, 0), (MOST + 1, 0)])
def test_files_of_256_kib_and_more_are_opened_each_time(tmp_path: Path, size: int, hits: int) -> None:
    path = tmp_path / "file"
    path.write_bytes(os.urandom(size))

    async def program(files: Cache) -> None:
        await files.read_file(str(path))
        path.read_bytes()
        before = files.hits
        assert await files.read_file(str(path)) == path.read_bytes()
        assert files.hits == before + hits

    on_loop(program)


def test_one_that_has_grown_is_opened_again(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"small")

    async def program(files: Cache) -> None:
        await kept(files, path)
        path.write_bytes(os.urandom(MOST))
        assert await files.read_file(str(path)) == path.read_bytes()

    on_loop(program)


@pytest.mark.parametrize("name", ["/proc/self/comm", "/dev/null", "relative"])
def test_others_are_read_as_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    Path("relative").write_bytes(b"relative")

    expected = Path(name).read_bytes()

    async def program(files: Cache) -> None:
        for _ in range(3):
            assert await files.read_file(name) == expected
        assert files.hits == files.stat()["files"] == 0
        assert files.stat()["not_kept"] == 1

    on_loop(program)


def test_a_fifo_is_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")

    async def program(files: Cache) -> None:
        reading = asyncio.ensure_future(files.read_file(str(tmp_path / "fifo")))
        writing = asyncio.to_thread((tmp_path / "fifo").write_bytes, b"at last")
        assert (await asyncio.gather(reading, writing))[0] == b"at last"

    on_loop(program)


def test_paths_of_other_kinds(tree: Path) -> None:
    path = tree / "outer/inner/file"

    async def program(files: Cache) -> None:
        for kind in (str(path), bytes(path), path):
            assert await files.read_file(kind) == b"first"
            assert await files.read_file(kind) == b"first"
        assert files.hits == 2 * 3
        assert files.stat()["files"] == 2
        with pytest.raises(ValueError, match="null byte"):
            await files.read_file("/a\0b")
        with pytest.raises(TypeError):
            await files.read_file(1)  # type: ignore[arg-type]
        with pytest.raises(FileNotFoundError) as caught:
            await files.read_file(tree / "none")
        assert caught.value.filename == str(tree / "none")

    on_loop(program)


def test_what_was_lost_ends_all(tree: Path) -> None:
    limit = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text(encoding="ascii"))

    async def program(files: Cache) -> None:
        await kept(files, tree / "outer/inner/file", tree / "other/inner/file")
        for _ in range(limit // 2 + 1):
            for name in ("a", "b"):
                (tree / "outer/inner" / name).touch()
                (tree / "outer/inner" / name).unlink()
        await files.read_file(str(tree / "other/inner/file"))
        assert files.stat()["overflows"] == 1
        assert files.stat()["changed"] == 2

    on_loop(program)


# ------------------------------------------------------------------------------------------------------------ the rest


@pytest.mark.parametrize("turns", range(12))
def test_a_task_that_is_cancelled_keeps_nothing(tree: Path, turns: int) -> None:
    async def program(files: Cache) -> None:
        reading = asyncio.ensure_future(files.read_file(str(tree / "linked")))
        for _ in range(turns):
            await asyncio.sleep(0)
        reading.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            assert await reading == b"first"
        assert files._coming == set()
        assert len(files._files) == (1 if files.stat()["opened"] else 0)
        assert bool(files._by_wd) is bool(files._files)

    on_loop(program)


@pytest.mark.parametrize("turns", [1, 2, 3, 5, 8])
def test_who_reads_while_it_is_closed_has_the_bytes(tree: Path, turns: int) -> None:
    async def program(files: Cache) -> None:
        reading = asyncio.ensure_future(files.read_file(str(tree / "linked")))
        for _ in range(turns):
            await asyncio.sleep(0)
        files.close()
        files.close()
        assert await reading == b"first"
        with pytest.raises(ValueError, match="closed"):
            await files.read_file(str(tree / "linked"))

    on_loop(program)


def test_many_at_once_open_it_once(tree: Path) -> None:
    async def program(files: Cache) -> None:
        found = await asyncio.gather(*(files.read_file(str(tree / "linked")) for _ in range(20)))
        assert found == [b"first"] * 20
        assert files.stat()["opened"] == 1

    on_loop(program)


def test_what_changes_while_it_is_opened_is_not_kept(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opening = open_files._open

    def then_replaced(*args: Any) -> None:
        opening(*args)
        replaced(tree / "outer/inner/file", b"newer")

    monkeypatch.setattr(open_files, "_open", then_replaced)

    async def program(files: Cache) -> None:
        assert await files.read_file(str(tree / "outer/inner/file")) == b"newer"
        assert files.stat()["files"] == 0

    on_loop(program)


def test_a_way_that_changes_while_it_is_watched_is_not_kept(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looking = open_files._look_up

    def then_replaced(path: bytes) -> Any:
        found = looking(path)
        points_elsewhere(tree)
        return found

    monkeypatch.setattr(open_files, "_look_up", then_replaced)

    async def program(files: Cache) -> None:
        assert await files.read_file(str(tree / "current/inner/file")) == b"second"
        assert files.stat()["files"] == 0

    on_loop(program)


def test_where_nothing_more_can_be_watched_files_are_read_as_ever(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def add(_watches: Watches, _directory: bytes, _mask: int) -> int:
        raise OSError(errno.ENOSPC, "max_user_watches")

    monkeypatch.setattr(Watches, "add", add)

    async def program(files: Cache) -> None:
        for _ in range(2):
            assert await files.read_file(str(tree / "linked")) == b"first"
        assert files.stat()["not_kept"] == 1

    on_loop(program)


def in_child(told: Callable[[], bool]) -> bool:
    """What is true in a forked child."""
    child = os.fork()
    if not child:
        os._exit(0 if told() else 1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_forked_child_leaves_what_is_told_to_its_parent(tree: Path) -> None:
    async def program(files: Cache) -> None:
        await kept(files, tree / "linked")
        assert in_child(lambda: files.closed and not files._files)
        await kept(files, tree / "linked")
        replaced(tree / "outer/inner/file", b"newer")
        assert await files.read_file(str(tree / "linked")) == b"newer"

    on_loop(program)


def test_one_that_is_forgotten_says_so(tree: Path) -> None:
    async def main() -> None:
        files = Cache()
        await kept(files, tree / "linked")

    def forgotten() -> None:
        usernel.run(main())
        gc.collect()

    with pytest.warns(ResourceWarning, match="unclosed"):
        forgotten()


async def kept_at_last(files: Cache, path: Path) -> None:
    """Have a file kept open, though others mount something."""
    while not files.stat()["files"]:
        files._next()
        await files.read_file(str(path))


@pytest.mark.parametrize("run", [usernel.run, asyncio.run])
def test_a_mount_is_seen_in_the_next_turn(
    tree: Path, monkeypatch: pytest.MonkeyPatch, run: Callable[[Any], Any]
) -> None:
    monkeypatch.setattr(open_files, "Watches", Watches)
    path = tree / "outer/inner/file"

    async def main() -> None:
        async with Cache() as files:
            await kept_at_last(files, path)
            with mounted(tree / "outer", "--bind", tree / "other"):
                await asyncio.sleep(0.01)
                assert await files.read_file(str(path)) == b"second"
                assert files.stat()["changed"] >= 1
                await kept_at_last(files, path)
            await asyncio.sleep(0.01)
            assert await files.read_file(str(path)) == b"first"

    run(main())


def test_a_file_that_is_copied_up_is_read_as_it_is_then(tree: Path, tmp_path: Path) -> None:
    async def program(files: Cache) -> None:
        await kept(files, file)
        file.write_bytes(b"written above")
        assert await files.read_file(str(file)) == b"written above"
        replaced(file, b"replaced")
        assert await files.read_file(str(file)) == b"replaced"

    with overlaid(tree / "outer", tmp_path / "over") as merged:
        file = merged / "inner/file"
        on_loop(program)

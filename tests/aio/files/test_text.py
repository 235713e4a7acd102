"""Text files, compared with Python's own."""

from __future__ import annotations

import asyncio
import inspect
import io
import os
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import usernel
from usernel.aio.files.text import TextFile

ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "latin-1", "shift_jis", "utf-7"]
NEWLINES = [None, "", "\n", "\r", "\r\n"]
MODES = ["r", "w", "a", "r+", "w+", "a+"]
TEXT = st.text(st.sampled_from("ab\n\r é"), max_size=30) | st.text(st.sampled_from("a\r\n"), max_size=60)
SEEK_BACK = ("seek", None)
"""To what the last tell answered."""
CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "encoding": st.sampled_from([*ENCODINGS, None, "locale", "no such encoding", 8]),
        "errors": st.sampled_from(["replace", "strict", "surrogateescape", None, 1]),
        "newline": st.sampled_from([*NEWLINES, "\n\r", 10]),
        "line_buffering": st.sampled_from([True, False, None, 2, "yes"]),
        "write_through": st.sampled_from([True, False, None, 1.0]),
    },
)
"""What reconfigure is told, some of it wrong."""
STEPS = st.one_of(
    st.tuples(st.sampled_from(["read", "readline", "readlines"]), st.integers(-1, 20)),
    st.tuples(st.sampled_from(["readlines", "tell", "flush"])),
    st.tuples(st.sampled_from(["write"]), TEXT),
    st.tuples(st.just("writelines"), st.lists(TEXT, max_size=3)),
    st.just(SEEK_BACK),
    st.tuples(st.just("reconfigure"), CHANGES),
    st.sampled_from([("seek", 0), ("seek", 0, 2), ("seek", 0, 1), ("truncate",), ("seek", 3, 2), ("seek", -1)]),
)
WRONG = (OSError, ValueError, LookupError, TypeError)
How = tuple[str, str, str | None]


def seen(file: Any, steps: list[tuple[Any, ...]]) -> Any:
    """The newlines that were seen; CPython's tell forgets them at times."""
    return None if any(step[0] in {"tell", "seek"} for step in steps) else file.newlines


def asked(file: Any, step: tuple[Any, ...], told: int) -> Any:
    """What a step answers, or what is to be awaited for that."""
    if step[0] == "reconfigure":
        return file.reconfigure(**step[1])
    return getattr(file, step[0])(*((told,) if step == SEEK_BACK else step[1:]))


def configured(file: Any) -> list[Any]:
    return [file.encoding, file.errors, file.line_buffering, file.write_through]


def expected_of(path: str, how: How, steps: list[tuple[Any, ...]]) -> list[Any]:
    mode, encoding, newline = how
    answers: list[Any] = []
    told = 0
    with Path(path).open(mode, encoding=encoding, newline=newline) as file:
        for step in steps:
            try:
                answers.append(asked(file, step, told))
            except WRONG as error:
                answers.append([type(error), str(error) if step[0] == "reconfigure" else ""])
                if isinstance(error, UnicodeError):
                    break  # where it stands then is nobody's promise
            else:
                told = answers[-1] if step[0] == "tell" else told
            answers += configured(file) if step[0] == "reconfigure" else []
        answers += [seen(file, steps), file.mode, *configured(file)]
    return answers


async def ours_of(path: str, how: How, steps: list[tuple[Any, ...]]) -> list[Any]:
    mode, encoding, newline = how
    answers: list[Any] = []
    told = 0
    async with usernel.open(path, mode, encoding=encoding, newline=newline) as file:
        for step in steps:
            try:
                answers.append(await asked(file, step, told))
            except WRONG as error:
                answers.append([type(error), str(error) if step[0] == "reconfigure" else ""])
                if isinstance(error, UnicodeError):
                    break
            else:
                told = answers[-1] if step[0] == "tell" else told
            answers += configured(file) if step[0] == "reconfigure" else []
        answers += [seen(file, steps), file.mode, *configured(file)]
    return answers


def flushed(steps: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """With a flush between a write and a read: without one, CPython reads first, and writes behind that.

    And with all lines where a position is asked for: CPython loses it where it is to read some.
    """
    if any(step[0] == "tell" or step == ("seek", 0, 1) for step in steps):
        steps = [step[:1] if step[0] == "readlines" else step for step in steps]
    kept: list[tuple[Any, ...]] = []
    written = False
    for step in steps:
        if written and step[0].startswith("read"):
            kept.append(("flush",))
        written = step[0].startswith("write") or (written and not step[0].startswith("read"))
        kept.append(step)
    return kept


HOW = st.tuples(st.sampled_from(MODES), st.sampled_from(ENCODINGS), st.sampled_from(NEWLINES))


@settings(max_examples=int(os.environ.get("EXAMPLES", "100")), deadline=None)
@given(HOW, TEXT, st.lists(STEPS, max_size=12))
@example(("r", "utf-8", ""), "a\r\nb\rc", [("read", 2), ("tell",), ("readline", -1), SEEK_BACK, ("read", -1)])
@example(("r+", "utf-16", None), "a\r\nb", [("readline", -1), ("tell",), ("write", "x"), ("seek", 0), ("read", -1)])
@example(("a", "utf-8-sig", None), "", [("write", "x"), ("write", "y")])
@example(("r", "utf-8", None), "ab\ncd\nef\n", [("readlines", 3), ("readlines", 2)])
@example(("r", "utf-8", None), "a\nb", [("read", 1), ("reconfigure", {"newline": ""}), ("readline", -1)])
@example(("r+", "utf-8", None), "a", [("readline", -1), ("reconfigure", {"encoding": "utf-16"}), ("write", "é")])
@example(("w", "utf-8", None), "", [("reconfigure", {"newline": "\r", "encoding": "none"}), ("write", "x\n")])
def test_text_is_as_pythons_own(how: How, content: str, steps: list[tuple[Any, ...]]) -> None:
    if how[0] in {"w", "a"}:
        steps = [step for step in steps if step[0] != "readlines"]  # one that fails leaves Python's file without tell
    steps = flushed(steps)
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = Path(folder, "ours"), Path(folder, "theirs")
        for path in (ours, theirs):
            path.write_bytes(content.encode(how[1], "replace"))
        expected = expected_of(str(theirs), how, steps)
        found = usernel.run(ours_of(str(ours), how, steps))
        assert found == expected, (how, content, steps, found, expected)
        assert ours.read_bytes() == theirs.read_bytes(), (how, content, steps)


@pytest.mark.parametrize("mode", ["r", "r+"])
@pytest.mark.parametrize("newline", NEWLINES)
@pytest.mark.parametrize("shift", [0, 1, 2])
def test_characters_and_newlines_across_the_borders_of_blocks(
    tmp_path: Path, mode: str, newline: str | None, shift: int
) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"x" * shift + "é\r\n€\n\r".encode() * 20_000)

    async def program() -> None:
        with path.open(mode, encoding="utf-8", newline=newline) as theirs:
            async with usernel.open(path, mode, encoding="utf-8", newline=newline) as ours:
                assert [await ours.readline() for _ in range(900)] == [theirs.readline() for _ in range(900)]
                assert await ours.tell() == theirs.tell()
                assert await ours.read(30_001) == theirs.read(30_001)
                # What tell answers depends on where a block ends; each understands the other's.
                told, said = await ours.tell(), theirs.tell()
                theirs.seek(told)
                await ours.seek(said)
                assert [line async for line in ours] == list(theirs)
                assert ours.newlines == theirs.newlines

    usernel.run(program())


@pytest.mark.parametrize("mode", ["r", "r+"])
@pytest.mark.parametrize("way", ["read", "readline", "readlines"])
def test_what_bytes_mean_can_change_where_it_can_of_pythons_own(tmp_path: Path, mode: str, way: str) -> None:
    """Not between what was decoded and is not yet read; but wherever there is none of that."""
    path = tmp_path / "f"
    path.write_bytes(b"x" * 8191 + b"\n" + b"y" * 100 + b"\r\n" * 5000 + b"the end")
    sizes = {
        "read": [0, 8192, 102, 1, 4999, 5001, 5, 2, 1, 1],
        "readline": [8192, *[-1] * 5003],
        "readlines": [9000, 9000, -1, -1],
    }[way]

    async def program() -> None:
        with path.open(mode, encoding="utf-8") as theirs:
            async with usernel.open(path, mode, encoding="utf-8") as ours:
                for at, size in enumerate(sizes):
                    assert await getattr(ours, way)(size) == getattr(theirs, way)(size)
                    if at % 500 < 10 or at > 4995:
                        found, expected = await refused(ours), await refused(theirs)
                        assert found == expected, at
                        if mode == "r+" and way != "readlines":  # behind those Python's file has no position
                            assert await ours.tell() == theirs.tell()
                await ours.seek(0)
                theirs.seek(0)
                assert await refused(ours) == await refused(theirs) == ""

    usernel.run(program())


async def refused(file: Any) -> str:
    """Why it cannot decode otherwise."""
    try:
        changed = file.reconfigure(encoding="utf-8", errors="replace")
        await changed if asyncio.iscoroutine(changed) else changed
    except OSError as error:
        return f"{type(error)} {error}"
    return ""


async def told_of(file: Any, name: str, told: dict[str, Any]) -> list[Any]:
    """What a file raises that it is asked to change, or to close, and what its encoding is then."""
    try:
        changed = getattr(file, name)(**told)
        await changed if asyncio.iscoroutine(changed) else changed
    except (TypeError, ValueError, OSError) as error:
        return [type(error), error.args[-1].rstrip("."), file.encoding]
    return [None]


async def test_what_it_is_told_is_looked_at_before_it_is_flushed_or_found_closed() -> None:
    wrong = [{"errors": 1}, {"newline": "x"}, {"newline": "\r", "encoding": "utf-16"}, {}]
    theirs = open("/dev/full", "w", encoding="utf-8")  # noqa: SIM115, PTH123, ASYNC230 - the oracle
    ours = await usernel.open("/dev/full", "w", encoding="utf-8")
    answers: list[list[Any]] = []
    for file in (theirs, ours):
        written = file.write("text")
        assert (written if file is theirs else await written) == 4
        answers.append([await told_of(file, "reconfigure", told) for told in wrong])
        answers[-1].append(await told_of(file, "close", {}))
        answers[-1] += [await told_of(file, "reconfigure", told) for told in wrong]
    assert answers[1] == answers[0]
    assert [answer[0] for answer in answers[0]] == [
        *(TypeError, ValueError, OSError, OSError, OSError), *(TypeError, ValueError, ValueError, ValueError),
    ]  # fmt: skip


async def test_what_is_detached_cannot_be_changed(tmp_path: Path) -> None:
    file = await usernel.open(tmp_path / "f", "w")
    async with file.detach():
        with pytest.raises(ValueError, match=r"closed|detached"):
            await file.reconfigure(newline="")


def test_it_changes_between_what_others_do(tmp_path: Path) -> None:
    """What was written before is written so; and what a task writes at the same time is written in one way."""

    async def program() -> None:
        async with usernel.open(tmp_path / "f", "w", encoding="utf-8", newline="") as file:
            for encoding in ("latin-1", "utf-16-le", "utf-8"):
                writing = [asyncio.ensure_future(file.write("é\n" * 30_000)) for _ in range(3)]
                await asyncio.sleep(0)
                await file.reconfigure(encoding=encoding)
                await asyncio.gather(*writing)
                await file.write(f"{encoding}\n")
        before = "é\n" * 30_000
        data = (tmp_path / "f").read_bytes()
        for encoding, then in (("utf-8", "latin-1"), ("latin-1", "utf-16-le"), ("utf-16-le", "utf-8")):
            expected = (before * 3).encode(encoding) + f"{then}\n".encode(then)
            assert data.startswith(expected)
            data = data[len(expected) :]
        assert data == b""

    usernel.run(program())


def test_a_read_that_is_cancelled_loses_no_text(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_text("é\r\n" * 20_000, encoding="utf-8", newline="")

    async def program() -> None:
        ended = False
        async with usernel.open(path, encoding="utf-8", newline="") as file:
            file._descriptor.cached = False  # each block comes from a worker
            for turns in range(12):
                await file.seek(0)
                begun = await file.read(2 + turns)
                task = asyncio.ensure_future(file.read(50_000))
                for _ in range(turns):
                    await asyncio.sleep(0)
                task.cancel()
                outcome = (await asyncio.gather(task, return_exceptions=True))[0]
                ended = ended or isinstance(outcome, asyncio.CancelledError)
                more = outcome if isinstance(outcome, str) else ""
                assert begun + more + await file.read() == "é\r\n" * 20_000
        assert ended

    usernel.run(program())


def test_text_of_a_pipe_that_is_cancelled_is_read_by_the_next(tmp_path: Path) -> None:
    async def program() -> None:
        theirs, ours = os.pipe()
        async with (
            usernel.open(theirs, encoding="utf-8") as reader,
            usernel.open(ours, "w", encoding="utf-8") as writer,
        ):
            await writer.write("half a li")
            await writer.flush()
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.02):
                    await reader.readline()
            await writer.write("ne\nand on")
            await writer.close()
            assert await reader.readline() == "half a line\n"
            assert await reader.read() == "and on"

    usernel.run(program())


def test_all_that_pythons_text_files_have_is_there() -> None:
    names = {name for name in dir(io.TextIOWrapper) if not name.startswith("_")}
    assert names - set(dir(TextFile)) == set()
    ours = inspect.signature(TextFile.reconfigure).parameters
    assert list(ours)[1:] == list(inspect.signature(io.TextIOWrapper.reconfigure).parameters)[1:]


def test_what_only_text_has_is_refused_of_bytes() -> None:
    with pytest.raises(ValueError, match="encoding"):
        usernel.open("f", "rb", encoding="utf-8")


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_beside_another_loop(tmp_path: Path, loop: str) -> None:
    import uvloop

    path = tmp_path / "f"

    async def program() -> None:
        ring = usernel.attach()
        async with usernel.open(path, "w+", encoding="utf-8") as file:
            await file.writelines(["one\n", "two\n"])
            await file.seek(0)
            assert [line async for line in file] == ["one\n", "two\n"]
        ring.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop if loop == "uvloop" else asyncio.new_event_loop) as runner:
        runner.run(program())


def test_who_has_come_and_gone_before_a_fifo_is_opened_again_is_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path)

    async def program() -> None:
        ring = usernel.attach()
        for _ in range(5):
            writers = [asyncio.ensure_future(ring.call(lambda: path.write_bytes(b"through"), bound=False))]
            await asyncio.sleep(0.002)
            async with asyncio.timeout(10):
                assert await usernel.read_file(path) == b"through"
                writers.append(asyncio.ensure_future(ring.call(lambda: path.write_bytes(b"through"), bound=False)))
                async with usernel.open(path, "rb") as file:
                    assert await file.read() == b"through"
                await asyncio.gather(*writers)

    usernel.run(program())


def test_a_fifo_that_nobody_else_opens_is_given_up_with_its_task(tmp_path: Path) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path)

    async def program() -> None:
        for mode in ("rb", "r", "wb", "a"):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.01):
                    await usernel.open(path, mode)

    usernel.run(asyncio.sleep(0))
    before = len(list(Path("/proc/self/fd").iterdir()))
    usernel.run(program())
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_fifo_is_opened_when_somebody_else_does(tmp_path: Path) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path)

    async def program() -> None:
        reader = asyncio.ensure_future(usernel.open(path, "rb").__aenter__())
        await asyncio.sleep(0.02)
        assert not reader.done()
        async with usernel.open(path, "wb") as writer:
            await writer.write(b"through")
        async with await reader as file:
            assert await file.read() == b"through"

    before = len(list(Path("/proc/self/fd").iterdir()))
    usernel.run(program())
    assert len(list(Path("/proc/self/fd").iterdir())) == before

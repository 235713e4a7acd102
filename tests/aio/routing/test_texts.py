"""Writes of text files: what is written at once reaches no file, and what they write is what Python's own write."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import usernel
from usernel.aio import hits

TEXTS = st.one_of(
    st.text(max_size=30),
    st.integers(1, 3000).map(lambda size: "a line of it\n" * (size // 13 + 1)),
    st.integers(1, 20_000).map(lambda size: "é" * size),
    st.sampled_from(["", "\n", "\r", "\U0001f600" * 900, "x" * 8191, "x" * 8192, "x" * 8193]),
)
HOWS = st.fixed_dictionaries(
    {
        "encoding": st.sampled_from(["utf-8", "ascii", "latin-1", "utf-16"]),
        "errors": st.sampled_from(["replace", "backslashreplace", "surrogateescape", "xmlcharrefreplace"]),
        "newline": st.sampled_from([None, "", "\n", "\r\n"]),
        "buffering": st.sampled_from([-1, 1, 100, 8192, 65536]),
    }
)
STEPS = st.lists(st.one_of(TEXTS, st.sampled_from([None, 0])), max_size=40)
"""Texts to be written; None is a flush, 0 a tell."""


async def take(loop: asyncio.AbstractEventLoop, file, step) -> tuple[object, bool]:
    """What a step answers or raises, and whether it was at once."""
    before = os.fstat(file.fileno()).st_size
    call = {type(None): (file.flush,), int: (file.tell,), str: (file.write, step)}[type(step)]
    future = loop.run_in_executor(None, *call)
    at_once = future.done()
    if at_once:
        assert os.fstat(file.fileno()).st_size == before
    try:
        return await future, at_once
    except UnicodeError as error:
        return (type(error), str(error)), at_once


def plainly(file, step) -> object:
    try:
        return file.flush() if step is None else file.tell() if step == 0 else file.write(step)
    except UnicodeError as error:
        return type(error), str(error)


@pytest.mark.parametrize("mode", ["w", "a"])
def test_random_writes(tmp_path: Path, mode: str) -> None:
    @settings(max_examples=60, deadline=None)
    @given(HOWS, STEPS)
    def compare(how, steps) -> None:
        ours, theirs = tmp_path / "ours", tmp_path / "theirs"
        for path in (ours, theirs):
            path.write_text("begun\n")

        async def main() -> None:
            loop = asyncio.get_running_loop()
            with await asyncio.to_thread(open, ours, mode, **how) as file, theirs.open(mode, **how) as twin:
                for step in steps:
                    answer, _at_once = await take(loop, file, step)
                    assert answer == plainly(twin, step)
            assert ours.read_bytes() == theirs.read_bytes()

        usernel.run(main())

    compare()


def test_lines_are_written_at_once_but_where_the_buffer_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hits, "BUDGET_NS", 10**12)

    async def main() -> list[bool]:
        loop = asyncio.get_running_loop()
        with await asyncio.to_thread(open, tmp_path / "file", "w") as file:
            return [(await take(loop, file, "a line of twenty-one\n"))[1] for _ in range(5000)]

    at_once = usernel.run(main())
    assert (tmp_path / "file").read_text() == "a line of twenty-one\n" * 5000
    assert at_once.count(False) == 5000 * 21 // 8190


def test_a_line_of_a_file_that_is_written_line_by_line_is_a_workers(tmp_path: Path) -> None:
    async def main() -> list[bool]:
        loop = asyncio.get_running_loop()
        with await asyncio.to_thread(open, tmp_path / "file", "w", buffering=1) as file:
            return [(await take(loop, file, text))[1] for text in ("part", " of it\n", "\r")]

    assert usernel.run(main()) == [True, False, False]


def test_of_a_text_that_was_opened_elsewhere_nobody_knows_what_it_keeps(tmp_path: Path) -> None:
    async def main() -> list[bool]:
        loop = asyncio.get_running_loop()
        with (tmp_path / "file").open("w") as file:
            return [(await take(loop, file, "text"))[1] for _ in range(3)]

    assert usernel.run(main()) == [False] * 3

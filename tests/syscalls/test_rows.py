"""Each row of the table is whole: documented, callable, and bound to its arguments."""

from __future__ import annotations

import inspect
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.syscalls.arguments import arguments
from usernel.abi.errno import Errno
from usernel.abi.unistd import NUMBERS
from usernel.syscalls.kinds import BadArgument
from usernel.syscalls.row import Row
from usernel.syscalls.table import TABLE

every_row = pytest.mark.parametrize("row", TABLE.values(), ids=TABLE)


@every_row
def test_a_row_says_what_it_is(row: Row) -> None:
    assert re.fullmatch(r"[A-Z].+\.", row.summary)
    assert re.fullmatch(r"\w+\([1-8]\)", row.man)
    assert all(isinstance(number, Errno) for number in row.errnos)
    assert row.support == ("partial" if row.partial else "whole")
    names = [field.name for field in row.args]
    assert len(names) == len(set(names))


@every_row
def test_a_rows_function_takes_its_arguments(row: Row) -> None:
    taken = inspect.signature(row.act).parameters
    assert len(taken) == 2 + len(row.args)


def test_every_call_of_linux_has_a_number_and_no_other_has() -> None:
    assert {name for name, row in TABLE.items() if row.number is not None} == set(NUMBERS)
    assert all(TABLE[name].number_aarch64 == pair[1] for name, pair in NUMBERS.items())


@given(st.sampled_from(sorted(TABLE)), st.data())
def test_arguments_by_place_and_by_name_are_the_same(name: str, data: st.DataObject) -> None:
    row = TABLE[name]
    given_args = {key: value for key, value in data.draw(arguments(row)).items() if "Pick(" not in repr(value)}
    try:
        named = row.bind([], given_args)
    except BadArgument:
        return
    split = 0
    for field in row.args:
        if field.name not in given_args:
            break
        split += 1
    first = [given_args[field.name] for field in row.args[:split]]
    rest = {field.name: given_args[field.name] for field in row.args[split:] if field.name in given_args}
    assert row.bind(first, rest) == named
    assert len(named) == len(row.args)


@every_row
def test_too_many_unknown_and_repeated_arguments_are_refused(row: Row) -> None:
    with pytest.raises(BadArgument, match="arguments"):
        row.bind([0] * (len(row.args) + 1), {})
    with pytest.raises(BadArgument, match="no argument"):
        row.bind([], {"nothing": 1})
    if row.args:
        with pytest.raises(BadArgument, match="has it already"):
            row.bind([0], {row.args[0].name: 0})


@every_row
def test_missing_arguments_are_named(row: Row) -> None:
    required = [field.name for field in row.args if field.required]
    if required:
        with pytest.raises(BadArgument, match=f"'{required[0]}' is missing"):
            row.bind([], {})
    else:
        assert row.bind([], {}) == [field.default for field in row.args]

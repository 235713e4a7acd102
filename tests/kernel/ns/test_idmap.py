"""Maps of ids: what goes down comes up again, and what has no name is the overflow id."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usernel.kernel.error import KernelError
from usernel.kernel.ns.idmap import INVALID_ID, OVERFLOW_ID, Extent, IdMap
from usernel.kernel.user_namespace import UID_GID_MAP_MAX_EXTENTS, parse_map

ids = st.integers(0, 2**32 - 1)
maps = st.lists(st.tuples(ids, ids, st.integers(1, 2**32 - 1)), max_size=4)


def as_text(extents: list[tuple[int, int, int]]) -> str:
    return "".join(f"{first} {lower} {count}\n" for first, lower, count in extents)


def parsed_or_errno(text: str) -> tuple[Extent, ...] | str:
    try:
        return parse_map(text)
    except KernelError as error:
        return error.name


@given(maps, ids)
def test_a_map_that_is_taken_is_one_to_one(extents: list[tuple[int, int, int]], ident: int) -> None:
    parsed = parsed_or_errno(as_text(extents))
    if isinstance(parsed, str):
        assert parsed == "EINVAL"
        return
    id_map = IdMap(parsed)
    down = id_map.down(ident)
    assert down == INVALID_ID or id_map.up(down) == ident
    up = id_map.up(ident)
    assert up == INVALID_ID or id_map.down(up) == ident
    assert id_map.munged(ident) == (OVERFLOW_ID if up == INVALID_ID else up)


@given(st.text(alphabet="0123456789 \t\n-xa\0", max_size=40))
def test_any_text_is_a_map_or_einval(text: str) -> None:
    assert parsed_or_errno(text) == "EINVAL" or parse_map(text)


@pytest.mark.parametrize(("count", "taken"), [(UID_GID_MAP_MAX_EXTENTS, True), (UID_GID_MAP_MAX_EXTENTS + 1, False)])
def test_as_many_lines_as_there_may_be_and_one_more(count: int, taken: bool) -> None:
    text = as_text([(2 * number, 2 * number, 1) for number in range(count)])
    if taken:
        assert len(parse_map(text)) == count
    else:
        with pytest.raises(KernelError):
            parse_map(text)


def test_a_range_goes_down_only_in_one_piece() -> None:
    id_map = IdMap((Extent(0, 1000, 10), Extent(10, 2000, 10)))
    assert id_map.down_range(0, 10) == 1000
    assert id_map.down_range(12, 3) == 2002
    assert id_map.down_range(5, 10) == INVALID_ID

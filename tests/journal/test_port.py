"""Chunks as the data of a record: what was joined is split again, and nothing else is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usernel.journal.checksum import checksum, pack_acked, unpack_acked
from usernel.journal.port import CHUNK_LENGTH, JournalDamagedError, Record, join, split

chunks = st.lists(st.binary(max_size=20), max_size=6)
longs = st.integers(0, 2**63 - 1)


@given(chunks)
def test_what_was_joined_is_split_again(some: list[bytes]):
    data = join(some)
    assert list(split(data)) == some
    assert len(data) == sum(map(len, some)) + CHUNK_LENGTH * len(some)


@given(st.binary(max_size=40))
def test_any_bytes_are_chunks_or_a_value_error(data: bytes):
    try:
        found = list(split(data))
    except ValueError:
        return
    assert join(found) == data


@given(chunks.filter(bool), st.data())
def test_what_is_torn_has_fewer_chunks_or_is_none(some: list[bytes], data: st.DataObject):
    whole = join(some)
    torn = whole[: data.draw(st.integers(0, len(whole) - 1))]
    ends = [len(join(some[:count])) for count in range(len(some))]
    if len(torn) in ends:
        assert list(split(torn)) == some[: ends.index(len(torn))]
    else:
        with pytest.raises(ValueError, match="ends inside a chunk"):
            list(split(torn))


def test_a_chunk_may_be_empty_and_a_record_too():
    assert list(split(b"")) == []
    assert list(split(join([b"", b""]))) == [b"", b""]


@given(longs, longs, longs, st.binary(max_size=30), st.data())
def test_a_checksum_is_of_everything(position: int, facts: int, time_ns: int, data: bytes, draw: st.DataObject):
    record = Record(position, facts, time_ns, data)
    bit = draw.draw(st.integers(0, 191 + 8 * len(data)))
    whole = bytearray(b"".join(number.to_bytes(8, "big") for number in record[:3]) + data)
    whole[bit // 8] ^= 1 << bit % 8
    numbers = [int.from_bytes(whole[at : at + 8], "big") for at in (0, 8, 16)]
    assert checksum(Record(*numbers, bytes(whole[24:]))) != checksum(record)


@given(longs)
def test_how_far_was_acknowledged_is_told_or_nothing(position: int):
    told = pack_acked(position)
    assert unpack_acked(told) == position
    assert {unpack_acked(told[:size]) for size in range(len(told))} == {0}
    for bit in range(8 * len(told)):
        torn = bytearray(told)
        torn[bit // 8] ^= 1 << bit % 8
        assert unpack_acked(bytes(torn)) == 0


def test_damage_says_where():
    damage = JournalDamagedError(7, "a bit flipped")
    assert (damage.position, damage.why) == (7, "a bit flipped")
    assert str(damage) == "the journal is damaged behind position 7: a bit flipped"

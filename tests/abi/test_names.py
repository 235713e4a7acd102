"""Flags and enumerations by name: what is spelled can be read again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usernel.abi.fcntl import MQ_OFLAGS
from usernel.abi.msg import COMMANDS, RCV_FLAGS
from usernel.abi.poll import POLL_EVENTS
from usernel.abi.signal import SA_FLAGS, SIGNALS, mask

FLAGS = (MQ_OFLAGS, RCV_FLAGS, POLL_EVENTS, SA_FLAGS)


@given(st.sampled_from(FLAGS), st.integers(-(2**31), 2**63))
def test_a_union_of_what_is_spelled_is_the_value(names, value) -> None:
    assert names.union(names.spell(value)) == value


@given(st.sampled_from([COMMANDS, SIGNALS]), st.integers(-3, 99))
def test_a_value_is_its_name_or_stands_for_itself(names, value) -> None:
    assert names.number(names.name(value)) == value


def test_a_name_that_is_none_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        COMMANDS.number("IPC_NONE")


def test_signal_n_is_bit_n_minus_1() -> None:
    assert mask(frozenset({1, 9, 64})) == 1 | 1 << 8 | 1 << 63
    assert mask(frozenset()) == 0

"""What arguments are made of: whatever comes is parsed or a BadArgument, and what is spelled can be parsed again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.syscalls.arguments import any_of
from usernel.syscalls.kinds import (
    DATA,
    INT,
    KEY,
    LONG,
    MODE,
    UINT,
    ULONG,
    BadArgument,
    Field,
    Kind,
    ListOf,
    Messages,
    Structure,
    c_number,
)
from usernel.syscalls.mqueue import OFLAGS
from usernel.syscalls.msg import MSQID_SET
from usernel.syscalls.signal import SIGNAL
from usernel.syscalls.table import TABLE


def kinds_in(kind: Kind) -> Iterator[Kind]:
    """A kind and those that it is made of."""
    yield kind
    if isinstance(kind, ListOf):
        yield from kinds_in(kind.item)
    if isinstance(kind, Structure):
        for field in kind.fields:
            yield from kinds_in(field.kind)


ALL = [
    kind
    for row in TABLE.values()
    for top in [*(field.kind for field in row.args), *([row.out] if row.out else [])]
    for kind in kinds_in(top)
]
LEAVES = [kind for kind in ALL if not any(isinstance(part, (Structure, Messages)) for part in kinds_in(kind))]
names = st.sampled_from(["data", "text", "mtype", "priority", "uid", "tv_sec", "mq_maxmsg", "IPC_CREAT", "0x10", "08"])
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6) | st.binary(max_size=6) | names
junk = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(names | st.integers() | st.none(), inner, max_size=4)
    ),
    max_leaves=8,
)


@given(st.sampled_from(ALL), junk)
def test_whatever_comes_is_parsed_or_a_bad_argument(kind: Kind, value: Any) -> None:
    try:
        parsed = kind.parse(value)
    except BadArgument:
        return
    for item in parsed if isinstance(kind, Messages) else [parsed]:
        hash(item)  # what the kernel is given cannot be changed from outside


@given(st.sampled_from(LEAVES), st.data())
def test_what_is_spelled_can_be_parsed_again(kind: Kind, data: st.DataObject) -> None:
    parsed = kind.parse(data.draw(any_of(kind)))
    assert kind.parse(kind.spell(parsed)) == parsed
    if kind.plain:
        assert as_lists(kind.spell(parsed)) == as_lists(parsed)


def as_lists(value: Any) -> Any:
    """A value whose lists are lists: the kernel's are tuples, which cannot be changed."""
    return [as_lists(item) for item in value] if isinstance(value, (list, tuple)) else value


@given(st.sampled_from([INT, UINT, LONG, ULONG]), st.data())
def test_both_ways_to_write_a_bit_pattern_are_one_number(kind: Any, data: st.DataObject) -> None:
    number = data.draw(st.integers(-(1 << kind.bits - 1), (1 << kind.bits) - 1))
    parsed = kind.parse(number)
    assert (parsed - number) % (1 << kind.bits) == 0
    least = -(1 << kind.bits - 1) if kind.signed else 0
    assert least <= parsed < least + (1 << kind.bits)


@pytest.mark.parametrize("kind", [INT, UINT, LONG, ULONG])
def test_numbers_that_no_pattern_stands_for_are_refused(kind: Any) -> None:
    for number in (-(1 << kind.bits - 1) - 1, 1 << kind.bits):
        with pytest.raises(BadArgument, match="does not fit"):
            kind.parse(number)


@pytest.mark.parametrize(
    ("text", "number"),
    [("0", 0), ("010", 8), ("0x4d2", 1234), ("-1", -1), (" 7 ", 7), ("-010", -8), ("0o17", 15), ("00", 0)],
)
def test_numbers_as_c_writes_them(text: str, number: int) -> None:
    assert c_number(text) == number
    assert KEY.parse(text) == number


@pytest.mark.parametrize("text", ["", "08", "0x", "1.0", "one", "IPC_NONE", "9" * 5000])
def test_text_that_is_no_number(text: str) -> None:
    with pytest.raises(BadArgument):
        KEY.parse(text)


def test_flags_come_in_every_way() -> None:
    for value in (
        "O_CREAT | O_RDWR",
        ["O_CREAT", "O_RDWR"],
        ["O_CREAT", 2],
        0o102,
        "0102",
        "O_CREAT|2",
        {"O_CREAT", 2},
    ):
        assert OFLAGS.parse(value) == 0o102
    assert OFLAGS.spell(0o102 | 0o40000000) == ["O_RDWR", "O_CREAT", 0o40000000]


def test_names_of_values() -> None:
    assert SIGNAL.parse("SIGKILL") == SIGNAL.parse(9) == SIGNAL.parse("9") == 9
    assert SIGNAL.spell(9) == "SIGKILL"
    assert SIGNAL.spell(99) == 99
    assert KEY.parse("IPC_PRIVATE") == 0


def test_modes_are_octal_as_text_and_numbers_as_numbers() -> None:
    assert MODE.parse("600") == MODE.parse("0600") == MODE.parse(0o600) == 0o600
    with pytest.raises(BadArgument):
        MODE.parse("0800")


def test_data_may_be_any_bytes_or_text() -> None:
    assert [DATA.parse(value) for value in (b"x", bytearray(b"x"), memoryview(b"x"), "x")] == [b"x"] * 4
    with pytest.raises(BadArgument):
        DATA.parse("\ud800")


@pytest.mark.parametrize(
    "message",
    [
        {"mtype": 1},
        {"data": b""},
        {"mtype": 1, "data": b"", "text": ""},
        {"mtype": 1, "data": b"", "priority": 1},
        {"mtype": 1, 2: 3},
        {"mtype": 2**64, "data": b""},
        (1,),
        (1, b"", 3),
        5,
    ],
)
def test_messages_that_are_none(message: Any) -> None:
    with pytest.raises(BadArgument):
        Messages("mtype").parse([message])


def test_messages_as_pairs_and_as_objects() -> None:
    batch = [(1, b"a"), [2, "b"], {"mtype": 3, "data": b"c"}, {"mtype": 4, "text": "d"}]
    assert list(Messages("mtype").parse(batch)) == [(1, b"a"), (2, b"b"), (3, b"c"), (4, b"d")]


def test_structures_by_name_and_by_place() -> None:
    assert MSQID_SET.parse({"msg_qbytes": 5}) == (None, 5)
    assert MSQID_SET.parse((None, 5)) == (None, 5)
    assert MSQID_SET.parse({"msg_perm": {"mode": "0600"}}) == ((None, None, 0o600), None)
    for bad in ((5,), {"qbytes": 5}, {"msg_qbytes": "5"}, 5):
        with pytest.raises(BadArgument):
            MSQID_SET.parse(bad)


def test_what_is_wrong_names_the_field() -> None:
    with pytest.raises(BadArgument, match=r"^msg_perm: mode: "):
        MSQID_SET.parse({"msg_perm": {"mode": "x"}})
    with pytest.raises(BadArgument, match="'a' is missing"):
        Structure("s", (Field("a", INT),)).parse({})

"""Facts as bytes: they come back as they were, old records stay readable, and what is no record is a ValueError."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args, get_type_hints

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import usernel
from usernel.kernel import facts
from usernel.kernel.durable import durable_state
from usernel.kernel.fold import FOLDS
from usernel.kernel.kernel import Kernel
from usernel.runtime.codec import TYPES, decode, encode

OLD = Path(__file__).parent / "records.json"
"""One fact of each type, as the first version wrote it: its type, its fields and the record in hexadecimal."""

longs = st.integers(-(2**63), 2**63 - 1)


def of_type(hint: Any) -> st.SearchStrategy[Any]:
    """Values of a field's type."""
    values = {int: longs, str: st.text(max_size=8), bool: st.booleans()}
    values[tuple[int, ...]] = st.lists(longs, max_size=4).map(tuple)
    values[tuple[facts.Body, ...]] = st.lists(st.tuples(longs, st.binary(max_size=9)), max_size=4).map(tuple)
    values[tuple[tuple[int, int], ...]] = st.lists(st.tuples(longs, longs), max_size=3).map(tuple)
    bodies = st.tuples(longs, st.binary(max_size=9))
    values[tuple[tuple[int, facts.Body], ...]] = st.lists(st.tuples(longs, bodies), max_size=4).map(tuple)
    values[str | None] = st.none() | st.text(max_size=8)
    values[tuple[tuple[int, int, int], ...]] = st.lists(st.tuples(longs, longs, longs), max_size=3).map(tuple)
    return values[hint]


def fact_of(kind: Any) -> st.SearchStrategy[Any]:
    """Facts of a type."""
    return st.builds(kind, *[of_type(hint) for hint in get_type_hints(kind).values()])


some_facts = st.lists(st.one_of([fact_of(kind) for kind in get_args(facts.Fact)]), max_size=5)


@given(some_facts)
def test_facts_come_back_as_they_were(some: list[Any]) -> None:
    found = decode(encode(some))
    assert found == some
    assert [type(fact) for fact in found] == [type(fact) for fact in some]


def test_every_type_of_fact_has_a_fold_and_a_name_of_its_own() -> None:
    assert set(TYPES.values()) == set(FOLDS) == set(get_args(facts.Fact))
    assert len(TYPES) == len(FOLDS)


def test_a_history_is_folded_out_of_bytes() -> None:
    kernel = usernel.Kernel()
    task = kernel.fork(unshare="CLONE_NEWIPC")
    task.sysctl("kernel.msgmnb", 100)
    msqid = task.msgget(1, 0o1600)
    task.msgsnd_batch(msqid, [(1, b"a"), (2, bytes(range(8)))])
    task.msgrcv(msqid)
    mqdes = task.mq_open("é", "O_CREAT | O_RDWR", 0o600)
    task.mq_timedsend_batch(mqdes, [(1, b"a"), (32767, b"")])
    task.mq_timedreceive(mqdes)
    fresh = Kernel()
    for fact in decode(encode(kernel.facts)):
        FOLDS[type(fact)](fresh, fact)
    assert durable_state(fresh) == durable_state(kernel.model)


@settings(max_examples=300)
@given(st.binary(max_size=64))
def test_any_bytes_are_a_record_or_a_value_error(record: bytes) -> None:
    only_value_error(record)


@settings(max_examples=300)
@given(some_facts, st.data())
def test_a_damaged_record_is_a_value_error_or_other_facts(some: list[Any], data: st.DataObject) -> None:
    record = bytearray(encode(some))
    for _ in range(data.draw(st.integers(1, 3))):
        record[data.draw(st.integers(0, len(record) - 1))] = data.draw(st.integers(0, 255))
    only_value_error(bytes(record))


@given(some_facts.filter(bool), st.data())
def test_a_torn_record_is_a_value_error(some: list[Any], data: st.DataObject) -> None:
    record = encode(some)
    with pytest.raises(ValueError, match="not a record"):
        decode(record[: data.draw(st.integers(0, len(record) - 1))])


def only_value_error(record: bytes) -> None:
    """Decode, and fail on any other exception."""
    try:
        found = decode(record)
    except ValueError:
        return
    assert all(type(fact) in FOLDS for fact in found)


@pytest.mark.parametrize(
    "record",
    [
        b"",
        msgspec.msgpack.encode([("NoFact", [])]),
        msgspec.msgpack.encode([("MqFreed", [1])]),
        msgspec.msgpack.encode([("MqFreed", [1, "2"])]),
        msgspec.msgpack.encode([("MqFreed", {"ns": 1, "ino": 2})]),
        msgspec.msgpack.encode({"MqFreed": [1, 2]}),
        msgspec.msgpack.encode([[b"MqFreed", [1, 2]]]),
        encode([]) + b"\0",
    ],
)
def test_records_that_are_none(record: bytes) -> None:
    with pytest.raises(ValueError, match=r"fact|record"):
        decode(record)


@pytest.mark.parametrize("old", json.loads(OLD.read_text(encoding="utf-8")), ids=lambda old: old["type"])
def test_records_of_old_are_read_as_they_were_meant(old: dict[str, Any]) -> None:
    (fact,) = decode(bytes.fromhex(old["record"]))
    assert type(fact).__name__ == old["type"]
    named = {name: readable(value) for name, value in fact._asdict().items() if name in old["fields"]}
    assert named == old["fields"]


def readable(value: Any) -> Any:
    """A field's value as JSON has it."""
    if isinstance(value, bytes):
        return value.hex()
    return [readable(item) for item in value] if isinstance(value, tuple) else value


def test_every_type_of_fact_has_a_record_of_old() -> None:
    assert {old["type"] for old in json.loads(OLD.read_text(encoding="utf-8"))} == set(TYPES)

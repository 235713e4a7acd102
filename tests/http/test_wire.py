"""Bytes from outside: whatever they are, a decoder takes them or raises what it says it raises."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import msgspec
import pydantic
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from usernel.http.models import (
    Arguments,
    Body,
    MqCreate,
    MqMessages,
    MqReceive,
    MsgCreate,
    MsgMessages,
    MsgReceive,
    MsgSet,
    TaskCreate,
    Unshare,
)
from usernel.http.wire import ARGS, JSON, MSGPACK, UNREADABLE, FrameCodec, json_out, message_json
from usernel.syscalls.kinds import BadArgument
from usernel.syscalls.table import TABLE

MODELS = [MsgCreate, MsgSet, MsgMessages, MsgReceive, MqCreate, MqMessages, MqReceive, TaskCreate, Unshare, Arguments]
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**63), 2**64 - 1), st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20), st.sampled_from(["IPC_CREAT", "0x4d2", "0600", "-0", "eA==", "1_0", "0x", "|", "\x00"]),
)  # fmt: skip
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
packable = st.recursive(
    scalars | st.binary(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=8) | st.integers(-9, 9) | st.binary(max_size=3), inner, max_size=4)
    ),
    max_leaves=8,
)
NESTED = b"[" * 5000
DEEP = [b'{"a":' * depth + b"1" + b"}" * depth for depth in (100, 500, 900, 990, 1000, 5000)]


def frames(fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    one = st.fixed_dictionaries({}, optional=dict.fromkeys(["id", "call", "pid", "args", "cancel", "more"], fields))
    return one | st.lists(one, max_size=3) | fields


def takes_or_refuses(codec: FrameCodec, data: bytes | str) -> None:
    try:
        taken = codec.frames(data)
    except UNREADABLE:
        return
    for frame in taken:
        assert isinstance(frame.id, int | str | None)
        codec.encode({"id": frame.id, "detail": repr(frame.call)})


@settings(max_examples=300, deadline=None)
@given(frames(values).map(json.dumps) | st.text() | st.binary().map(lambda data: data.decode("latin-1")))
@example(NESTED.decode())
@example('{"id": 1, "args": ' + NESTED.decode())
@example('{"id": "\\ud800"}')
@example('{"id": ' + "9" * 5000 + "}")
@example('{"id": ' + "9" * 4300 + "}")
def test_a_json_frame(text: str):
    takes_or_refuses(JSON, text)


@settings(max_examples=300, deadline=None)
@given(frames(packable).map(msgspec.msgpack.encode) | st.binary())
@example(b"\x91" * 5000)
@example(b"\x81\xa4args" + b"\x91" * 5000)
@example(b"\xdd\xff\xff\xff\xff")
@example(b"\x81\xa2id\xa1\xff")
def test_a_msgpack_frame(data: bytes):
    takes_or_refuses(MSGPACK, data)


def near(name: str, anything: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Objects with the row's own argument names, mostly."""
    names = {field.name: anything for field in TABLE[name].args} | {"text": anything, "no such": anything}
    return st.fixed_dictionaries({}, optional=names) | anything


def parses_or_refuses(parse: Any, data: bytes, count: int) -> None:
    try:
        args, refusal = parse(data), ""
    except BadArgument as error:
        args, refusal = [None] * count, str(error)
    assert len(args) == count
    assert len(refusal) < 2000
    msgspec.json.encode(refusal)


@pytest.mark.parametrize("name", list(TABLE))
def test_arguments_in_json(name: str):
    count = len(TABLE[name].args)

    @settings(max_examples=40, deadline=None)
    @given(near(name, values).map(lambda value: json.dumps(value).encode()) | st.binary())
    def holds(data: bytes) -> None:
        parses_or_refuses(ARGS[name].from_json, data, count)

    holds()
    for nested in [NESTED, *DEEP]:
        parses_or_refuses(ARGS[name].from_json, nested, count)
        for field in TABLE[name].args:
            for left, right in ((b"", b""), (b"[", b"]")):
                data = b'{"%s":%s%s%s}' % (field.name.encode(), left, nested, right)
                parses_or_refuses(ARGS[name].from_json, data, count)


@pytest.mark.parametrize("name", list(TABLE))
def test_arguments_in_msgpack(name: str):
    count = len(TABLE[name].args)

    @settings(max_examples=40, deadline=None)
    @given(near(name, packable).map(msgspec.msgpack.encode) | st.binary())
    def holds(data: bytes) -> None:
        parses_or_refuses(ARGS[name].from_msgpack, data, count)

    holds()


@pytest.mark.parametrize("depth", range(850, 1000, 10))
def test_a_list_nested_almost_without_end_is_refused_with_a_short_sentence(depth: int):
    data = b'{"set":' + b"[" * depth + b"]" * depth + b"}"
    parses_or_refuses(ARGS["rt_sigtimedwait"].from_json, data, 2)


@pytest.mark.parametrize("model", MODELS)
def test_a_body(model: type[Body]):
    names = [*getattr(model, "model_fields", {}), "mtype", "priority", "text", "data", "wait"]

    @settings(max_examples=60, deadline=None)
    @given((st.fixed_dictionaries({}, optional=dict.fromkeys(names, values)) | values).map(json.dumps) | st.binary())
    @example(NESTED)
    @example(b'{"wait": NaN}')
    @example(b'{"data": "\\ud800"}')
    def holds(data: bytes | str) -> None:
        with suppress(pydantic.ValidationError):
            model.model_validate_json(data)

    holds()


@settings(deadline=None)
@given(st.integers(-(2**63), 2**63 - 1), st.binary(max_size=50))
def test_a_message_comes_out_with_its_bytes_and_with_text_where_it_is_text(kind: int, data: bytes):
    shown = json.loads(msgspec.json.encode(message_json("mtype", kind, data)))
    assert shown["mtype"] == kind
    assert msgspec.convert(shown["data"], bytes) == data
    assert ("text" in shown) == (data.decode("utf-8", "replace").encode() == data)
    assert shown.get("text", "").encode() in {data, b""}


def test_a_batch_comes_out_as_objects_in_json():
    out = {"messages": [(1, b"x"), (2, b"\xff")]}
    assert json_out(TABLE["msgrcv_batch"], out) == {
        "messages": [{"mtype": 1, "data": "eA==", "text": "x"}, {"mtype": 2, "data": "/w=="}]
    }
    assert MSGPACK.out(TABLE["msgrcv_batch"], out) == out

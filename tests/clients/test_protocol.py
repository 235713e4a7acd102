"""The client's reading and writing of frames, fed with anything."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from usernel_client.flags import content, listed
from usernel_client.protocol import CallFrame, Cancel, Reply, encode, plain_out, replies

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text() | st.integers(0, 9), inner, max_size=4),
    max_leaves=12,
)
FIELDS = st.sampled_from("id ret out errno errno_name detail status".split())


def read(data: bytes) -> list[Reply] | None:
    try:
        decoded = replies(data)
    except ValueError:
        return None
    assert all(isinstance(reply, Reply) for reply in decoded)
    return list(decoded)


@given(st.binary(max_size=300))
def test_arbitrary_bytes_are_replies_or_a_value_error(data: bytes):
    read(data)


@given(VALUES)
def test_arbitrary_messagepack_is_replies_or_a_value_error(value):
    if not isinstance(value, dict | list):
        assert read(msgspec.msgpack.encode(value)) is None
    else:
        read(msgspec.msgpack.encode(value))


@given(st.dictionaries(FIELDS, VALUES) | st.lists(st.dictionaries(FIELDS, VALUES), max_size=3))
def test_almost_replies_are_replies_or_a_value_error(frame):
    for reply in read(msgspec.msgpack.encode(frame)) or []:
        plain_out(reply.out)


@given(st.lists(st.builds(Reply, id=st.integers(0, 2**32), ret=st.integers(-1, 9)), max_size=4), st.integers(0, 99))
def test_a_frame_cut_short_is_a_value_error(frames: list[Reply], cut: int):
    data = msgspec.msgpack.encode(frames)
    assert read(data) == frames
    assert read(data[: cut % len(data)]) is None


@given(VALUES, st.integers(0, 2**32))
def test_what_came_out_is_read_as_it_was_written(out, ident: int):
    (reply,) = replies(msgspec.msgpack.encode({"id": ident, "ret": 1, "out": out}))
    assert (reply.id, reply.ret) == (ident, 1)
    assert msgspec.msgpack.encode(plain_out(reply.out)) == msgspec.msgpack.encode(out)


@pytest.mark.parametrize("data", [b"", b"not a frame", b"\x91\xc0", b"\x81\xa3ret\xa1x"])
def test_the_error_says_that_it_is_no_reply(data: bytes):
    with pytest.raises(ValueError, match=r"^not a reply frame: "):
        replies(data)


def test_text_that_is_not_utf_8_is_a_value_error():
    with pytest.raises(ValueError, match="0xff"):
        replies(b"\x81\xa6detail\xa1\xff")


def test_one_frame_alone_and_several_joined():
    call, cancel = CallFrame(1, "getpid", {}), Cancel(1)
    assert msgspec.msgpack.decode(encode([call])) == {"id": 1, "call": "getpid", "args": {}}
    assert msgspec.msgpack.decode(encode([cancel])) == {"cancel": 1}
    acting = {"id": 2, "call": "fork", "args": {"uid": 1}, "pid": 7}
    assert msgspec.msgpack.decode(encode([CallFrame(2, "fork", {"uid": 1}, 7), cancel])) == [acting, {"cancel": 1}]


def test_a_reply_alone_and_replies_joined():
    alone = msgspec.msgpack.encode({"id": 1, "errno": 11, "errno_name": "EAGAIN", "detail": "full"})
    assert list(replies(alone)) == [Reply(1, errno=11, errno_name="EAGAIN", detail="full")]
    joined = msgspec.msgpack.encode([{"id": 1, "ret": 3}, {"id": 2}])
    assert [(reply.id, reply.ret, plain_out(reply.out)) for reply in replies(joined)] == [(1, 3, None), (2, 0, None)]


@pytest.mark.parametrize(
    ("flags", "wire"),
    [(0, [0]), ("A", ["A"]), ("A | B|C", ["A", "B", "C"]), ("", []), (["A", 4], ["A", 4]), (("A",), ["A"])],
)
def test_flags_are_written_in_any_way(flags, wire):
    assert listed(flags) == wire
    assert listed(flags, 384, "Z") == [*wire, 384, "Z"]


def test_content_is_bytes():
    values = ["é", b"x", bytearray(b"x"), memoryview(b"x")]
    assert [content(value) for value in values] == [b"\xc3\xa9", b"x", b"x", b"x"]
    assert {type(content(value)) for value in values} == {bytes}

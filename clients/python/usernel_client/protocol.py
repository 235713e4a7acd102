"""The frames of ``/v1/syscalls`` in MessagePack, as they are written and read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import msgspec

SUBPROTOCOL: Final = "usernel.v1.msgpack"
NO_OUT: Final = msgspec.Raw(b"\xc0")


class Result(NamedTuple):
    """What a call returned: the number, and what it handed back beside it."""

    ret: int
    out: dict[str, Any] | None = None


class CallFrame(msgspec.Struct, omit_defaults=True):
    """A call on its way out."""

    id: int
    call: str
    args: dict[str, Any]
    pid: int | None = None
    hold: bool = False


class Settle(msgspec.Struct, omit_defaults=True):
    """What a call received and holds leaves its queue (``commit``), or goes back to its place (``abort``)."""

    id: int
    commit: int | None = None
    abort: int | None = None


class Cancel(msgspec.Struct):
    """Interrupt a call that sleeps."""

    cancel: int


class Reply(msgspec.Struct):
    """An answer. ``out`` is read by whoever knows what it holds."""

    id: int | None = None
    ret: int = 0
    out: msgspec.Raw = NO_OUT
    errno: int | None = None
    errno_name: str | None = None
    detail: str = ""
    status: int = 0
    held: bool = False


_REPLIES: Final = msgspec.msgpack.Decoder(Reply | list[Reply])
_ENCODE: Final = msgspec.msgpack.Encoder().encode


def encode(frames: Sequence[CallFrame | Cancel | Settle]) -> bytes:
    """Frames joined into one."""
    return _ENCODE(frames[0] if len(frames) == 1 else frames)


def replies(data: bytes) -> Sequence[Reply]:
    """The answers in a frame. ValueError for what is none."""
    try:
        decoded = _REPLIES.decode(data)
    except msgspec.MsgspecError as error:
        raise ValueError(f"not a reply frame: {error}") from None
    return decoded if isinstance(decoded, list) else (decoded,)


def plain_out(out: msgspec.Raw) -> Any:
    """What a call handed back, as plain values."""
    return msgspec.msgpack.decode(out)

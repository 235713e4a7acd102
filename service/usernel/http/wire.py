"""Calls and their results as JSON and MessagePack, compiled once from the rows of the table.

A call's arguments are read in two steps: the frame, in which they are raw, then the row's own structure. What has the
wrong shape is a ``BadArgument``, with the argument's name; what the kernel refuses is left to the kernel.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from usernel.syscalls.kinds import (
    Anything,
    BadArgument,
    Boolean,
    Data,
    Enumeration,
    Field,
    Flags,
    Integer,
    Key,
    Kind,
    ListOf,
    Messages,
    Mode,
    NameOrNumber,
    Numbers,
    Structure,
    Text,
)
from usernel.syscalls.row import Row
from usernel.syscalls.table import TABLE

UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What a decoder raises for bytes that are no frame or body; the last is for nesting that has no end."""

Name = int | str
WIRE_TYPES: Final[Mapping[type[Kind], Any]] = {
    Integer: int,
    Flags: Name | list[Name],
    Enumeration: Name,
    Key: Name,
    Mode: Name,
    Text: str,
    NameOrNumber: Name,
    Numbers: dict[str, int],
    Boolean: bool,
    Data: bytes,
    ListOf: list[Any],
    Structure: dict[str, Any],
    Anything: Any,
}
NO_ARGS: Final = msgspec.Raw(b"")
"""A call without ``args``; MsgSpec knows no ``Raw | None``."""
NO_ARGS_JSON: Final = msgspec.Raw(b"{}")
NO_ARGS_MSGPACK: Final = msgspec.Raw(b"\x80")


class MsgMessage(msgspec.Struct, forbid_unknown_fields=True, rename={"kind": "mtype"}):
    """A message of a System V batch, as an object."""

    kind: int
    data: bytes | None = None
    text: str | None = None


class MqMessage(msgspec.Struct, forbid_unknown_fields=True, rename={"kind": "priority"}):
    """A message of a POSIX batch, as an object."""

    kind: int
    data: bytes | None = None
    text: str | None = None


BATCHES: Final[Mapping[str, Any]] = {
    "mtype": list[tuple[int, bytes] | MsgMessage],
    "priority": list[tuple[int, bytes] | MqMessage],
}


def _wire_type(kind: Kind) -> Any:
    return BATCHES[kind.tag] if isinstance(kind, Messages) else WIRE_TYPES[type(kind)]


def _pairs(messages: list[Any]) -> list[tuple[int, bytes]]:
    """A batch as the kernel takes it. One that came in pairs is that already; its tags are the kernel's to judge."""
    return [message if type(message) is tuple else _pair(message) for message in messages]


def _pair(message: MsgMessage | MqMessage) -> tuple[int, bytes]:
    return message.kind, _data(message.data, message.text)


def _data(data: bytes | None, text: str | None) -> bytes:
    if (data is None) == (text is None):
        raise BadArgument("one of 'data' and 'text' is wanted")
    return data if data is not None else Text().parse(text).encode()


class ArgsCodec:
    """The arguments of one row: their structure, and what is left to do to each once it is read."""

    def __init__(self, row: Row) -> None:
        self.row = row
        self._data_at = next((i for i, field in enumerate(row.args) if isinstance(field.kind, Data)), None)
        self._steps = [(i, _step(field)) for i, field in enumerate(row.args) if not isinstance(field.kind, Data)]
        fields = [_field(field, optional=i == self._data_at) for i, field in enumerate(row.args)]
        if self._data_at is not None:
            fields.append(("text", str | None, None))
        # A field without a default may not follow one with: they are read by name, so the order here does not matter.
        self.struct = msgspec.defstruct(row.name, fields, kw_only=True, forbid_unknown_fields=True)
        self._json = msgspec.json.Decoder(self.struct)
        self._msgpack = msgspec.msgpack.Decoder(self.struct)

    def from_json(self, raw: bytes | msgspec.Raw) -> list[Any]:
        """The kernel's arguments out of a JSON object. Raises ``BadArgument``."""
        return self._read(self._json, raw)

    def from_msgpack(self, raw: bytes | msgspec.Raw) -> list[Any]:
        """The kernel's arguments out of a MessagePack map. Raises ``BadArgument``."""
        return self._read(self._msgpack, raw)

    def _read(self, decoder: Any, raw: bytes | msgspec.Raw) -> list[Any]:
        try:
            values = list(msgspec.structs.astuple(decoder.decode(raw)))
        except UNREADABLE as error:
            raise BadArgument(f"{self.row.name}: {error}") from None
        if self._data_at is not None:
            text = values.pop()
            values[self._data_at] = _data(values[self._data_at], text)
        for index, step in self._steps:
            value = values[index]
            if value is not None:
                try:
                    values[index] = step(value)
                except BadArgument as error:
                    raise BadArgument(f"{self.row.args[index].name}: {error}") from None
        return values


def _field(field: Field, *, optional: bool) -> Any:
    wire_type = _wire_type(field.kind)
    if optional:
        return (field.name, wire_type | None, None)
    if field.required:
        return (field.name, wire_type)
    return (field.name, wire_type | None if field.nullable else wire_type, field.default)


def _step(field: Field) -> Callable[[Any], Any]:
    return _pairs if isinstance(field.kind, Messages) else field.kind.parse


ARGS: Final[Mapping[str, ArgsCodec]] = {name: ArgsCodec(row) for name, row in TABLE.items()}


# ---------------------------------------------------------------------------------------------------- what goes out


def json_out(row: Row, out: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """What a call handed back, ready for a JSON encoder: names for flags, ``data`` in base64, ``text``."""
    if out is None or row.out is None:
        return out
    return dict(_json_structure(row.out, row.spell(out) or {})) if _has_bytes(row.out) else row.spell(out)


def message_json(tag: str, kind: int, data: bytes) -> dict[str, Any]:
    """One message as an object: its type or priority, ``data``, and ``text`` where the bytes are UTF-8."""
    shown: dict[str, Any] = {tag: kind, "data": b64encode(data).decode()}
    try:
        shown["text"] = data.decode()
    except UnicodeDecodeError:
        pass
    return shown


def _has_bytes(kind: Kind) -> bool:
    if isinstance(kind, ListOf):
        return _has_bytes(kind.item)
    if isinstance(kind, Structure):
        return any(_has_bytes(field.kind) for field in kind.fields)
    return isinstance(kind, (Data, Messages))


def _json_structure(structure: Structure, values: Mapping[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for field in structure.fields:
        if field.name not in values:
            continue
        value, kind = values[field.name], field.kind
        if isinstance(kind, Data):
            shown |= {name: item for name, item in message_json("", 0, value).items() if name}
        elif isinstance(kind, Messages):
            shown[field.name] = [message_json(kind.tag, tag, data) for tag, data in value]
        elif isinstance(kind, ListOf) and isinstance(kind.item, Structure):
            shown[field.name] = [_json_structure(kind.item, item) for item in value]
        else:
            shown[field.name] = value
    return shown


# ---------------------------------------------------------------------------------------------------- frames

Id = int | str


class Frame(msgspec.Struct, forbid_unknown_fields=True):
    """What a client sends: a call, ``cancel`` for one that sleeps, ``commit`` or ``abort`` for one that holds.

    With ``hold`` what a call receives stays held after its reply, until the client commits it.
    """

    id: Id | None = None
    call: str | None = None
    pid: int | None = None
    args: msgspec.Raw = NO_ARGS
    cancel: Id | None = None
    hold: bool = False
    commit: Id | None = None
    abort: Id | None = None


class Result(msgspec.Struct, omit_defaults=True):
    """The answer to a call that returned; ``held`` where what it received waits for a commit."""

    id: Id | None
    ret: int
    out: Any = None
    held: bool = False


class Failure(msgspec.Struct):
    """The answer to a call that ended with an errno."""

    id: Id | None
    errno: int
    errno_name: str
    detail: str


class Malformed(msgspec.Struct):
    """The answer to what is no call: the kernel has not seen it."""

    id: Id | None
    detail: str
    status: int = 400
    errno: None = None
    errno_name: None = None


Reply = Result | Failure | Malformed


class FrameCodec:
    """One subprotocol: how frames are read and replies written."""

    def __init__(self, name: str, decoder: Any, encode: Callable[[Any], bytes], *, text: bool) -> None:
        self.name = name
        self.text = text
        self._decoder = decoder
        self.encode = encode

    def frames(self, data: bytes | str) -> Sequence[Frame]:
        """The calls of a frame. Raises ``UNREADABLE``: a ValidationError where only the shape is wrong."""
        decoded = self._decoder.decode(data)
        return decoded if isinstance(decoded, list) else (decoded,)

    def args(self, row: Row, raw: msgspec.Raw) -> list[Any]:
        """A call's arguments. Raises ``BadArgument``."""
        if self.text:
            return ARGS[row.name].from_json(raw or NO_ARGS_JSON)
        return ARGS[row.name].from_msgpack(raw or NO_ARGS_MSGPACK)

    def out(self, row: Row, out: Mapping[str, Any] | None) -> Any:
        """What a call handed back, as this protocol writes it: in MessagePack the messages of a batch stay pairs."""
        return json_out(row, out) if self.text else row.spell(out)


JSON: Final = FrameCodec(
    "usernel.v1.json", msgspec.json.Decoder(Frame | list[Frame]), msgspec.json.Encoder().encode, text=True
)
MSGPACK: Final = FrameCodec(
    "usernel.v1.msgpack", msgspec.msgpack.Decoder(Frame | list[Frame]), msgspec.msgpack.Encoder().encode, text=False
)
SUBPROTOCOLS: Final[Mapping[str, FrameCodec]] = {codec.name: codec for codec in (JSON, MSGPACK)}

"""JSON schemas of what arguments and results are made of."""

from __future__ import annotations

from typing import Any

from usernel.syscalls.kinds import (
    Anything,
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

Schema = dict[str, Any]
NUMBER_OR_NAME: Schema = {"type": ["integer", "string"]}
MESSAGE_FIELDS: Schema = {
    "data": {"type": "string", "contentEncoding": "base64"},
    "text": {"type": "string", "description": "in place of data: sent as UTF-8"},
}


def args_schema(fields: tuple[Field, ...]) -> Schema:
    """The object that holds a call's arguments. ``text`` may stand for ``data``."""
    properties = {field.name: _described(field, in_schema(field.kind)) for field in fields}
    required = [field.name for field in fields if field.required and not isinstance(field.kind, Data)]
    if any(isinstance(field.kind, Data) for field in fields):
        properties["text"] = MESSAGE_FIELDS["text"]
    return _object(properties, required)


def in_schema(kind: Kind) -> Schema:
    """What a door takes for a kind."""
    if isinstance(kind, Flags):
        item = {"anyOf": [{"enum": list(kind.names.values)}, {"type": "integer"}]}
        return {"anyOf": [{"type": "integer"}, {"type": "string"}, {"type": "array", "items": item}]}
    if isinstance(kind, Enumeration):
        return {"anyOf": [{"enum": list(kind.names.values)}, {"type": "integer"}]}
    if isinstance(kind, Messages):
        fields = {kind.tag: {"type": "integer"}, **MESSAGE_FIELDS}
        return {"type": "array", "items": _object(fields, [kind.tag])}
    if isinstance(kind, ListOf):
        return {"type": "array", "items": in_schema(kind.item)}
    if isinstance(kind, Structure):
        return args_schema(kind.fields)
    return _plain(kind)


def out_schema(kind: Kind) -> Schema:
    """What a door answers for a kind."""
    if isinstance(kind, Flags):
        return {"type": "array", "items": NUMBER_OR_NAME}
    if isinstance(kind, Enumeration):
        return NUMBER_OR_NAME
    if isinstance(kind, Messages):
        fields = {kind.tag: {"type": "integer"}, **MESSAGE_FIELDS}
        return {"type": "array", "items": {"type": "object", "properties": fields, "required": [kind.tag, "data"]}}
    if isinstance(kind, ListOf):
        return {"type": "array", "items": out_schema(kind.item)}
    if isinstance(kind, Structure):
        properties = {field.name: _nullable(field, out_schema(field.kind)) for field in kind.fields}
        if any(isinstance(field.kind, Data) for field in kind.fields):
            properties["text"] = {"type": "string", "description": "where the bytes are UTF-8"}
        needed: Schema = {"required": [field.name for field in kind.fields if field.required]}
        return {"type": "object", "properties": properties, **needed}
    return _plain(kind)


def _plain(kind: Kind) -> Schema:
    if isinstance(kind, Integer):
        half = 1 << (kind.bits - 1)
        return {"type": "integer", "minimum": -half, "maximum": 2 * half - 1}
    if isinstance(kind, Key):
        return {**NUMBER_OR_NAME, "description": 'a number, "0x4d2" or "IPC_PRIVATE"'}
    if isinstance(kind, Mode):
        return {**NUMBER_OR_NAME, "description": 'a number, or octal digits ("0600")'}
    if isinstance(kind, Data):
        return {"type": "string", "contentEncoding": "base64"}
    if isinstance(kind, Boolean):
        return {"type": "boolean"}
    if isinstance(kind, NameOrNumber):
        return NUMBER_OR_NAME
    if isinstance(kind, Numbers):
        return {"type": "object", "additionalProperties": {"type": "integer"}}
    if isinstance(kind, Text):
        return {"type": "string"}
    if isinstance(kind, Anything):
        return {}
    raise TypeError(f"no schema for {kind!r}")


def _described(field: Field, schema: Schema) -> Schema:
    shown = _nullable(field, schema)
    if field.required or field.nullable:
        return shown
    return {**shown, "default": list(field.default) if isinstance(field.default, tuple) else field.default}


def _nullable(field: Field, schema: Schema) -> Schema:
    shown: Schema = {"anyOf": [schema, {"type": "null"}]} if field.nullable else dict(schema)
    return {**shown, "description": field.doc} if field.doc else shown


def _object(properties: Schema, required: list[str]) -> Schema:
    shown: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return {**shown, "required": required} if required else shown

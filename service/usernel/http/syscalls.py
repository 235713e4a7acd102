"""The table of system calls, and the door that reaches every row of it."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from aiohttp import web

from usernel.syscalls.kinds import BadArgument
from usernel.syscalls.row import Row
from usernel.syscalls.table import TABLE

from .acting import Acting, answer
from .keys import LIMITS, RUNTIME, SOCKETS
from .models import Arguments
from .problem import Problem
from .routes import Route
from .tasks import acting_as
from .websocket import serve_socket
from .wire import ARGS, NO_ARGS, NO_ARGS_JSON, UNREADABLE, json_out


class _Body(msgspec.Struct, forbid_unknown_fields=True):
    args: msgspec.Raw = NO_ARGS


_DECODER: Final = msgspec.json.Decoder(_Body)


async def table(request: web.Request) -> web.Response:
    """Every row, whole."""
    return answer({"items": [described(row) for row in TABLE.values()], "next": None})


def described(row: Row) -> dict[str, Any]:
    """A row as ``GET /v1/syscalls`` shows it."""
    args = [
        {"name": field.name, "required": field.required, "doc": field.doc}
        | ({} if field.required else {"default": field.default})
        for field in row.args
    ]
    return {
        "name": row.name, "number": row.number, "number_aarch64": row.number_aarch64, "summary": row.summary,
        "man": row.man, "args": args, "out": [field.name for field in row.out.fields] if row.out else [],
        "errnos": [errno.name for errno in sorted(row.errnos)], "support": row.support, "partial": row.partial,
    }  # fmt: skip


async def generic(request: web.Request) -> web.Response:
    """One call, made by the task of the path."""
    row = TABLE.get(request.match_info["name"])
    if row is None:
        raise Problem(404, f"no system call {request.match_info['name']!r}")
    try:
        body = _DECODER.decode(await request.read() or b"{}")
    except UNREADABLE as error:
        raise BadArgument(f"the body is not {{'args': {{...}}}}: {error}") from None
    args = ARGS[row.name].from_json(body.args or NO_ARGS_JSON)
    acting = await acting_as(request)
    result = await acting.make(row, args)
    shown: dict[str, Any] = {"ret": result.ret}
    if result.out is not None:
        shown["out"] = json_out(row, result.out)
    return answer(shown)


async def socket(request: web.Request) -> web.StreamResponse:
    """Calls pipelined and batched, as a child of the request's task."""
    acting = await Acting.of(request)
    return await serve_socket(request, request.app[RUNTIME], acting.task, request.app[LIMITS], request.app[SOCKETS])


async def table_or_socket(request: web.Request) -> web.StreamResponse:
    """``GET /v1/syscalls``: the table, or where the client asks to upgrade, the WebSocket."""
    return await (socket(request) if "websocket" in request.headers.get("Upgrade", "").lower() else table(request))


ROUTES: Final = (
    Route("GET", "/v1/syscalls", table_or_socket, "the table of system calls, or (upgraded) calls by WebSocket"),
    Route("POST", "/v1/tasks/{pid}/syscalls/{name}", generic, "make any system call", Arguments, calls=tuple(TABLE)),
)

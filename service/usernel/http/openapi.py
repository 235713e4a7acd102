"""The OpenAPI document, made from the routes' declarations and the rows of the table.

``python -m usernel.http.openapi`` writes ``openapi/openapi.yaml``; with ``--check`` it only says whether that is as it
should be.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from pydantic.json_schema import models_json_schema

from usernel.abi.errno import Errno
from usernel.syscalls.row import Row
from usernel.syscalls.table import TABLE
from usernel.version import __version__

from .problem import CONTENT_TYPE, errno_status
from .routes import Route
from .schema import Schema, args_schema, out_schema

DOCUMENT: Final = Path(__file__).resolve().parents[3] / "openapi" / "openapi.yaml"
REF: Final = "#/components/schemas/{model}"
GENERIC: Final = "/v1/tasks/{pid}/syscalls/{name}"
DESCRIPTION: Final = (
    "Message queues, namespaces and rings with Linux's semantics. Errors are problem documents (RFC 9457); those of "
    "calls carry `errno` and `errno_name`. A request acts as the task that the header `Usernel-Task` names."
)
PROBLEM: Final[Schema] = {
    "type": "object",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errno": {"type": "integer"},
        "errno_name": {"type": "string"},
    },
    "required": ["type", "title", "status", "detail"],
}
PROTOCOL_STATUSES: Final = frozenset({400, 401, 403, 404, 408, 413, 415, 429})
"""What any request may be answered with, whatever it calls."""
UPGRADE_REQUIRED: Final = 426
"""What a WebSocket answers to a request that is none."""
INTEGERS: Final = frozenset({"pid", "msqid", "ring"})


def document(routes: Sequence[Route]) -> dict[str, Any]:
    """The whole document, as JSON would hold it."""
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        if route.path == GENERIC:
            continue
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    for row in TABLE.values():
        paths[GENERIC.replace("{name}", row.name)] = {"post": _row_operation(row)}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "usernel", "version": __version__, "description": DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "http://127.0.0.1:8470"}],
        "security": [{"token": []}, {"ticket": []}, {}],
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": _schemas(routes), "responses": _problem_responses(), "securitySchemes": _security(),
        },
    }  # fmt: skip


def _security() -> Schema:
    return {
        "token": {"type": "http", "scheme": "bearer", "description": "none is wanted where none is configured"},
        "ticket": {"type": "apiKey", "in": "query", "name": "ticket", "description": "one use, 30 seconds"},
    }


def _schemas(routes: Sequence[Route]) -> Schema:
    models = {route.body for route in routes if route.body is not None}
    named = sorted(((model, "validation") for model in models), key=lambda pair: str(pair[0].__name__))
    _, bodies = models_json_schema(named, ref_template=REF)  # type: ignore[arg-type]
    answers = {route.answer.title: out_schema(route.answer) for route in routes if route.answer is not None}
    return dict(sorted({**bodies.get("$defs", {}), **answers, "problem": PROBLEM}.items()))


def _operation(route: Route) -> Schema:
    shown: Schema = {
        "operationId": _identifier(route), "summary": route.summary, "tags": [_tag(route.path)],
        "x-calls": list(route.calls), "parameters": [*_path_parameters(route.path), *_page_parameters(route)],
        "responses": _responses(route, [TABLE[name] for name in route.calls]),
    }  # fmt: skip
    if route.body is not None:
        schema = {"$ref": REF.format(model=route.body.__name__)}
        shown["requestBody"] = {"content": {"application/json": {"schema": schema}}}
    return shown


def _identifier(route: Route) -> str:
    return route.method.lower() + re.sub(r"\W+", "_", route.path).rstrip("_")


def _tag(path: str) -> str:
    parts = path.strip("/").split("/")
    return parts[1] if len(parts) > 1 else "service"


def _path_parameters(path: str) -> list[Schema]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "integer" if name in INTEGERS else "string"}}
        for name in re.findall(r"{(\w+)}", path)
    ]


def _page_parameters(route: Route) -> list[Schema]:
    if not route.pages:
        return []
    limit = {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100}
    return [
        {"name": "after", "in": "query", "schema": {"type": "string"}, "description": "the `next` of the page before"},
        {"name": "limit", "in": "query", "schema": limit},
    ]


def _responses(route: Route, rows: Iterable[Row]) -> Schema:
    shown = {"101": {"description": "upgraded"}} if route.websocket else {str(route.status): _success(route)}
    if route.status == 201 and route.method in {"PUT", "POST"} and route.path.count("/") < 4:
        shown["200"] = {**_success(route), "description": "it existed"}
    more = {UPGRADE_REQUIRED} if route.websocket else set()
    return shown | _problems({errno for row in rows for errno in row.errnos}, more)


def _success(route: Route) -> Schema:
    if route.status == 204:
        return {"description": "done"}
    schema: Schema = {"type": "object"}
    if route.answer is not None:
        schema = {"$ref": REF.format(model=route.answer.title)}
    if route.pages:
        items = {"type": "array", "items": schema}
        schema = {"type": "object", "properties": {"items": items, "next": {}}, "required": ["items", "next"]}
    kind = "text/plain" if route.path == "/metrics" else "application/json"
    return {"description": "done", "content": {kind: {"schema": schema}}}


def _problems(errnos: set[Errno], more: Iterable[int] = ()) -> Schema:
    statuses = PROTOCOL_STATUSES.union(more, (errno_status(errno) for errno in errnos))
    return {str(status): {"$ref": f"#/components/responses/{status}"} for status in sorted(statuses)}


def _problem_responses() -> Schema:
    """One shared response for every status that a problem can have."""
    names: dict[int, list[str]] = {status: [] for status in (*PROTOCOL_STATUSES, UPGRADE_REQUIRED)}
    for errno in sorted({errno for row in TABLE.values() for errno in row.errnos}):
        names.setdefault(errno_status(errno), []).append(errno.name)
    content = {CONTENT_TYPE: {"schema": {"$ref": REF.format(model="problem")}}}
    return {
        str(status): {"description": " ".join(some) or "the request cannot be", "content": content}
        for status, some in sorted(names.items())
    }


def _row_operation(row: Row) -> Schema:
    args = args_schema(row.args)
    body = {"type": "object", "properties": {"args": args}, "additionalProperties": False}
    out = {"type": "object", "properties": {"ret": {"type": "integer"}}, "required": ["ret"]}
    if row.out is not None:
        out["properties"] = {"ret": {"type": "integer"}, "out": out_schema(row.out)}
    return {
        "operationId": row.name, "summary": row.summary, "tags": ["syscalls"],
        "description": f"{row.man}; {row.support}" + (f": {row.partial}" if row.partial else ""),
        "x-errnos": [errno.name for errno in sorted(row.errnos)], "parameters": _path_parameters("{pid}"),
        "requestBody": {"content": {"application/json": {"schema": body}}},
        "responses": {
            "200": {"description": "it returned", "content": {"application/json": {"schema": out}}},
            **_problems(set(row.errnos)),
        },
    }  # fmt: skip


def as_yaml(shown: dict[str, Any]) -> str:
    """The document as it is committed."""
    import yaml  # noqa: PLC0415 - only who writes the document needs it

    head = "# Made by `python -m usernel.http.openapi` from the routes and the table of system calls.\n"
    return head + yaml.safe_dump(shown, sort_keys=False, allow_unicode=True, width=120)


def main(argv: Sequence[str]) -> int:
    """Write the document, or with ``--check`` compare it."""
    from .app import ROUTES  # noqa: PLC0415 - the application serves this document

    text = as_yaml(document(ROUTES))
    if "--check" not in argv:
        DOCUMENT.parent.mkdir(exist_ok=True)
        DOCUMENT.write_text(text, "utf-8")
        return 0
    if DOCUMENT.read_text("utf-8") == text:
        return 0
    sys.stderr.write(f"{DOCUMENT} is not what the code says; run python -m usernel.http.openapi\n")
    return 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

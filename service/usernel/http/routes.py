"""A route, declared once: its handler is registered and its description written from the same line."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from usernel.syscalls.kinds import Structure

Answering = Callable[[web.Request], Coroutine[Any, Any, web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Route:
    """One route. ``body`` is the model of what it takes; ``answer`` what it answers with ``status``.

    ``calls`` are the rows whose errnos it may answer, ``pages`` says that it is a list with cursor and limit,
    ``websocket`` that it is upgraded.
    """

    method: str
    path: str
    handler: Answering
    summary: str
    body: Any = None
    answer: Structure | None = None
    status: int = 200
    calls: tuple[str, ...] = ()
    pages: bool = False
    websocket: bool = False

"""The aiohttp application: every route, and what stands before them."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from usernel.config import Settings
from usernel.runtime import Runtime

from . import health, io_uring, metrics, mq, msg, namespaces, notify, ring, syscalls, tasks
from .acting import answer, kept
from .keys import LIMITS, REGISTRY, RUNTIME, SESSIONS, SETTINGS, SOCKETS, TICKETS
from .limits import Limits
from .openapi import document
from .problem import problems
from .security import guard
from .session import Sessions
from .tickets import Tickets
from .websocket import Sockets

ROUTES: Final = (
    *health.ROUTES,
    *metrics.ROUTES,
    *msg.ROUTES,
    *notify.ROUTES,
    *mq.ROUTES,
    *io_uring.ROUTES,
    *ring.ROUTES,
    *tasks.ROUTES,
    *namespaces.ROUTES,
    *syscalls.ROUTES,
)


def make_app(runtime: Runtime, settings: Settings, limits: Limits | None = None) -> web.Application:
    """The application that serves a runtime's kernel."""
    limits = limits or Limits()
    app = web.Application(middlewares=[problems, guard, kept], client_max_size=limits.body_bytes)
    app[RUNTIME] = runtime
    app[SETTINGS] = settings
    app[LIMITS] = limits
    app[SESSIONS] = Sessions(runtime)
    app[TICKETS] = Tickets()
    app[SOCKETS] = Sockets()
    app[REGISTRY] = metrics.make_registry(runtime, app)
    for route in ROUTES:
        app.router.add_route(route.method, route.path, route.handler)
    app.router.add_get("/openapi.json", openapi)
    for path in tasks.LATER:
        app.router.add_route("*", path, tasks.later)
        app.router.add_route("*", path + "/{rest:.*}", tasks.later)
    return app


async def openapi(request: web.Request) -> web.Response:
    """The description of all this."""
    return answer(document(ROUTES))

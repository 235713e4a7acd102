"""Namespaces by REST: list them, look at one, set its numbers, keep it without tasks."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from usernel.syscalls.namespace import NAMESPACE

from .acting import Acting, answer, body_of, number_of, page_of
from .models import NamespaceSet
from .routes import Route


def _inum(request: web.Request) -> int:
    return number_of(request.match_info["inum"], "inode number")


async def listing(request: web.Request) -> web.Response:
    """The namespaces that the task may see, of one kind where ``type`` names it."""
    after, limit = page_of(request)
    acting = await Acting.of(request)
    how: dict[str, Any] = {"type": request.query.get("type"), "limit": limit}
    shown = await acting.shown("ns_list", after=0 if after is None else number_of(after, "cursor"), **how)
    return answer({"items": shown["namespaces"], "next": shown["next"]})


async def stat(request: web.Request) -> web.Response:
    """Kind, parent, owner, members, limits."""
    acting = await Acting.of(request)
    return answer(await acting.shown("ns_stat", inum=_inum(request)))


async def change(request: web.Request) -> web.Response:
    """Write its sysctls, one after the other, and pin it or not."""
    body = await body_of(request, NamespaceSet)
    acting, inum = await Acting.of(request), _inum(request)
    for name, value in body.numbers.items():
        await acting.call("ns_sysctl", inum=inum, name=name, value=value)
    shown = await acting.shown("ns_stat", inum=inum)
    if body.pinned is not None:
        await acting.call("ns_pin", inum=inum, pinned=body.pinned)
        shown["pinned"] = body.pinned
    return answer(shown)


ALL, ONE = "/v1/namespaces", "/v1/namespaces/{inum}"
ROUTES: Final = (
    Route(
        "GET", ALL, listing, "the namespaces; `?type=ipc` those of a kind", answer=NAMESPACE, calls=("ns_list",),
        pages=True,
    ),
    Route("GET", ONE, stat, "a namespace", answer=NAMESPACE, calls=("ns_stat",)),
    Route(
        "PATCH", ONE, change, "write its sysctls, pin it", NamespaceSet, NAMESPACE,
        calls=("ns_stat", "ns_sysctl", "ns_pin"),
    ),
)  # fmt: skip

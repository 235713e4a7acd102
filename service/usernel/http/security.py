"""Who may come in: the token, the Host, the Origin, the content type, and how many."""

from __future__ import annotations

import hmac
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web

from usernel.config import Settings, is_loopback

from .keys import RUNTIME, SETTINGS, TICKETS
from .problem import Handler, Problem
from .session import peer_credentials

OPEN_PATHS: Final = frozenset({"/livez", "/readyz"})
WATCHING_PATHS: Final = OPEN_PATHS | {"/metrics"}
"""What is answered also while no call is let in."""
JSON_TYPES: Final = frozenset({"application/json"})


@web.middleware
async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let in whoever may come in; 403, 401, 415 for the others, WebSockets included."""
    settings = request.app[SETTINGS]
    over_uds = peer_credentials(request) is not None
    if not over_uds:
        check_host(request, settings)
    check_origin(request, settings)
    if request.path not in OPEN_PATHS and settings.token is not None and not over_uds:
        check_token(request, settings.token)
    if request.path not in WATCHING_PATHS and (reason := request.app[RUNTIME].unavailable) is not None:
        raise Problem(503, reason, {"Retry-After": "1"})
    if request.body_exists and request.content_type not in JSON_TYPES:
        raise Problem(415, "a body is JSON: send it with `content-type: application/json`")
    return await handler(request)


def check_host(request: web.Request, settings: Settings) -> None:
    """On a loopback listener the Host must name this machine: a web page that rebinds DNS cannot. 403."""
    if settings.loopback and not is_loopback(host_of(f"//{request.host}")):
        raise Problem(403, f"the Host {request.host!r} is not this machine's; call it localhost or 127.0.0.1")


def host_of(url: str) -> str:
    """The host of a URL, without port and brackets; empty for none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def check_origin(request: web.Request, settings: Settings) -> None:
    """A request made by a web page must come from the service's own pages or an allowed origin. 403."""
    origin = request.headers.get("Origin")
    if origin is None:
        if request.headers.get("Sec-Fetch-Site", "none") not in {"none", "same-origin"}:
            raise Problem(403, "a foreign web page may not use this service")
        return
    if origin != f"{request.scheme}://{request.host}" and origin not in settings.origins:
        raise Problem(403, f"the Origin {origin!r} is not allowed")


def check_token(request: web.Request, token: str) -> None:
    """The bearer token, or a one-use ticket in the query. 401."""
    ticket = request.query.get("ticket")
    if ticket is not None and request.app[TICKETS].redeem(ticket):
        return
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    # Compared as bytes, in constant time: compare_digest refuses text that is not ASCII.
    if scheme.lower() == "bearer" and hmac.compare_digest(_bytes(given.strip()), _bytes(token.strip())):
        return
    detail = "send `Authorization: Bearer TOKEN`" if not given else "the token is wrong"
    raise Problem(401, detail, {"WWW-Authenticate": 'Bearer realm="usernel"'})


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")

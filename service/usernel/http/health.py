"""What watches over the service: is it alive, may it be asked; and who is let in once."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from usernel.version import __version__

from .acting import answer
from .keys import RUNTIME, TICKETS
from .problem import Problem
from .routes import Route


async def livez(request: web.Request) -> web.Response:
    """It runs; 503 where only a new start helps, because the journal has failed for good."""
    runtime = request.app[RUNTIME]
    if runtime.lost:
        return answer({"status": "lost", "reason": runtime.unavailable}, 503)
    return answer({"status": "live"})


async def readyz(request: web.Request) -> web.Response:
    """It may be asked; 503 while the journal is replayed, with how far that is, or while nothing can be kept."""
    runtime = request.app[RUNTIME]
    shown: dict[str, Any] = {"status": "ready", "version": __version__, "journal": runtime.journal.stat()}
    if runtime.unavailable is None:
        return answer(shown)
    shown |= {"status": "unavailable", "reason": runtime.unavailable}
    if runtime.recovery is not None:
        shown |= {"status": "replaying", "replay": runtime.recovery.stat()}
    return answer(shown, 503)


async def ticket(request: web.Request) -> web.Response:
    """A one-use ticket for a browser, good for 30 seconds."""
    issued = request.app[TICKETS].issue()
    if issued is None:
        raise Problem(429, "too many tickets are out; each ends after 30 seconds")
    return answer({"ticket": issued}, 201)


ROUTES: Final = (
    Route("GET", "/livez", livez, "does it run"),
    Route("GET", "/readyz", readyz, "may it be asked"),
    Route("POST", "/v1/tickets", ticket, "a one-use ticket for a browser: `?ticket=`", status=201),
)

"""What the application carries for its handlers."""

from __future__ import annotations

from aiohttp import web
from prometheus_client import CollectorRegistry

from usernel.config import Settings
from usernel.runtime import Runtime

from .limits import Limits
from .session import Sessions
from .tickets import Tickets
from .websocket import Sockets

RUNTIME = web.AppKey("runtime", Runtime)
SETTINGS = web.AppKey("settings", Settings)
LIMITS = web.AppKey("limits", Limits)
SESSIONS = web.AppKey("sessions", Sessions)
TICKETS = web.AppKey("tickets", Tickets)
REGISTRY = web.AppKey("registry", CollectorRegistry)
SOCKETS = web.AppKey("sockets", Sockets)

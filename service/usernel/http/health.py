"""What watches over the service: is it alive, may it be asked, how much does it do; and what it speaks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from usernel.runtime import Runtime
from usernel.version import __version__

from .acting import answer
from .keys import RUNTIME, SOCKETS, TICKETS
from .problem import Problem
from .routes import Route


class KernelCollector(Collector):
    """The counts that ``Runtime.stat`` answers, as metrics."""

    def __init__(self, runtime: Runtime, app: web.Application) -> None:
        self._runtime = runtime
        self._app = app

    def collect(self) -> Iterator[Metric]:
        """One gauge a count."""
        yield GaugeMetricFamily("usernel_websockets", "Open WebSockets.", value=len(self._app[SOCKETS]))
        for name, value in self._runtime.stat().items():
            if isinstance(value, int):
                yield GaugeMetricFamily(f"usernel_{name}", f"{name}, as the kernel counts.", value=value)


async def livez(request: web.Request) -> web.Response:
    """It runs."""
    return answer({"status": "live"})


async def readyz(request: web.Request) -> web.Response:
    """It may be asked: nothing is replayed before it is."""
    return answer({"status": "ready", "version": __version__, "journal": request.app[RUNTIME].journal.stat()})


async def metrics(request: web.Request) -> web.Response:
    """Prometheus' text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(KernelCollector(request.app[RUNTIME], request.app))
    return web.Response(body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})


async def ticket(request: web.Request) -> web.Response:
    """A one-use ticket for a browser, good for 30 seconds."""
    issued = request.app[TICKETS].issue()
    if issued is None:
        raise Problem(429, "too many tickets are out; each ends after 30 seconds")
    return answer({"ticket": issued}, 201)


ROUTES: Final = (
    Route("GET", "/livez", livez, "does it run"),
    Route("GET", "/readyz", readyz, "may it be asked"),
    Route("GET", "/metrics", metrics, "counts, for Prometheus"),
    Route("POST", "/v1/tickets", ticket, "a one-use ticket for a browser: `?ticket=`", status=201),
)

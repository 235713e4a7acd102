"""What watches over the service."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from usernel.compose import Service
from usernel.version import __version__

from ..clients.embedded import eventually
from .asking import Ask


async def metrics(ask: Ask) -> dict[str, float]:
    async with ask.session.get("/metrics") as response:
        assert response.status == 200
        assert response.headers["Content-Type"].startswith("text/plain; version=")
        families = list(text_string_to_metric_families(await response.text()))
    assert all(family.documentation and family.type == "gauge" for family in families)
    return {sample.name: sample.value for family in families for sample in family.samples}


async def test_it_lives(ask: Ask):
    assert await ask("GET /livez") == (200, {"status": "live"})


async def test_it_is_ready(running: Service, ask: Ask):
    status, shown = await ask("GET /readyz")
    assert (status, shown["status"], shown["version"]) == (200, "ready", __version__)
    assert shown["journal"] == running.runtime.journal.stat()
    assert set(shown) == {"status", "version", "journal"}


async def test_every_count_of_the_kernel_is_a_metric(running: Service, ask: Ask):
    counted = {name for name, value in running.runtime.stat().items() if isinstance(value, int)}
    assert set(await metrics(ask)) == {f"usernel_{name}" for name in counted} | {"usernel_websockets"}


async def test_metrics_move(ask: Ask, msqid: int):
    before = await metrics(ask)
    async with ask.session.ws_connect("/v1/syscalls") as ws:
        await ask.done("POST /v1/tasks", {})
        during = await metrics(ask)
        await ws.close()
    assert during["usernel_websockets"] - before["usernel_websockets"] == 1
    assert during["usernel_tasks"] - before["usernel_tasks"] == 2


async def test_a_closed_websocket_is_counted_no_more(running: Service, ask: Ask):
    async with ask.session.ws_connect("/v1/syscalls"):
        assert (await metrics(ask))["usernel_websockets"] == 1
    await eventually(lambda: len(running.runtime.kernel.tasks) == 2)
    assert (await metrics(ask))["usernel_websockets"] == 0

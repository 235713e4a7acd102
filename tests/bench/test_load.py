"""What asks a server for paths by turns, and how long each answer took."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from aiohttp import web

from usernel.bench import load as module
from usernel.bench.load import load

LATER_S = 0.05


async def served(answer: object) -> tuple[web.AppRunner, int]:
    app = web.Application()
    app.router.add_get("/{path}", answer)  # type: ignore[arg-type]
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return runner, runner.addresses[0][1]


@pytest.mark.parametrize("rest_s", [0, 0.01])
async def test_each_path_has_its_own_times(monkeypatch: pytest.MonkeyPatch, rest_s: float) -> None:
    monkeypatch.setattr(module, "WINDOW_S", 0.1)
    asked: Counter[str] = Counter()

    async def answer(request: web.Request) -> web.Response:
        path = request.match_info["path"]
        asked[path] += 1
        if path == "later":
            await asyncio.sleep(LATER_S)
        return web.Response(body=b"some")

    runner, port = await served(answer)
    try:
        soon, later = await load(port, ["/soon", "/later"], 4, 0.4, rest_s)
    finally:
        await runner.cleanup()
    assert soon
    assert later
    assert min(later) >= LATER_S
    assert min(soon) < LATER_S
    assert len(soon) < asked["soon"]  # the first are for warming up
    assert len(later) < asked["later"]


async def test_an_answer_that_is_none_is_told() -> None:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(status=500)

    runner, port = await served(answer)
    try:
        with pytest.raises(RuntimeError, match="500"):
            await load(port, ["/soon"], 2, 0.1)
    finally:
        await runner.cleanup()

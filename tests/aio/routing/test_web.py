"""Files that aiohttp and Starlette serve: routed whole, and answered as on uvloop."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvloop
from aiohttp import ClientSession, web
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse
from starlette.staticfiles import StaticFiles

import usernel
import usernel.anyio

from .twice import furnish

MAKERS = (uvloop.new_event_loop, usernel.new_event_loop)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    furnish(tmp_path / "place")
    (tmp_path / "place" / "small.gz").write_bytes(b"as if it were compressed")
    os.utime(tmp_path / "place" / "small.gz", (1_000_000_000, 1_000_000_000))
    (tmp_path / "place" / "big").write_bytes(b"0123456789abcdef" * 50_000)
    (tmp_path / "place" / "secret").symlink_to("/etc/passwd")
    return tmp_path / "place"


REQUESTS: tuple[tuple[str, dict[str, str]], ...] = (
    ("small", {}),
    ("small", {"Accept-Encoding": "gzip"}),
    ("small", {"Range": "bytes=10-99"}),
    ("small", {"Range": "bytes=-5"}),
    ("small", {"Range": "bytes=99999-"}),
    ("small", {"If-Modified-Since": "Mon, 01 Jan 2024 00:00:00 GMT"}),
    *(
        (path, {})
        for path in ("nothing", "dir", "dir/file", "fifo", "empty", "big", "loop", "secret", "link", "small/x")
    ),
    ("../place/small", {}),
)


async def _ask(base: str, session: ClientSession) -> list[Any]:
    answers = []
    for path, headers in REQUESTS:
        async with session.get(f"{base}/{path}", headers=headers, auto_decompress=False) as response:
            kept = {
                name: value for name, value in response.headers.items() if name not in {"Date", "Last-Modified", "ETag"}
            }
            answers.append((path, headers, response.status, kept, await response.read()))
    return answers


async def _serve(place: Path) -> tuple[list[Any], dict[str, int] | None]:
    async def one(request: web.Request) -> web.StreamResponse:
        return web.FileResponse(place / request.match_info["name"], chunk_size=100_000)

    app = web.Application()
    app.router.add_static("/static", place)
    app.router.add_static("/listed", place, show_index=True, follow_symlinks=True)
    app.router.add_get("/one/{name:.*}", one)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    try:
        async with ClientSession() as session:
            answers = [
                answer
                for way in ("static", "listed", "one")
                for answer in await _ask(f"http://127.0.0.1:{port}/{way}", session)
            ]
    finally:
        await runner.cleanup()
    loop = asyncio.get_running_loop()
    return answers, loop.ring.stat()["routing"] if isinstance(loop, usernel.EventLoop) else None


def test_aiohttp(place: Path) -> None:
    found = []
    for make in MAKERS:
        with asyncio.Runner(loop_factory=make) as runner:
            found.append(runner.run(asyncio.wait_for(_serve(place), 30)))
    for before, now in zip(found[0][0], found[1][0], strict=True):
        assert now == before
    stat = found[1][1]
    assert stat["handed_on"] == 0
    # Directories that are listed, FIFOs, and what is bigger than a hit may be.
    assert stat["inline"] > 4 * stat["punted"]


@pytest.fixture
def _installed() -> Iterator[None]:
    usernel.anyio.install()
    yield
    usernel.anyio.uninstall()


async def _call(app: Any, path: str, headers: dict[str, str]) -> list[Any]:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        await asyncio.sleep(60)

    scope = {
        "type": "http", "method": "GET", "path": f"/{path}", "root_path": "", "query_string": b"", "server": ("x", 80),
        "scheme": "http", "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
    }  # fmt: skip
    try:
        await app(scope, receive, send)
    except (HTTPException, RuntimeError, OSError) as error:
        sent.append((type(error), str(error)))
    return sent


@pytest.mark.usefixtures("_installed")
def test_starlette(place: Path) -> None:
    async def main() -> tuple[list[Any], dict[str, int] | None]:
        apps = [
            StaticFiles(directory=place), StaticFiles(directory=str(place), html=True, follow_symlink=True),
            StaticFiles(directory=place / "dir"), *(FileResponse(place / path) for path, _ in REQUESTS[:7]),
        ]  # fmt: skip
        answers = [await _call(app, path, headers) for app in apps for path, headers in REQUESTS if path != "fifo"]
        loop = asyncio.get_running_loop()
        return answers, loop.ring.stat()["routing"] if isinstance(loop, usernel.EventLoop) else None

    found = []
    for make in MAKERS:
        with asyncio.Runner(loop_factory=make) as runner:
            found.append(runner.run(asyncio.wait_for(main(), 30)))
    for before, now in zip(found[0][0], found[1][0], strict=True):
        assert now == before
    assert found[1][1]["handed_on"] == 0
    assert found[1][1]["inline"] > 20 * found[1][1]["punted"]

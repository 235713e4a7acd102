"""Who may come in: Host, Origin, token, ticket, content type."""

from __future__ import annotations

import pytest

from usernel.compose import Service
from usernel.config import ConfigError, Settings
from usernel.http import tickets
from usernel.http.app import ROUTES
from usernel.http.keys import TICKETS

from .asking import Ask
from .conftest import at

TOKEN = "right"
WEBSOCKET = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec_WebSocket_Version": "13",
             "Sec_WebSocket_Key": "AAAAAAAAAAAAAAAAAAAAAA=="}  # fmt: skip
CLOSED = ["/metrics", "/openapi.json", "/v1/msg", "/v1/mq", "/v1/tasks", "/v1/syscalls", "/v1/fanotify", "/nothing"]


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "example.org"])
def test_others_are_listened_to_with_a_token_only(host: str):
    with pytest.raises(ConfigError, match="reachable from other hosts"):
        Settings(host=host).check()
    assert Settings(host=host, token=TOKEN).check().host == host


@pytest.mark.parametrize("host", ["localhost", "localhost:1", "127.0.0.1", "127.9.9.9:80", "[::1]", "[::1]:80"])
async def test_a_host_that_is_this_machine_is_let_in(ask: Ask, host: str):
    assert (await ask("GET /v1/msg", Host=host))[0] == 200


@pytest.mark.parametrize(
    "host",
    ["example.org", "127.0.0.1.example.org", "localhost.example.org", "192.0.2.1", "[::2]", "[", "a@b", "0.0.0.0"],
)
@pytest.mark.parametrize("path", ["/v1/msg", "/livez", "/metrics", "/v1/syscalls"])
async def test_a_foreign_host_is_403_everywhere(ask: Ask, host: str, path: str):
    assert await ask.refused(f"GET {path}", Host=host) == (403, None)


async def test_a_foreign_host_is_403_for_websockets(running: Service, ask: Ask, jobs: str):
    for path in ("/v1/syscalls", f"{jobs}/notify"):
        assert await ask.refused(f"GET {path}", Host="example.org", **WEBSOCKET) == (403, None)
        assert await ask.refused(f"GET {path}", Origin="http://example.org", **WEBSOCKET) == (403, None)
        assert await ask.refused(f"GET {path}", Sec_Fetch_Site="cross-site", **WEBSOCKET) == (403, None)
    assert len(running.runtime.kernel.tasks) == 2


@pytest.mark.parametrize("origin", ["http://example.org", "null", "https://127.0.0.1", "http://localhost:1", "", "x"])
async def test_a_foreign_origin_is_403(ask: Ask, origin: str):
    for line in ("GET /v1/msg", "POST /v1/msg", "GET /livez"):
        assert await ask.refused(line, Origin=origin) == (403, None)


async def test_the_services_own_pages_and_the_allowed_ones_are_let_in(running: Service, ask: Ask):
    assert (await ask("GET /v1/msg", Origin=running.url))[0] == 200
    async with at(Settings(port=0, origins=("https://console.example",))) as (_, other):
        assert (await other("GET /v1/msg", Origin="https://console.example"))[0] == 200
        assert await other.refused("GET /v1/msg", Origin="https://console.example.org") == (403, None)
        status, _ = await other("GET /v1/msg", Origin="https://console.example", Sec_Fetch_Site="cross-site")
        assert status == 200


@pytest.mark.parametrize(
    ("site", "status"), [("cross-site", 403), ("same-site", 403), ("none", 200), ("same-origin", 200)]
)
async def test_a_page_that_hides_its_origin_is_known_by_its_site(ask: Ask, site: str, status: int):
    assert (await ask("GET /v1/msg", Sec_Fetch_Site=site))[0] == status


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "text/json", "x"]
)
@pytest.mark.parametrize(
    "line", ["POST /v1/msg", "PUT /v1/mq/jobs", "POST /v1/tasks/2/syscalls/getpid", "POST /v1/tickets"]
)
async def test_a_body_that_a_form_could_send_is_415(ask: Ask, kind: str, line: str):
    assert await ask.refused(line, b'{"key": 0}', Content_Type=kind) == (415, None)
    assert await ask.done("GET /v1/msg") == {"items": [], "next": None}


async def test_a_charset_does_not_hurt(ask: Ask):
    assert (await ask("POST /v1/msg", {"key": 0}, Content_Type="Application/JSON; charset=utf-8"))[0] == 201


@pytest.mark.parametrize(
    "given", [None, "", "Bearer", "Bearer ", "Bearer wrong", "Bearer righ", "Bearer rightt", "Basic right", "right",
              "Bearer grüße", "Bearer \udcff"]
)  # fmt: skip
async def test_without_the_right_token_all_but_the_probes_is_401(given: str | None):
    async with at(Settings(port=0, token=TOKEN)) as (running, ask):
        headers = {} if given is None else {"Authorization": given}
        for path in CLOSED:
            assert await ask.refused(f"GET {path}", **headers) == (401, None), path
        assert await ask.refused("GET /v1/syscalls", **WEBSOCKET, **headers) == (401, None)
        assert await ask.refused("POST /v1/tickets", **headers) == (401, None)
        for path in ("/livez", "/readyz"):
            assert (await ask(f"GET {path}", **headers))[0] == 200
        assert len(running.runtime.kernel.tasks) == 2


async def test_every_route_but_the_probes_wants_the_token():
    async with at(Settings(port=0, token=TOKEN)) as (_, ask):
        for route in ROUTES:
            line = f"{route.method} {route.path.format(msqid=0, name='getpid', pid=2, inum=0, ring=0)}"
            assert (await ask(line))[0] == (200 if route.path in {"/livez", "/readyz"} else 401), line


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_the_right_token_is_let_in(scheme: str):
    async with at(Settings(port=0, token=TOKEN)) as (_, ask):
        assert (await ask("GET /v1/msg", Authorization=f"{scheme} {TOKEN}"))[0] == 200
        assert await ask.refused("GET /v1/msg", Authorization=f"{scheme} {TOKEN}", Host="example.org") == (403, None)


async def test_a_token_may_be_any_text():
    async with at(Settings(port=0, token="grüße")) as (_, ask):
        assert (await ask("GET /v1/msg", Authorization="Bearer grüße"))[0] == 200
        assert await ask.refused("GET /v1/msg", Authorization="Bearer gruesse") == (401, None)


async def test_401_says_how(ask: Ask):
    async with at(Settings(port=0, token=TOKEN)) as (_, closed), closed.session.get("/v1/msg") as response:
        assert response.headers["WWW-Authenticate"] == 'Bearer realm="usernel"'


async def test_a_ticket_is_good_once(ask: Ask):
    async with at(Settings(port=0, token=TOKEN)) as (_, closed):
        status, shown = await closed("POST /v1/tickets", Authorization=f"Bearer {TOKEN}")
        assert (status, set(shown)) == (201, {"ticket"})
        assert await closed.refused("GET /v1/msg?ticket=wrong") == (401, None)
        assert (await closed(f"GET /v1/msg?ticket={shown['ticket']}"))[0] == 200
        assert await closed.refused(f"GET /v1/msg?ticket={shown['ticket']}") == (401, None)
        assert (await closed("GET /v1/msg?ticket=wrong", Authorization=f"Bearer {TOKEN}"))[0] == 200
        ticket = (await closed("POST /v1/tickets", Authorization=f"Bearer {TOKEN}"))[1]["ticket"]
        async with closed.session.ws_connect(f"/v1/syscalls?ticket={ticket}") as ws:
            await ws.send_str('{"id": 1, "call": "getpid"}')
            assert (await ws.receive_json())["ret"] == 3


def test_a_ticket_ends_after_thirty_seconds(monkeypatch: pytest.MonkeyPatch):
    now = 1000.0
    monkeypatch.setattr(tickets, "monotonic", lambda: now)
    out = tickets.Tickets()
    first, second = out.issue(), out.issue()
    now = 1029.999
    assert out.redeem(first)
    now = 1030.0
    assert not out.redeem(second)


async def test_tickets_are_bounded_and_those_that_ended_make_room(ask: Ask, running: Service, monkeypatch):
    now = 1000.0
    monkeypatch.setattr(tickets, "monotonic", lambda: now)
    for _ in range(tickets.MOST):
        assert running.app[TICKETS].issue() is not None
    assert await ask.refused("POST /v1/tickets") == (429, None)
    now = 1030.0
    assert (await ask("POST /v1/tickets"))[0] == 201

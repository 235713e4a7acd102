"""Connections that are lost, or never were."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from usernel.compose import Service, service
from usernel.config import Settings
from usernel.http.keys import SOCKETS
from usernel_client import Client, ConnectionLost, MessageQueue, PosixQueue, ProtocolError

from .embedded import DEADLINE, eventually, sleepers
from .outcome import errno_of


@pytest.fixture
def killable() -> Iterator[tuple[str, subprocess.Popen[str]]]:
    command = [sys.executable, "-m", "usernel.cli", "serve", "--port", "0", "--ephemeral"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process.stdout.readline().split()[-1], process
        finally:
            process.kill()


def cut(running: Service) -> None:
    """Every connection breaks, without a word."""
    for ws in running.app[SOCKETS]._open:
        ws._req.transport.abort()


async def lost(awaitable) -> str:
    with pytest.raises(ConnectionLost) as caught:
        await awaitable
    return str(caught.value)


async def test_a_killed_service_is_a_loss_for_every_call_under_way(killable):
    url, process = killable
    async with Client(url) as client:
        queue = await client.msgget("IPC_PRIVATE", mode=0o600)
        receives = [asyncio.create_task(queue.receive(mtype)) for mtype in (1, 1, 2)]
        receives.append(asyncio.create_task(queue.receive(wait=60)))
        async with asyncio.timeout(DEADLINE):
            while (await queue.stat())["receivers"] < 3:
                pass
        process.kill()
        said = {await lost(receive) for receive in receives}
        doubt = "; 3 calls were under way, and each may have been executed or not"
        assert said == {f"the service closed the connection (1006){doubt}"}
        assert await lost(queue.send(b"x")) == said.pop()


async def test_every_kind_of_call_under_way_is_lost(running: Service, queue: MessageQueue, jobs: PosixQueue):
    await queue.set(msg_qbytes=1)
    await queue.send(b"x")
    calls = [queue.send(b"y"), queue.receive(9), queue.receive(9, wait=60), queue.receive_many(2, 9), jobs.receive()]
    tasks = [asyncio.create_task(lost(call)) for call in [*calls, jobs.receive(wait=60), jobs.receive_many(2)]]
    await eventually(lambda: sleepers(running) == 7)
    cut(running)
    said = await asyncio.gather(*tasks)
    assert len(said) == 7
    assert set(said) == {
        "the service closed the connection (1006); 7 calls were under way, and each may have been executed or not"
    }


async def test_a_batch_under_way_is_in_doubt_for_each_of_its_senders(running: Service, queue: MessageQueue):
    sends = [asyncio.create_task(lost(queue.send(b"x"))) for _ in range(20)]
    await asyncio.sleep(0)
    cut(running)
    said = await asyncio.gather(*sends)
    assert [text.partition("; ")[2] for text in said] == [
        "1 calls were under way, and each may have been executed or not"
    ] * 20


async def test_without_calls_under_way_there_is_no_doubt(running: Service, client: Client):
    cut(running)
    await eventually(lambda: client.caller.connection.stat()["lost"])
    assert await lost(client.calls.getpid()) == "the service closed the connection (1006)"


@pytest.mark.parametrize("name", "send receive".split())
async def test_after_the_loss_every_batched_call_fails_at_once(
    running: Service, client: Client, queue: MessageQueue, name: str
):
    cut(running)
    await eventually(lambda: client.caller.connection.stat()["lost"])
    args = [b"x"] if name == "send" else []
    said = await asyncio.gather(*(lost(getattr(queue, name)(*args)) for _ in range(5)))
    assert said == ["the service closed the connection (1006)"] * 5


async def test_a_service_that_stops_interrupts_what_sleeps_and_says_that_it_goes():
    context = service(Settings(port=0))
    running = await context.__aenter__()
    async with Client(running.url) as client:
        queue = await client.msgget("IPC_PRIVATE", mode=0o600)
        tasks = [asyncio.create_task(errno_of(queue.receive(mtype))) for mtype in (1, 2)]
        await eventually(lambda: sleepers(running) == 2)
        await context.__aexit__(None, None, None)
        assert await asyncio.gather(*tasks) == ["EINTR", "EINTR"]
        await eventually(lambda: client.caller.connection.stat()["lost"])
        assert await lost(client.calls.getpid()) == "the service closed the connection (1001)"


async def test_notifications_end_with_a_loss(running: Service, jobs: PosixQueue):
    async with jobs.notify() as events:
        cut(running)
        assert await lost(anext(events)) == "the stream of notifications ended"


async def test_a_closed_client_says_that_it_was_closed(client: Client, queue: MessageQueue):
    await client.close()
    await client.close()
    assert await lost(queue.send(b"x")) == "the client was closed"


async def test_nobody_answers_there(tmp_path):
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unheard.getsockname()[1]}"
        assert (await lost(Client(url).connect())).startswith(f"no usernel service answers at {url}: ")
    said = await lost(Client(f"unix://{tmp_path}/none").connect())
    assert said.startswith(f"no usernel service answers at unix://{tmp_path}/none: ")


@pytest.mark.parametrize("url", ["127.0.0.1:8470", "ftp://127.0.0.1", "nonsense", "ws://127.0.0.1:8470"])
async def test_what_is_no_url_is_said_to_be_none(url: str):
    wanted = "http://HOST:PORT, https://... or unix:///PATH"
    assert await lost(Client(url).connect()) == f"{url!r} is no URL of a service: {wanted}"


@pytest.mark.parametrize("token", [None, "wrong", "righ"])
async def test_a_wrong_token_is_refused(token: str | None):
    async with service(Settings(port=0, token="right")) as running:
        with pytest.raises(ProtocolError) as refused:
            await Client(running.url, token=token).connect()
    assert refused.value.status == 401
    assert refused.value.detail == f"{running.url} answered 401: it wants a token (USERNEL_TOKEN)"


async def test_the_right_token_is_let_in_given_or_in_the_environment(monkeypatch: pytest.MonkeyPatch):
    async with service(Settings(port=0, token="right")) as running:
        async with Client(running.url, token="right") as client:
            assert await client.calls.getpid() == 3
        monkeypatch.setenv("USERNEL_TOKEN", "right")
        monkeypatch.setenv("USERNEL_URL", running.url + "/")
        async with Client() as client:
            assert await client.calls.getppid() == 2
        with pytest.raises(ProtocolError):
            await Client(token="wrong").connect()


async def test_a_unix_socket_is_a_way_in_and_the_peer_has_its_own_uid(tmp_path):
    path = str(tmp_path / "socket")
    async with service(Settings(host=None, uds=path, token="not asked of peers")) as running:
        assert running.url == f"unix://{path}"
        async with Client(running.url) as client:
            stat = (await client.calls.task_stat()).out or {}
            parent = (await client.calls.task_stat(stat["ppid"])).out or {}
    assert (stat["uid"], parent["comm"]) == (os.getuid(), f"uid-{os.getuid()}")

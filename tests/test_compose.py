"""A service starts where it may, says why where it may not, touches nothing that is not its own, and ends."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import aiohttp
import pytest

from usernel.compose import service
from usernel.config import ConfigError, Settings
from usernel.http.limits import Limits
from usernel.journal.port import JournalFullError
from usernel.runtime import GroupCommit
from usernel_client import Client, KernelError

LOOPS = pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
"""The command runs on uvloop, tests and embedding programs on asyncio's own loop."""
START = """
import asyncio, sys, uvloop
from usernel.compose import service
from usernel.config import ConfigError, Settings

async def main():
    try:
        async with service(Settings(None, uds=sys.argv[2])):
            print("up")
    except ConfigError as error:
        print(error)

(uvloop if sys.argv[1] == "uvloop" else asyncio).run(main())
"""


def start(loop: str, path: Path) -> str:
    """Start and stop a service on a Unix socket in a process of its own; "up", or why not."""
    done = subprocess.run(
        [sys.executable, "-c", START, loop, path], capture_output=True, text=True, timeout=30, check=True
    )
    return done.stdout.rstrip("\n")


def connections(count: int, url: str) -> list[socket.socket]:
    host, port = url.removeprefix("http://").split(":")
    return [socket.create_connection((host, int(port))) for _ in range(count)]


def answer(connection: socket.socket) -> bytes:
    """The status of its answer; a connection that is refused may be closed before the request is written."""
    with suppress(ConnectionError):
        connection.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
    return connection.recv(12).removeprefix(b"HTTP/1.1 ")


async def refused(settings: Settings) -> str:
    with pytest.raises(ConfigError) as caught:
        async with service(settings):
            pass
    return str(caught.value)


async def test_its_url_names_the_port_that_it_got():
    async with service(Settings(port=0)) as running, aiohttp.ClientSession(running.url) as http:
        assert not running.url.endswith(":0")
        assert (await http.get("/livez")).status == 200


async def test_an_ipv6_address_stands_in_brackets():
    async with service(Settings("::1", 0)) as running, aiohttp.ClientSession(running.url) as http:
        assert running.url.startswith("http://[::1]:")
        assert (await http.get("/livez")).status == 200


async def test_a_port_that_is_taken_is_refused_in_plain_words():
    async with service(Settings(port=0)) as running:
        port = int(running.url.rpartition(":")[2])
        assert await refused(Settings(port=port)) == f"cannot listen on 127.0.0.1:{port}: Address already in use"


async def test_an_address_of_another_machine_is_refused_in_plain_words():
    settings = Settings("192.0.2.1", 0, token="t")
    said = ("Cannot assign requested address", "could not bind on any address out of [('192.0.2.1', 0)]")
    # The second is asyncio's own, from Python 3.13 on.
    assert await refused(settings) in [f"cannot listen on 192.0.2.1:0: {reason}" for reason in said]


async def test_with_nothing_to_listen_on_it_does_not_start():
    assert await refused(Settings(None)) == "there is nothing to listen on: give a host or --uds"


async def test_it_listens_on_both_and_names_the_first(tmp_path: Path):
    path = tmp_path / "u"
    async with service(Settings(port=0, uds=str(path))) as running:
        assert running.url.startswith("http://127.0.0.1:")
        async with Client(running.url) as one, Client(f"unix://{path}") as two:
            await one.mq_open("jobs", "O_CREAT")
            assert (await two.call("mq_stat", name="jobs")).out["name"] == "jobs"
        assert stat.S_IMODE(path.stat().st_mode) == 0o666
    assert not path.exists()


@LOOPS
def test_a_socket_is_gone_with_its_service(tmp_path: Path, loop: str):
    assert start(loop, tmp_path / "u") == "up"
    assert not (tmp_path / "u").exists()


@LOOPS
def test_the_socket_of_a_service_that_is_gone_is_replaced(tmp_path: Path, loop: str):
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(tmp_path / "u"))
    assert start(loop, tmp_path / "u") == "up"


@LOOPS
def test_a_file_that_is_no_socket_is_refused_and_left_alone(tmp_path: Path, loop: str):
    path = tmp_path / "precious"
    path.write_text("data")
    assert start(loop, path) == f"{path} exists and is no socket"
    assert path.read_text() == "data"


@LOOPS
async def test_a_socket_on_which_another_service_listens_is_refused_and_left_to_it(tmp_path: Path, loop: str):
    path = tmp_path / "u"
    async with service(Settings(None, uds=str(path))) as running:
        assert running.url == f"unix://{path}"
        assert await asyncio.to_thread(start, loop, path) == f"another service listens on {path}"
        async with Client(running.url) as client:
            assert await client.calls.getpid() > 0


async def test_a_service_that_finds_its_port_taken_leaves_anothers_socket_alone(tmp_path: Path):
    path = tmp_path / "u"
    async with service(Settings(port=0, uds=str(path))) as running:
        port = int(running.url.rpartition(":")[2])
        await refused(Settings(port=port, uds=str(path)))
        assert path.is_socket()


async def test_a_socket_in_a_directory_that_is_not_there_is_refused_in_plain_words(tmp_path: Path):
    path = tmp_path / "no" / "u"
    assert await refused(Settings(None, uds=str(path))) == f"cannot listen on {path}: No such file or directory"


async def test_of_connections_that_come_together_no_more_than_the_bound_are_let_in():
    async with service(Settings(port=0), Limits(connections=2)) as running:
        together = connections(6, running.url)
        answers = [await asyncio.to_thread(answer, one) for one in together]
        for one in together:
            one.close()
        assert sorted(answers) == [b"200"] * 2 + [b"503"] * 4


async def test_one_connection_too_many_is_told_so_and_room_is_there_again():
    async with service(Settings(port=0), Limits(connections=2)) as running:
        first, second = connections(2, running.url)
        async with aiohttp.ClientSession(running.url, connector=aiohttp.TCPConnector(force_close=True)) as http:
            answer = await http.get("/livez")
            assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
            first.close()
            async with asyncio.timeout(5):
                while (await http.get("/livez")).status != 200:  # noqa: ASYNC110 - its end is told by the kernel
                    await asyncio.sleep(0.002)
        second.close()


async def test_sleeping_calls_end_with_the_service():
    async with service(Settings(port=0)) as running:
        client = await Client(running.url).connect()
        queue = await client.msgget("IPC_PRIVATE")
        sleeper = asyncio.create_task(queue.receive())
        async with asyncio.timeout(5):
            while not (await queue.stat())["receivers"]:  # noqa: ASYNC110 - it sleeps behind a socket
                await asyncio.sleep(0.002)
    end = (await asyncio.gather(sleeper, return_exceptions=True))[0]
    assert type(end).__name__ in {"KernelError", "ConnectionLost"}
    await client.close()


# --------------------------------------------------------------------------------------------------------- a journal


def durable(directory: Path) -> Settings:
    return Settings(port=0, data_dir=str(directory / "data"))


async def test_what_one_service_acknowledged_the_next_one_has(tmp_path: Path):
    async with service(durable(tmp_path)) as running, Client(running.url) as client:
        await (await client.msgget(0x4D2, "IPC_CREAT", mode=0o600)).send_many([(1, b"a"), (2, b"b")])
        await client.msgget(0x4D3, "IPC_CREAT", mode=0o600, durability="ephemeral")
    async with service(durable(tmp_path)) as running, Client(running.url) as client:
        queue = await client.msgget(0x4D2)
        assert [message.data for message in await queue.receive_many(9)] == [b"a", b"b"]
        with pytest.raises(KernelError, match="no queue has the key 0x4d3"):
            await client.msgget(0x4D3)


async def test_a_directory_that_another_service_uses_is_refused_and_left_to_it(tmp_path: Path):
    async with service(durable(tmp_path)) as running, Client(running.url) as client:
        assert await refused(durable(tmp_path)) == (
            f"another usernel (pid {os.getpid()}) uses {tmp_path / 'data'}; "
            "--data-dir names another place, --ephemeral does without"
        )
        await client.msgget(0x4D2, "IPC_CREAT")


async def test_a_service_that_cannot_listen_lets_go_of_its_directory(tmp_path: Path):
    async with service(Settings(port=0)) as other:
        port = int(other.url.rpartition(":")[2])
        assert "Address already in use" in await refused(Settings(port=port, data_dir=str(tmp_path / "data")))
    async with service(durable(tmp_path)) as running:
        assert not running.runtime.journal.ephemeral


async def test_a_journal_of_nonsense_is_refused_with_what_repairs_it_named(tmp_path: Path):
    data = tmp_path / "data"
    data.mkdir()
    (data / "journal.db").write_bytes(b"nonsense" * 1000)
    sentence = await refused(durable(tmp_path))
    assert sentence.endswith(f"`usernel journal repair --data-dir {data}` recovers what is good of it")


async def test_it_ends_in_time_while_the_disk_is_full(tmp_path: Path):
    async with asyncio.timeout(10), service(durable(tmp_path)) as running:
        journal = running.runtime.journal
        assert isinstance(journal, GroupCommit)
        async with Client(running.url) as client:
            await client.msgget(0x4D2, "IPC_CREAT")
        journal._fail(JournalFullError("the disk is full"))
    async with service(durable(tmp_path)) as running, Client(running.url) as client:
        assert (await client.msgget(0x4D2)).msqid == 0

"""A Unix socket: the peer's ids are its credentials."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from usernel.compose import Service, service
from usernel.config import ConfigError, Settings

STRANGER = (1234, 4321) if os.geteuid() == 0 else (os.geteuid(), os.getegid())
"""Another user, where this process may be one; else its own."""


@pytest.fixture
def path() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        yield f"{directory}/socket"


@pytest.fixture
async def at_path(path: str) -> AsyncIterator[Service]:
    async with service(Settings(host=None, uds=path, token="not asked of peers")) as running:
        yield running


@contextmanager
def connected(path: str, ids: tuple[int, int]) -> Iterator[socket.socket]:
    """A connection made by whoever has these ids."""
    mine = os.geteuid(), os.getegid()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as made:
        os.setegid(ids[1])
        os.seteuid(ids[0])
        try:
            made.connect(path)
        finally:
            os.seteuid(mine[0])
            os.setegid(mine[1])
        yield made


async def get(path: str, ids: tuple[int, int], where: str, *headers: str) -> tuple[int, Any]:
    with connected(path, ids) as made:
        reader, writer = await asyncio.open_unix_connection(sock=made)
        lines = [f"GET {where} HTTP/1.1", "Host: anything", "Connection: close", *headers, "", ""]
        writer.write("\r\n".join(lines).encode())
        answer = await asyncio.wait_for(reader.read(), 10)
        writer.close()
        await writer.wait_closed()
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)


async def who(path: str, ids: tuple[int, int]) -> dict[str, Any]:
    """The task that a request of these ids acts as; it has the highest pid."""
    status, shown = await get(path, ids, "/v1/tasks")
    assert status == 200
    return shown["items"][-1]


async def test_a_peer_acts_with_its_own_ids_and_without_a_token(at_path: Service, path: str):
    task = await who(path, STRANGER)
    assert (task["uid"], task["gid"], task["groups"], task["comm"]) == (*STRANGER, [], f"uid-{STRANGER[0]}")
    assert task["cap_eff"] == "0" * 16 or STRANGER[0] == 0
    assert (await who(path, STRANGER))["pid"] == task["pid"]


async def test_a_peer_may_not_act_as_another(at_path: Service, path: str):
    for pid, status, errno in ((1, 403, "EPERM"), (2, 403, "EPERM"), (9999, 404, "ESRCH")):
        answered, shown = await get(path, STRANGER, "/v1/msg", f"Usernel-Task: {pid}")
        assert (answered, shown["errno_name"]) == (status, errno)


async def test_permissions_are_those_of_the_peer(at_path: Service, path: str):
    async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(path)) as session:
        how = {"key": "IPC_PRIVATE", "mode": "0600"}
        async with session.post("http://localhost/v1/msg", json=how) as response:
            assert response.status == 201
    assert (await get(path, (os.geteuid(), os.getegid()), "/v1/msg/0"))[0] == 200
    status, shown = await get(path, STRANGER, "/v1/msg/0")
    assert (status, shown.get("errno_name")) == ((403, "EACCES") if os.geteuid() == 0 else (200, None))


async def test_a_page_that_reaches_the_socket_is_refused_all_the_same(at_path: Service, path: str):
    assert (await get(path, STRANGER, "/v1/msg", "Origin: http://example.org"))[0] == 403


async def test_a_stale_socket_is_replaced_and_one_in_use_is_not(path: str):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as stale:
        stale.bind(path)
    async with service(Settings(host=None, uds=path)) as running:
        assert running.url == f"unix://{path}"
        with pytest.raises(ConfigError, match="another service listens on"):
            await service(Settings(host=None, uds=path)).__aenter__()
        assert (await get(path, STRANGER, "/livez"))[0] == 200
    with pytest.raises(FileNotFoundError), connected(path, STRANGER):
        pass


async def test_a_file_in_the_way_is_left_alone():
    # Where its name were gone, closing it would fail.
    with tempfile.NamedTemporaryFile() as file, pytest.raises(ConfigError, match="exists and is no socket"):
        await service(Settings(host=None, uds=file.name)).__aenter__()

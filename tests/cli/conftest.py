"""One service process for a module, and queues of a test's own in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from usernel_client import SyncClient

from .command import Cli, serving


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving("--ephemeral") as (_, line):
        yield line.split()[-1]


@pytest.fixture(scope="module")
def cli(url: str) -> Iterator[Cli]:
    with SyncClient(url) as client:
        yield Cli(url, client)


@pytest.fixture
def key(cli: Cli) -> Iterator[str]:
    """The key of a queue."""
    queue = cli.client.msgget(0x4D2, "IPC_CREAT | IPC_EXCL", mode=0o600)
    yield "0x4d2"
    if any(item["msqid"] == queue.msqid for item in (cli.client.call("msg_list").out or {})["queues"]):
        queue.remove()


@pytest.fixture
def msqid(cli: Cli, key: str) -> int:
    """Its id."""
    return cli.client.msgget(int(key, 0)).msqid


@pytest.fixture
def name(cli: Cli) -> Iterator[str]:
    """The name of a queue for two messages of eight bytes."""
    attr = {"mq_maxmsg": 2, "mq_msgsize": 8}
    cli.client.mq_open("jobs", "O_CREAT | O_EXCL | O_RDWR", attr=attr).close()
    yield "jobs"
    if any(item["name"] == "jobs" for item in (cli.client.call("mq_list").out or {})["queues"]):
        cli.client.mq_unlink("jobs")

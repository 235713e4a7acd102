"""What is left in the service of a client that is gone, in whatever way it went: nothing."""

from __future__ import annotations

import asyncio
import signal
import sys
from asyncio.subprocess import DEVNULL
from collections.abc import Awaitable, Callable

import pytest

from usernel.compose import Service
from usernel.http.keys import SOCKETS
from usernel.syscalls.table import TABLE
from usernel_client import Client, ConnectionLost, Message, MessageQueue, PosixQueue

from .embedded import FIRST_TASKS, eventually, sleepers

PROGRAM = """
import asyncio, sys
from usernel_client import Client

async def main():
    client = await Client(sys.argv[1]).connect()
    child = await client.fork(uid=1000)
    jobs = await client.mq_open("jobs", "O_CREAT | O_RDWR")
    queue = await client.msgget(0x4D2, "IPC_CREAT", mode=0o666)
    await asyncio.gather(queue.receive(), child.msg(queue.msqid).receive(), jobs.receive())

asyncio.run(main())
"""
MEBIBYTE = 1024 * 1024


async def close(client: Client) -> None:
    await client.close()


async def abort(client: Client) -> None:
    client.caller.connection._ws._conn.transport.abort()


async def close_websocket(client: Client) -> None:
    await client.caller.connection._ws.close()


WAYS = pytest.mark.parametrize("leave", [close, abort, close_websocket])
Leave = Callable[[Client], Awaitable[None]]


async def gone(running: Service, *, tasks: int = FIRST_TASKS) -> None:
    await eventually(lambda: len(running.runtime.kernel.tasks) == tasks)


@pytest.fixture
async def leaving(running: Service):
    connected = await Client(running.url).connect()
    yield connected
    await connected.close()


@WAYS
async def test_its_task_and_what_it_forked_are_gone(running: Service, leaving: Client, leave: Leave):
    child = await leaving.fork(uid=1000)
    await child.fork()
    await leaving.fork(unshare="CLONE_NEWIPC")
    assert len(running.runtime.kernel.tasks) == FIRST_TASKS + 4
    await leave(leaving)
    await gone(running)
    assert len(running.runtime.kernel.ipc_namespaces) == 1


@WAYS
async def test_what_it_forked_without_the_lease_stays(running: Service, leaving: Client, leave: Leave):
    daemon = await leaving.fork(lease=None, comm="daemon")
    await leaving.fork()
    await leave(leaving)
    await gone(running, tasks=FIRST_TASKS + 1)
    assert running.runtime.kernel.tasks[daemon.pid].comm == "daemon"


@WAYS
async def test_its_sleeping_calls_are_gone(running: Service, leaving: Client, leave: Leave, queue: MessageQueue):
    theirs = leaving.msg(queue.msqid)
    calls = [theirs.receive(), theirs.receive(5, wait=60), (await leaving.fork()).msg(queue.msqid).receive()]
    tasks = [asyncio.create_task(call) for call in calls]
    await eventually(lambda: sleepers(running) == 3)
    await leave(leaving)
    await gone(running, tasks=FIRST_TASKS + 1)
    assert [(await queue.stat())[name] for name in ("receivers", "senders", "msg_qnum")] == [0, 0, 0]
    ends = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(end) for end in ends] == [ConnectionLost] * 3


@WAYS
async def test_its_sleeping_sends_send_nothing(running: Service, leaving: Client, leave: Leave, queue: MessageQueue):
    await queue.set(msg_qbytes=4)
    await queue.send(b"1234")
    task = asyncio.create_task(leaving.msg(queue.msqid).send(b"5"))
    await eventually(lambda: sleepers(running) == 1)
    await leave(leaving)
    await gone(running, tasks=FIRST_TASKS + 1)
    assert [message.data for message in await queue.receive_many(9)] == [b"1234"]
    assert isinstance((await asyncio.gather(task, return_exceptions=True))[0], ConnectionLost)


@WAYS
async def test_its_open_queues_are_closed(running: Service, leaving: Client, leave: Leave, jobs: PosixQueue):
    theirs = await leaving.mq_open("jobs")
    unlinked = await leaving.mq_open("own", "O_CREAT | O_RDWR")
    await unlinked.unlink()
    assert ((await jobs.stat())["files"], running.runtime.kernel.mq_charges != {}) == (2, True)
    await theirs.send(b"stays")
    await leave(leaving)
    await gone(running, tasks=FIRST_TASKS + 1)
    assert (await jobs.stat())["files"] == 1
    assert (await jobs.receive()).data == b"stays"


@WAYS
async def test_its_notification_is_free_for_others(running: Service, leaving: Client, leave: Leave, jobs: PosixQueue):
    await leaving.calls.mq_notify((await leaving.mq_open("jobs")).mqdes, {"sigev_notify": "SIGEV_NONE"})
    await leave(leaving)
    await gone(running, tasks=FIRST_TASKS + 1)
    async with jobs.notify() as events:
        await jobs.send(b"x")
        assert (await anext(events))["kind"] == "event"


@pytest.mark.parametrize("signo", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
async def test_a_process_that_was_killed_leaves_nothing(running: Service, client: Client, signo: signal.Signals):
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", PROGRAM, running.url, stderr=DEVNULL)
    try:
        await eventually(lambda: sleepers(running) == 3)
        process.send_signal(signo)
        await gone(running, tasks=FIRST_TASKS + 1)
        assert await process.wait() == -signo
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    queue = await client.msgget(0x4D2)
    assert ((await queue.stat())["receivers"], (await client.call("mq_stat", name="jobs")).out["files"]) == (0, 0)
    await queue.send(b"x")
    assert await queue.receive(wait=5) == Message(1, b"x")


def server_side(running: Service, client: Client) -> asyncio.Transport:
    ours = client.caller.connection._ws.get_extra_info("sockname")
    transports = [ws._req.transport for ws in running.app[SOCKETS]._open]
    (transport,) = [transport for transport in transports if transport.get_extra_info("peername") == ours]
    return transport


@pytest.mark.parametrize("receive", [lambda queue: queue.receive(), lambda queue: queue.receive(wait=60)])
async def test_a_message_handed_to_a_connection_that_breaks_goes_to_the_next(
    running: Service, leaving: Client, queue: MessageQueue, receive
):
    first = asyncio.create_task(receive(leaving.msg(queue.msqid)))
    await eventually(lambda: sleepers(running) == 1)
    next_one = asyncio.create_task(queue.receive())
    await eventually(lambda: sleepers(running) == 2)
    row, transport = TABLE["msgsnd"], server_side(running, leaving)
    running.runtime.submit(running.runtime.kernel.default_task, row, row.bind((0, 1, b"precious"), {}), lambda _: None)
    assert (sleepers(running), transport.is_closing()) == (1, False)
    transport.abort()
    assert await next_one == Message(1, b"precious")
    assert isinstance((await asyncio.gather(first, return_exceptions=True))[0], ConnectionLost)


async def test_messages_that_a_stuck_client_did_not_read_go_back_to_their_places(
    running: Service, leaving: Client, client: Client
):
    await client.sysctl("kernel.msgmax", MEBIBYTE)
    queue = await client.msgget("IPC_PRIVATE", mode=0o600)
    await queue.set(msg_qbytes=100 * MEBIBYTE)
    leaving.caller.connection._ws._conn.transport.pause_reading()
    tasks = [asyncio.create_task(leaving.msg(queue.msqid).receive(wait=60)) for _ in range(40)]
    await eventually(lambda: sleepers(running) == 40)
    for number in range(40):
        await queue.send(b"%02d" % number * (MEBIBYTE // 2))
    await eventually(lambda: sleepers(running) == 0)
    await abort(leaving)
    await gone(running, tasks=FIRST_TASKS + 1)
    left = (await queue.stat())["msg_qnum"]
    assert 10 <= left < 40
    assert [int((await queue.receive()).data[:2]) for _ in range(left)] == list(range(40 - left, 40))
    assert {type(end) for end in await asyncio.gather(*tasks, return_exceptions=True)} == {ConnectionLost}

"""Clients that vanish: what was not handed to them stays where it was, and the next receiver gets it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from urllib.parse import urlsplit

import aiohttp
import pytest

from usernel.compose import Service
from usernel.http.limits import Limits
from usernel.syscalls.table import TABLE

from ..clients.embedded import eventually, sleepers
from .asking import Ask
from .conftest import Connect
from .socketing import BOTH, MSGPACK, Frames

RECEIVE = '{"wait": 60}'
RECEIVE_MANY = '{"wait": 60, "max": 5}'
MESSAGE = {"/v1/msg/0": {"mtype": 1, "text": "x"}, "/v1/mq/jobs": {"text": "x"}}
Disappear = Callable[[], None]


@pytest.fixture(params=list(MESSAGE))
def queue(request: pytest.FixtureRequest, msqid: int, jobs: str) -> str:
    return request.param


async def post(running: Service, path: str, body: str) -> Disappear:
    """Send a request by hand; what is answered closes the socket there and then, not in a later turn of the loop."""
    where = urlsplit(running.url)
    made = socket.create_connection((where.hostname, where.port))
    head = ["Host: localhost", "Content-Type: application/json", f"Content-Length: {len(body)}", "", body]
    made.sendall("\r\n".join([f"POST {path} HTTP/1.1", *head]).encode())
    return made.close


def send(running: Service, queue: str, text: str = "x") -> None:
    """A message arrives now, before anybody else has a turn."""
    runtime = running.runtime
    task = runtime.kernel.default_task
    if queue == "/v1/msg/0":
        name, args = "msgsnd", {"msqid": 0, "mtype": 1, "data": text}
    else:
        name, args = "mq_timedsend", {"mqdes": opened(running), "data": text}
    runtime.submit(task, TABLE[name], TABLE[name].bind((), args), lambda _: None)


def opened(running: Service) -> int:
    """The default task's descriptor of the queue."""
    runtime, row = running.runtime, TABLE["mq_open"]
    args = row.bind((), {"name": "jobs", "oflag": "O_RDWR"})
    return runtime.submit(runtime.kernel.default_task, row, args, lambda _: None).outcome().ret


async def counts(ask: Ask, queue: str) -> tuple[int, int, int]:
    """Messages in the queue, how many of them are held, and who waits for one."""
    shown = await ask.done(f"GET {queue}")
    return shown.get("msg_qnum", shown.get("mq_curmsgs")), shown["held"], shown["receivers"]


@pytest.mark.parametrize("body", [RECEIVE, RECEIVE_MANY])
async def test_a_receiver_that_vanishes_while_it_waits_takes_nothing(running: Service, ask: Ask, queue: str, body: str):
    vanish = await post(running, f"{queue}/receive", body)
    await eventually(lambda: sleepers(running) == 1)
    vanish()
    await eventually(lambda: sleepers(running) == 0)
    await ask.done(f"POST {queue}/messages", MESSAGE[queue])
    assert await counts(ask, queue) == (1, 0, 0)
    assert (await ask.done(f"POST {queue}/receive"))["text"] == "x"
    assert (await ask.done("GET /v1/tasks/2"))["fds"] == 0


@pytest.mark.parametrize("body", [RECEIVE, RECEIVE_MANY])
@pytest.mark.parametrize("order", ["the message first", "the end first"])
async def test_a_receiver_that_vanishes_as_the_message_arrives_loses_nothing(
    running: Service, ask: Ask, queue: str, body: str, order: str
):
    vanish = await post(running, f"{queue}/receive", body)
    await eventually(lambda: sleepers(running) == 1)
    if order == "the message first":
        send(running, queue)
        vanish()
    else:
        vanish()
        send(running, queue)
    await eventually(lambda: not holders(running))
    assert await counts(ask, queue) == (1, 0, 0)
    assert (await ask.done(f"POST {queue}/receive"))["text"] == "x"


def holders(running: Service) -> int:
    return sleepers(running) + sum(len(task.holding) for task in running.runtime.kernel.tasks.values())


async def test_the_next_that_waits_gets_what_the_vanished_one_held(running: Service, ask: Ask, queue: str):
    vanish = await post(running, f"{queue}/receive", RECEIVE)
    await eventually(lambda: sleepers(running) == 1)
    following = asyncio.create_task(ask.done(f"POST {queue}/receive", {"wait": 60}))
    await eventually(lambda: sleepers(running) == 2)
    send(running, queue)
    vanish()
    assert (await following)["text"] == "x"
    assert await counts(ask, queue) == (0, 0, 0)


async def test_a_sender_that_vanishes_while_it_waits_sends_nothing(running: Service, ask: Ask, msqid: int):
    await ask.done("PATCH /v1/msg/0", {"msg_qbytes": 1})
    await ask.done("POST /v1/msg/0/messages", {"mtype": 1, "text": "x"})
    vanish = await post(running, "/v1/msg/0/messages", '{"mtype": 1, "text": "y", "wait": 60}')
    await eventually(lambda: sleepers(running) == 1)
    vanish()
    await eventually(lambda: sleepers(running) == 0)
    assert (await ask.done("POST /v1/msg/0/receive"))["text"] == "x"
    assert await counts(ask, "/v1/msg/0") == (0, 0, 0)


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize("turns", [1, 2, 3, 5, 10, 100])
async def test_a_websocket_that_vanishes_while_its_calls_sleep_takes_nothing(
    running: Service, ask: Ask, connect: Connect, msqid: int, protocol: str, turns: int
):
    frames = await connect(protocol)
    await frames.send([{"id": i, "call": "msgrcv", "args": {"msqid": 0}} for i in range(3)])
    await eventually(lambda: sleepers(running) == 3)
    frames.vanish()
    for _ in range(turns):  # of the loop, in which the service notices
        await asyncio.sleep(0)
    for text in "abc":
        send(running, "/v1/msg/0", text)
    await eventually(lambda: list(running.runtime.kernel.tasks) == [1, 2])
    assert await counts(ask, "/v1/msg/0") == (3, 0, 0)
    got = await ask.done("POST /v1/msg/0/receive", {"max": 5})
    assert [item["text"] for item in got["items"]] == ["a", "b", "c"]


SIZE = 256 * 1024
COUNT = 80
UNWRITTEN = 40


@pytest.fixture
async def slow(running: Service, ask: Ask, connect: Connect, msqid: int) -> Frames:
    """It asked for more messages than the sockets hold; the service no longer reads what it sends."""
    await ask.syscall("sysctl", name="kernel.msgmax", value=SIZE)
    await ask.done("PATCH /v1/msg/0", {"msg_qbytes": SIZE * COUNT})
    for number in range(COUNT):
        send(running, "/v1/msg/0", f"{number:02}" + "x" * (SIZE - 2))
    frames = await connect(MSGPACK)
    frames.ws.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**16)
    for number in range(COUNT):
        await frames.send({"id": number, "call": "msgrcv", "args": {"msqid": 0}})
    async with asyncio.timeout(10):
        while (await counts(ask, "/v1/msg/0"))[1] == 0 or await moves(ask):
            pass
    return frames


class TestSlowReader:
    """Replies of 256 KiB each, to a client that does not read them."""

    @pytest.fixture
    def limits(self) -> Limits:
        return Limits(unwritten=UNWRITTEN, joined_bytes=1)

    async def test_the_service_stops_reading_above_the_bound(self, ask: Ask, slow: Frames):
        left, held, _ = await counts(ask, "/v1/msg/0")
        assert 0 < held <= UNWRITTEN + 1
        assert left > held, "the sockets hold it all"
        replies = await slow.replies(COUNT)
        assert [reply["id"] for reply in replies] == list(range(COUNT))
        assert [reply["out"]["data"][:2] for reply in replies] == [b"%02d" % number for number in range(COUNT)]
        assert await counts(ask, "/v1/msg/0") == (0, 0, 0)

    async def test_what_was_not_written_goes_back_to_its_place(self, running: Service, ask: Ask, slow: Frames):
        left, held, _ = await counts(ask, "/v1/msg/0")
        slow.reset()
        await eventually(lambda: list(running.runtime.kernel.tasks) == [1, 2])
        assert await counts(ask, "/v1/msg/0") == (left, 0, 0)
        assert held > 0
        got = await ask.done("POST /v1/msg/0/receive", {"max": 1000})
        assert [int(item["text"][:2]) for item in got["items"]] == list(range(COUNT - left, COUNT))

    async def test_one_that_waits_already_gets_what_goes_back(self, running: Service, ask: Ask, slow: Frames):
        left, held, _ = await counts(ask, "/v1/msg/0")
        got = await ask.done("POST /v1/msg/0/receive", {"max": 1000})
        assert [int(item["text"][:2]) for item in got["items"]] == list(range(COUNT - left + held, COUNT))
        waiting = asyncio.create_task(ask.done("POST /v1/msg/0/receive", {"wait": 60}))
        await eventually(lambda: sleepers(running) == 1)
        slow.reset()
        assert int((await waiting)["text"][:2]) == COUNT - left


async def moves(ask: Ask) -> bool:
    """Whether anything still goes, in fifty turns of the loop."""
    before = await counts(ask, "/v1/msg/0")
    return any([await counts(ask, "/v1/msg/0") != before for _ in range(50)])


class TestStuckReader:
    """It is there and reads nothing, pings neither: its side of the connection stays open for ever."""

    @pytest.fixture
    def limits(self) -> Limits:
        return Limits(heartbeat=1, unwritten=UNWRITTEN, joined_bytes=1, connections=2)

    async def test_a_missed_ping_gives_back_what_it_held_and_its_place(self, running: Service, ask: Ask, slow: Frames):
        left, held, _ = await counts(ask, "/v1/msg/0")
        assert held > 0
        await eventually(lambda: list(running.runtime.kernel.tasks) == [1, 2])
        assert await counts(ask, "/v1/msg/0") == (left, 0, 0)
        async with ask.session.ws_connect("/v1/syscalls") as ws:
            assert await Frames(ws).call("getpid") == 4


class TestHeartbeat:
    @pytest.fixture
    def limits(self) -> Limits:
        return Limits(heartbeat=0.05)

    async def test_a_client_that_does_not_answer_a_ping_is_gone(self, running: Service, ask: Ask, msqid: int):
        async with ask.session.ws_connect("/v1/syscalls", autoping=False) as ws:
            await ws.send_str('{"id": 1, "call": "msgrcv", "args": {"msqid": 0}}')
            await eventually(lambda: sleepers(running) == 1)
            await eventually(lambda: list(running.runtime.kernel.tasks) == [1, 2])
        send(running, "/v1/msg/0")
        assert await counts(ask, "/v1/msg/0") == (1, 0, 0)

    async def test_a_client_that_answers_stays(self, running: Service, ask: Ask, msqid: int):
        async with ask.session.ws_connect("/v1/syscalls", autoping=False) as ws:
            await ws.send_str('{"id": 1, "call": "msgrcv", "args": {"msqid": 0}}')
            for _ in range(4):
                ping = await ws.receive(timeout=10)
                assert ping.type is aiohttp.WSMsgType.PING
                await ws.pong(ping.data)
            assert sleepers(running) == 1

    async def test_a_quiet_notification_ends_too(self, running: Service, ask: Ask, jobs: str):
        async with ask.session.ws_connect(f"{jobs}/notify", autoping=False):
            await eventually(lambda: len(running.runtime.kernel.tasks) == 3)
            await eventually(lambda: len(running.runtime.kernel.tasks) == 2)
        async with ask.session.ws_connect(f"{jobs}/notify") as ws:
            assert (await ws.receive_json())["kind"] == "ready"

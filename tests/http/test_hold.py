"""A receive in two steps: held with its reply, then committed or given back by the client."""

from __future__ import annotations

import pytest

from usernel.compose import Service
from usernel.http.limits import Limits

from .asking import Ask
from .conftest import Connect
from .socketing import BOTH, Frames


@pytest.fixture(params=BOTH)
async def frames(request: pytest.FixtureRequest, connect: Connect) -> Frames:
    return await connect(request.param)


async def holding(frames: Frames, msqid: int, ident: str = "held") -> dict:
    """Send a message and receive it, held."""
    sent = {"msqid": msqid, "messages": [{"mtype": 1, "text": "a"}]}
    assert await frames.call("msgsnd_batch", **sent) == 1
    return await frames.reply({"id": ident, "call": "msgrcv", "args": {"msqid": msqid}, "hold": True})


async def depth(ask: Ask, msqid: int) -> tuple[int, int]:
    shown = await ask.done(f"GET /v1/msg/{msqid}")
    return shown["msg_qnum"], shown["held"]


async def test_what_is_held_counts_and_is_seen_by_nobody(ask: Ask, frames: Frames, msqid: int):
    reply = await holding(frames, msqid)
    assert (reply["ret"], reply["held"]) == (1, True)
    assert await depth(ask, msqid) == (1, 1)
    assert (await ask(f"POST /v1/msg/{msqid}/receive", {}))[0] == 409


async def test_a_commit_takes_it_out(ask: Ask, frames: Frames, msqid: int):
    await holding(frames, msqid)
    assert (await frames.reply({"id": "commit", "commit": "held"}))["ret"] == 0
    assert await depth(ask, msqid) == (0, 0)


async def test_an_abort_puts_it_back_in_its_place(ask: Ask, frames: Frames, msqid: int):
    await holding(frames, msqid)
    await ask.done(f"POST /v1/msg/{msqid}/messages", {"mtype": 1, "text": "behind"})
    assert (await frames.reply({"id": "abort", "abort": "held"}))["ret"] == 0
    assert (await ask.done(f"POST /v1/msg/{msqid}/receive", {}))["text"] == "a"


async def test_the_end_of_the_connection_gives_it_back(ask: Ask, frames: Frames, msqid: int):
    await holding(frames, msqid)
    await frames.ws.close()
    assert (await ask.done(f"POST /v1/msg/{msqid}/receive", {"wait": 10}))["text"] == "a"


async def test_a_posix_queue(ask: Ask, frames: Frames, jobs: str):
    opening = {"id": 1, "call": "mq_open", "args": {"name": "jobs", "oflag": ["O_RDWR"]}}
    mqdes = (await frames.reply(opening))["ret"]
    assert await frames.call("mq_timedsend_batch", mqdes=mqdes, messages=[{"priority": 3, "text": "a"}]) == 1
    reply = await frames.reply({"id": "held", "call": "mq_timedreceive", "args": {"mqdes": mqdes}, "hold": True})
    assert reply["held"] is True
    assert (await ask.done(f"GET {jobs}"))["held"] == 1
    await frames.reply({"id": "commit", "commit": "held"})
    assert (await ask.done(f"GET {jobs}"))["mq_curmsgs"] == 0


async def test_an_id_that_holds_nothing_is_a_protocol_error(frames: Frames, msqid: int):
    for how in ("commit", "abort"):
        reply = await frames.reply({"id": 1, how: "nobody"})
        assert (reply["status"], reply["errno"]) == (400, None)
    await holding(frames, msqid)
    await frames.reply({"id": 2, "commit": "held"})
    assert (await frames.reply({"id": 3, "commit": "held"}))["status"] == 400


async def test_a_call_that_receives_nothing_holds_nothing(frames: Frames, msqid: int):
    assert "held" not in await frames.reply({"id": 1, "call": "getpid", "hold": True})
    sleeping = {"msqid": msqid, "msgflg": ["IPC_NOWAIT"]}
    assert (await frames.reply({"id": 2, "call": "msgrcv", "args": sleeping, "hold": True}))["errno_name"] == "ENOMSG"


async def test_the_id_of_a_call_that_holds_is_taken(frames: Frames, msqid: int):
    await holding(frames, msqid)
    assert (await frames.reply({"id": "held", "call": "getpid"}))["status"] == 400


async def test_a_task_that_is_killed_gives_it_back(running: Service, ask: Ask, frames: Frames, msqid: int):
    pid = (await ask.done("POST /v1/tasks", {}))["pid"]
    await ask.done(f"POST /v1/msg/{msqid}/messages", {"mtype": 1, "text": "a"})
    reply = await frames.reply({"id": 1, "pid": pid, "call": "msgrcv", "args": {"msqid": msqid}, "hold": True})
    assert reply["held"] is True
    await ask(f"DELETE /v1/tasks/{pid}")
    assert await depth(ask, msqid) == (1, 0)
    assert (await frames.reply({"id": 2, "commit": 1}))["errno_name"] == "EINTR"


class TestLimit:
    @pytest.fixture
    def limits(self) -> Limits:
        return Limits(parked=2)

    async def test_what_is_held_counts_as_under_way(self, frames: Frames, msqid: int):
        for ident in ("one", "two"):
            assert (await holding(frames, msqid, ident))["held"] is True
        refused = await frames.reply({"id": "three", "call": "getpid"})
        assert refused["errno_name"] == "EAGAIN"
        await frames.reply({"id": "abort", "abort": "one"})
        assert await frames.call("getpid") > 0

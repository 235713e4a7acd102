"""WebSocket ``/v1/syscalls``: calls that sleep, are cancelled, or are too many."""

from __future__ import annotations

import aiohttp
import pytest

from usernel.compose import Service
from usernel.http.limits import Limits

from ..clients.embedded import eventually, sleepers
from .asking import Ask
from .conftest import Connect
from .socketing import BOTH, JSON, Frames

PRIVATE = {"key": "IPC_PRIVATE"}


@pytest.fixture(params=BOTH)
async def frames(request: pytest.FixtureRequest, connect: Connect) -> Frames:
    made = await connect(request.param)
    assert made.ws.protocol == request.param
    return made


def receive(ident: int | str, **args) -> dict:
    return {"id": ident, "call": "msgrcv", "args": {"msqid": 0, **args}}


async def test_a_connection_acts_as_a_child_of_the_default_task_and_takes_it_along(running: Service, frames: Frames):
    assert [await frames.call("getpid"), await frames.call("getppid")] == [3, 2]
    await frames.ws.close()
    await eventually(lambda: list(running.runtime.kernel.tasks) == [1, 2])


async def test_without_a_subprotocol_it_speaks_json(running: Service, ask: Ask):
    async with ask.session.ws_connect("/v1/syscalls") as ws:
        assert ws.protocol is None
        assert await Frames(ws).call("getpid") == 3


async def test_a_subprotocol_that_nobody_knows_is_not_agreed_on(ask: Ask):
    async with ask.session.ws_connect("/v1/syscalls", protocols=["usernel.v9", JSON]) as ws:
        assert ws.protocol == JSON


async def test_a_connection_is_the_child_of_the_task_that_it_names(ask: Ask, connect: Connect):
    worker = (await ask.done("POST /v1/tasks", {"uid": 1000}))["pid"]
    frames = await connect(headers={"Usernel-Task": str(worker)})
    assert await frames.call("getppid") == worker
    assert (await frames.reply({"id": 1, "call": "task_stat"}))["out"]["uid"] == 1000
    for named, status in (("9999", 404), ("x", 400)):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await connect(headers={"Usernel-Task": named})
        assert refused.value.status == status


async def test_pid_names_the_task_that_calls(ask: Ask, connect: Connect):
    alice, bob = [(await ask.done("POST /v1/tasks", {"uid": uid}))["pid"] for uid in (1000, 1001)]
    frames = await connect(headers={"Usernel-Task": str(alice)})
    calls = [{"id": pid, "call": "getpid", "pid": pid} for pid in (alice, bob, 1, 9999)]
    by_id = {reply["id"]: reply for reply in (await frames.send(calls), await frames.replies(4))[1]}
    assert by_id[alice] == {"id": alice, "ret": alice}
    assert [by_id[pid]["errno_name"] for pid in (bob, 1, 9999)] == ["EPERM", "EPERM", "ESRCH"]


async def test_the_calls_of_a_list_start_in_order_and_are_answered_joined(frames: Frames):
    await frames.send([
        {"id": 1, "call": "msgget", "args": PRIVATE},
        {"id": "two", "call": "msgsnd", "args": {"msqid": 0, "mtype": 5, "text": "x"}},
        receive(3),
        {"id": 4, "call": "msgrcv", "args": {"msqid": 0, "msgflg": "IPC_NOWAIT"}},
    ])  # fmt: skip
    replies = await frames.frame()
    assert [(reply["id"], reply.get("ret")) for reply in replies] == [(1, 0), ("two", 0), (3, 1), (4, None)]
    assert replies[2]["out"]["mtype"] == 5
    assert (replies[3]["errno"], replies[3]["errno_name"]) == (42, "ENOMSG")
    assert set(replies[3]) == {"id", "errno", "errno_name", "detail"}


async def test_one_reply_is_an_object_and_more_are_a_list(connect: Connect):
    frames = await connect()
    await frames.ws.send_str('{"id": 1, "call": "getpid"}')
    assert await frames.ws.receive_json() == {"id": 1, "ret": 3}
    await frames.ws.send_str('[{"id": 1, "call": "getpid"}, {"id": 2, "call": "getpid"}]')
    assert await frames.ws.receive_json() == [{"id": 1, "ret": 3}, {"id": 2, "ret": 3}]


async def test_an_empty_list_is_no_call_and_no_harm(frames: Frames):
    await frames.send([])
    assert await frames.call("getpid") == 3


async def test_a_call_that_sleeps_holds_nobody_up(frames: Frames):
    await frames.call("msgget", **PRIVATE)
    await frames.send(receive("asleep"))
    assert await frames.call("getpid") == 3
    await frames.send({"id": "sent", "call": "msgsnd", "args": {"msqid": 0, "mtype": 1, "text": "x"}})
    assert {reply["id"]: reply["ret"] for reply in await frames.replies(2)} == {"asleep": 1, "sent": 0}


async def test_a_cancel_interrupts_one_call(frames: Frames):
    await frames.call("msgget", **PRIVATE)
    await frames.send([receive(1), receive("1")], {"cancel": 1})
    reply = (await frames.replies(1))[0]
    assert (reply["id"], reply["errno_name"]) == (1, "EINTR")
    reply = await frames.reply({"cancel": "1"})
    assert (reply["id"], reply["errno_name"]) == ("1", "EINTR")


async def test_a_cancel_of_a_finished_or_unknown_call_says_nothing(frames: Frames):
    await frames.send([{"id": 1, "call": "getpid"}, {"cancel": 1}, {"cancel": "never"}])
    assert await frames.frame() == [{"id": 1, "ret": 3}]
    assert await frames.call("getppid") == 2


async def test_an_id_may_be_used_again_when_its_call_is_done_and_not_before(frames: Frames):
    await frames.call("msgget", **PRIVATE)
    await frames.send(receive(1))
    again = await frames.reply({"id": 1, "call": "getpid"})
    assert (again["id"], again["status"], again["errno"]) == (1, 400, None)
    assert again["detail"] == "the id 1 is that of a call under way"
    assert (await frames.reply({"cancel": 1}))["errno_name"] == "EINTR"
    assert await frames.reply({"id": 1, "call": "getpid"}) == {"id": 1, "ret": 3}


async def test_one_id_twice_in_a_list_of_calls_that_do_not_sleep(frames: Frames):
    await frames.send([{"id": 1, "call": "getpid"}, {"id": 1, "call": "getppid"}])
    assert [reply["ret"] for reply in await frames.replies(2)] == [3, 2]


async def test_an_unknown_call_is_enosys(frames: Frames):
    reply = await frames.reply({"id": 1, "call": "nope", "args": {"x": 1}})
    assert (reply["errno_name"], reply["detail"]) == ("ENOSYS", "no system call 'nope'")


BAD_ARGUMENTS = [
    ("msgget", {}, "msgget: Object missing required field `key`"),
    ("msgget", {"key": 1, "colour": 2}, "msgget: Object contains unknown field `colour`"),
    ("msgget", {"key": "x"}, "key: 'x' is none of IPC_PRIVATE, and no number"),
    ("msgsnd", {"msqid": 0, "mtype": 1}, "one of 'data' and 'text' is wanted"),
    ("msgget", [], "msgget: Expected `object`, got `array`"),
]


@pytest.mark.parametrize(("name", "args", "detail"), BAD_ARGUMENTS)
async def test_arguments_of_the_wrong_shape_are_malformed(frames: Frames, name: str, args, detail: str):
    wanted = {"id": 7, "detail": detail, "status": 400, "errno": None, "errno_name": None}
    assert await frames.reply({"id": 7, "call": name, "args": args}) == wanted
    assert await frames.call("getpid") == 3


@pytest.mark.parametrize(
    "frame",
    [{}, {"id": 1}, {"call": "getpid"}, 1, "x", None, {"id": 1.5, "call": "getpid"}, {"id": 1, "call": 2},
     {"id": 1, "call": "getpid", "colour": "red"}, {"id": 1, "call": "getpid", "pid": "2"}, [[]], [1]],
)  # fmt: skip
async def test_a_frame_that_is_no_call_is_malformed_and_the_connection_goes_on(frames: Frames, frame):
    reply = await frames.reply(frame)
    assert set(reply) == {"id", "detail", "status", "errno", "errno_name"}
    assert (reply["id"], reply["status"]) == (1 if frame == {"id": 1} else None, 400)
    assert await frames.call("getpid") == 3


async def test_a_list_with_one_wrong_frame_starts_none_of_its_calls(frames: Frames):
    reply = await frames.reply([{"id": 1, "call": "msgget", "args": PRIVATE}, {"id": 2, "kall": "getpid"}])
    assert (reply["id"], reply["status"]) == (None, 400)
    assert (await frames.reply({"id": 3, "call": "msg_list"}))["out"]["queues"] == []


async def test_a_frame_of_the_other_type_closes_with_1003(frames: Frames):
    await (frames.ws.send_bytes(b"\x80") if frames.text else frames.ws.send_str("{}"))
    kind = "json: text" if frames.text else "msgpack: binary"
    assert await frames.closed() == (1003, f"usernel.v1.{kind} frames")


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("{", b""),
        ("", b"\xc1"),
        ("[{", b"\x91"),
        ('{"id": 1, "args": ' + "[" * 100_000, b"\x81\xa4args" + b"\x91" * 100_000),
    ],
)
async def test_what_is_no_json_or_msgpack_closes_with_1007(frames: Frames, text: str, data: bytes):
    await (frames.ws.send_str(text) if frames.text else frames.ws.send_bytes(data))
    name = "json" if frames.text else "msgpack"
    assert await frames.closed() == (1007, f"the frame is not usernel.v1.{name}")


async def test_arguments_nested_without_end_are_malformed(frames: Frames):
    nested = b"[" * 900 + b"]" * 900 if frames.text else b"\x91" * 899 + b"\x90"
    if frames.text:
        await frames.ws.send_str(f'{{"id": 1, "call": "rt_sigtimedwait", "args": {{"set": {nested.decode()}}}}}')
    else:
        await frames.ws.send_bytes(b"\x83\xa2id\x01\xa4call\xafrt_sigtimedwait\xa4args\x81\xa3set" + nested)
    reply = (await frames.replies(1))[0]
    assert (reply["id"], reply["status"]) == (1, 400)
    assert await frames.call("getpid") == 3


class TestBounds:
    @pytest.fixture
    def limits(self) -> Limits:
        return Limits(parked=3, frame_bytes=1000)

    async def test_a_frame_one_past_the_bound_closes_with_1009(self, connect: Connect):
        frame = '{"id": 1, "call": "getpid"}'
        fits, too_long = await connect(), await connect()
        await fits.ws.send_str(frame + " " * (1000 - len(frame)))
        assert await fits.ws.receive_json() == {"id": 1, "ret": 3}
        await too_long.ws.send_str(frame + " " * (1001 - len(frame)))
        assert (await too_long.closed())[0] == 1009

    async def test_a_sleeping_call_one_past_the_bound_is_eagain(self, running: Service, frames: Frames):
        await frames.call("msgget", **PRIVATE)
        await frames.send([receive(ident) for ident in range(3)])
        reply = await frames.reply(receive(3))
        assert (reply["id"], reply["errno_name"]) == (3, "EAGAIN")
        assert reply["detail"] == "3 calls of this connection are under way already"
        assert sleepers(running) == 3
        assert (await frames.reply({"cancel": 0}))["errno_name"] == "EINTR"
        await frames.send(receive(3))
        assert await frames.call("getpid") in {3, "EAGAIN"}
        await eventually(lambda: sleepers(running) == 3)


async def test_the_table_answers_whoever_does_not_upgrade(ask: Ask):
    assert (await ask.done("GET /v1/syscalls"))["items"]
    assert await ask.refused("GET /v1/syscalls", Upgrade="websocket", Connection="Upgrade") == (400, None)

"""System V queues by the asyncio client."""

from __future__ import annotations

import asyncio

import pytest

from usernel.compose import Service
from usernel_client import Client, Message, MessageQueue, Result

from .embedded import eventually, sleepers
from .outcome import errno_of


async def test_what_is_sent_is_received(queue: MessageQueue):
    await queue.send(b"\x00\xff", mtype=7)
    assert await queue.receive() == Message(7, b"\x00\xff")


@pytest.mark.parametrize("data", [b"text", bytearray(b"text"), memoryview(b"text"), "text"])
async def test_every_kind_of_bytes_is_sent(queue: MessageQueue, data):
    await queue.send(data)
    assert (await queue.receive()).data == b"text"


async def test_text_is_sent_as_utf_8(queue: MessageQueue):
    await queue.send("né")
    assert await queue.receive() == Message(1, b"n\xc3\xa9")


async def test_the_same_key_is_the_same_queue(client: Client, other: Client, queue: MessageQueue):
    ids = [(await actor.msgget(key)).msqid for actor in (client, other) for key in (1234, "0x4d2", "1234")]
    assert ids == [queue.msqid] * 6


async def test_private_queues_differ(client: Client):
    made = [(await client.msgget("IPC_PRIVATE", mode=0o600)).msqid for _ in range(2)]
    assert made == [0, 1]


async def test_a_queue_is_named_by_its_id(other: Client, queue: MessageQueue):
    await queue.send(b"x")
    assert await other.msg(queue.msqid).receive() == Message(1, b"x")
    assert repr(queue) == "<System V queue 0>"


async def test_many_are_sent_and_received_in_order(queue: MessageQueue):
    assert await queue.send_many([(2, b"a"), (1, "b"), (3, b"c")]) == 3
    assert await queue.receive_many(2) == [Message(2, b"a"), Message(1, b"b")]
    assert await queue.receive_many(9) == [Message(3, b"c")]


async def test_send_many_says_how_many_fitted(queue: MessageQueue):
    await queue.set(msg_qbytes=8)
    assert await queue.send_many([(1, b"1234")] * 3, flags="IPC_NOWAIT") == 2


async def test_receive_selects_by_type(queue: MessageQueue):
    await queue.send_many([(5, b"five"), (2, b"two"), (9, b"nine"), (4, b"four")])
    assert (await queue.receive(-4)).data == b"two"
    assert (await queue.receive(9)).data == b"nine"
    assert (await queue.receive(5, flags="MSG_EXCEPT")).data == b"four"
    assert [message.data for message in await queue.receive_many(9, 5)] == [b"five"]


async def test_a_short_buffer_is_an_error_or_cuts(queue: MessageQueue):
    await queue.send(b"12345")
    assert await errno_of(queue.receive(msgsz=3)) == "E2BIG"
    assert await queue.receive(msgsz=3, flags="MSG_NOERROR") == Message(1, b"123")


async def test_nothing_there_and_not_waiting(queue: MessageQueue):
    assert await errno_of(queue.receive(flags="IPC_NOWAIT")) == "ENOMSG"
    assert await errno_of(queue.receive_many(3, flags=["IPC_NOWAIT"])) == "ENOMSG"


async def test_no_room_and_not_waiting(queue: MessageQueue):
    await queue.set(msg_qbytes=4)
    await queue.send(b"1234")
    assert await errno_of(queue.send(b"5", flags="IPC_NOWAIT")) == "EAGAIN"


async def test_peek_takes_nothing_and_pages(queue: MessageQueue):
    await queue.send_many([(1, b"a"), (2, b"b"), (3, b"c")])
    first = await queue.peek(limit=2)
    rest = await queue.peek(after=first[-1]["seq"])
    assert [(shown["mtype"], shown["data"]) for shown in first + rest] == [(1, b"a"), (2, b"b"), (3, b"c")]
    assert (await queue.stat())["msg_qnum"] == 3


async def test_stat_shows_the_queue(client: Client, queue: MessageQueue):
    await queue.send(b"12345")
    shown = await queue.stat()
    counts = {name: shown[name] for name in ("msqid", "msg_qnum", "msg_cbytes", "msg_qbytes", "msg_lrpid")}
    assert counts == {"msqid": 0, "msg_qnum": 1, "msg_cbytes": 5, "msg_qbytes": 16384, "msg_lrpid": 0}
    assert shown["msg_lspid"] == await client.calls.getpid()
    assert (shown["msg_perm"]["key"], shown["msg_perm"]["mode"]) == (0x4D2, 0o600)


async def test_set_changes_only_what_is_named(queue: MessageQueue):
    await queue.set(msg_qbytes=100)
    await queue.set(mode=0o644)
    await queue.set(uid=1000, gid=1001)
    shown = await queue.stat()
    perm = {name: shown["msg_perm"][name] for name in ("uid", "gid", "cuid", "mode")}
    assert (shown["msg_qbytes"], perm) == (100, {"uid": 1000, "gid": 1001, "cuid": 0, "mode": 0o644})


async def test_a_removed_queue_is_gone(client: Client, queue: MessageQueue):
    await queue.remove()
    assert await errno_of(queue.send(b"x")) == "EINVAL"
    assert await errno_of(client.msgget(0x4D2)) == "ENOENT"


async def test_iterating_gives_messages_as_they_come(queue: MessageQueue):
    await queue.send_many([(1, b"a"), (1, b"b")])
    stream = aiter(queue)
    assert [(await anext(stream)).data for _ in range(2)] == [b"a", b"b"]


async def test_a_receiver_sleeps_until_another_client_sends(running: Service, other: Client, queue: MessageQueue):
    waiting = asyncio.create_task(queue.receive())
    await eventually(lambda: sleepers(running) == 1)
    await other.msg(queue.msqid).send(b"wake", mtype=3)
    assert await waiting == Message(3, b"wake")


async def test_the_typed_calls(client: Client):
    calls = client.calls
    msqid = await calls.msgget(77, ["IPC_CREAT", 0o600])
    assert await calls.msgsnd(msqid, 4, b"hello") == 0
    assert await calls.msgsnd_batch(msqid, [(1, b"a"), (1, b"b")]) == 2
    assert await calls.msgrcv(msqid, msgtyp=4) == Result(5, {"mtype": 4, "data": b"hello"})
    assert (await calls.msgrcv_batch(msqid, 5)).ret == 2
    assert (await calls.msgctl(msqid, "IPC_RMID")).ret == 0


async def test_any_call_by_its_name(client: Client):
    assert await client.call("msgget", key=77, msgflg="IPC_CREAT") == Result(0, None)
    assert await errno_of(client.call("no_such_call")) == "ENOSYS"

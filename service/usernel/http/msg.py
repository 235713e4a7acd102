"""System V message queues by REST."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from usernel.abi.errno import Errno
from usernel.abi.ipc import IPC_CREAT, IPC_EXCL, IPC_PRIVATE
from usernel.kernel.error import KernelError
from usernel.syscalls.kinds import KEY, MODE
from usernel.syscalls.msg import GET_FLAGS, PEEKED, QUEUE
from usernel.syscalls.table import TABLE

from .acting import Acting, answer, body_of, number_of, page_of
from .models import MsgCreate, MsgMessage, MsgMessages, MsgReceive, MsgSet, flags_and
from .routes import Route
from .wire import message_json


def msqid_of(request: web.Request) -> int:
    """The queue's id out of the path."""
    return number_of(request.match_info["msqid"], "msqid")


async def create(request: web.Request) -> web.Response:
    """msgget: 201 for a new queue, 200 for one that existed."""
    body = await body_of(request, MsgCreate)
    acting = await Acting.of(request)
    key, flags = KEY.parse(body.key), GET_FLAGS.parse(body.flags) | MODE.parse(body.mode)
    msqid, created = await _get(acting, key, flags, body.durability)
    return answer({"msqid": msqid}, 201 if created else 200)


async def _get(acting: Acting, key: int, flags: int, durability: str | None) -> tuple[int, bool]:
    how: dict[str, Any] = {"key": key, "durability": durability}
    if key == IPC_PRIVATE or not flags & IPC_CREAT or flags & IPC_EXCL:
        return (await acting.call("msgget", msgflg=flags, **how)).ret, bool(flags & IPC_CREAT) or key == IPC_PRIVATE
    try:
        return (await acting.call("msgget", msgflg=flags | IPC_EXCL, **how)).ret, True
    except KernelError as error:
        if error.number is not Errno.EEXIST:
            raise
    return (await acting.call("msgget", msgflg=flags, **how)).ret, False


async def listing(request: web.Request) -> web.Response:
    """The queues of the namespace."""
    after, limit = page_of(request)
    acting = await Acting.of(request)
    cursor = -1 if after is None else number_of(after, "cursor")
    shown = await acting.shown("msg_list", after=cursor, limit=limit)
    return answer({"items": shown["queues"], "next": shown["next"]})


async def stat(request: web.Request) -> web.Response:
    """IPC_STAT, and what the kernel knows beside it."""
    acting = await Acting.of(request)
    return answer(await acting.shown("msg_stat", msqid=msqid_of(request)))


async def change(request: web.Request) -> web.Response:
    """IPC_SET; answers the queue, or its id alone where the caller may not look at it."""
    body = await body_of(request, MsgSet)
    acting, msqid = await Acting.of(request), msqid_of(request)
    perm = {"uid": body.uid, "gid": body.gid, "mode": body.mode}
    await acting.call("msgctl", msqid=msqid, cmd="IPC_SET", buf={"msg_perm": perm, "msg_qbytes": body.msg_qbytes})
    try:
        return answer(await acting.shown("msg_stat", msqid=msqid))
    except KernelError as error:
        if error.number is not Errno.EACCES:
            raise
        # It was changed: whoever may set a queue need not be among those who may read it.
        return answer({"msqid": msqid})


async def remove(request: web.Request) -> web.Response:
    """IPC_RMID."""
    acting = await Acting.of(request)
    await acting.call("msgctl", msqid=msqid_of(request), cmd="IPC_RMID")
    return web.Response(status=204)


async def send(request: web.Request) -> web.Response:
    """msgsnd, one message or many; answers how many went."""
    body = (await body_of(request, MsgMessages)).root
    acting, msqid = await Acting.of(request), msqid_of(request)
    messages = body if isinstance(body, list) else [body]
    wait = messages[0].wait
    how: dict[str, Any] = {"msqid": msqid, "msgflg": [] if wait else ["IPC_NOWAIT"], "wait": wait}
    if isinstance(body, MsgMessage):
        await acting.call("msgsnd", mtype=body.mtype, data=body.content, **how)
        return answer({"sent": 1})
    pairs = [(message.mtype, message.content) for message in messages]
    return answer({"sent": (await acting.call("msgsnd_batch", messages=pairs, **how)).ret})


async def receive(request: web.Request) -> web.Response:
    """msgrcv, one message, or with ``max`` a list."""
    body = await body_of(request, MsgReceive)
    acting = await Acting.of(request)
    how: dict[str, Any] = {"msqid": msqid_of(request), "msgtyp": body.msgtyp, "msgsz": body.msgsz}
    how |= {"msgflg": flags_and(body.flags, *([] if body.wait else ["IPC_NOWAIT"])), "wait": body.wait}
    if body.max is None:
        result = await acting.call("msgrcv", **how)
        out = result.out or {}
        return answer(message_json("mtype", out["mtype"], out["data"]))
    result = await acting.call("msgrcv_batch", max=body.max, **how)
    items = [message_json("mtype", mtype, data) for mtype, data in (result.out or {})["messages"]]
    return answer({"items": items, "next": None})


async def peek(request: web.Request) -> web.Response:
    """The messages of a queue, without receiving."""
    after, limit = page_of(request)
    acting = await Acting.of(request)
    cursor = 0 if after is None else number_of(after, "cursor")
    shown = await acting.shown("msg_peek", msqid=msqid_of(request), after=cursor, limit=limit)
    return answer({"items": shown["messages"], "next": shown["next"]})


QUEUES, ONE, MESSAGES = "/v1/msg", "/v1/msg/{msqid}", "/v1/msg/{msqid}/messages"
ROUTES: Final = (
    Route("POST", QUEUES, create, "msgget(2): find or make a queue", MsgCreate, status=201, calls=("msgget",)),
    Route("GET", QUEUES, listing, "the queues of the namespace", answer=QUEUE, calls=("msg_list",), pages=True),
    Route("GET", ONE, stat, "IPC_STAT", answer=QUEUE, calls=("msg_stat",)),
    Route("PATCH", ONE, change, "IPC_SET", MsgSet, QUEUE, calls=("msgctl",)),
    Route("DELETE", ONE, remove, "IPC_RMID", status=204, calls=("msgctl",)),
    Route("POST", MESSAGES, send, "msgsnd(2), one message or many", MsgMessages, calls=("msgsnd", "msgsnd_batch")),
    Route("GET", MESSAGES, peek, "look at the messages", answer=PEEKED, calls=("msg_peek",), pages=True),
    Route(
        "POST", "/v1/msg/{msqid}/receive", receive, "msgrcv(2), one message or many", MsgReceive, TABLE["msgrcv"].out,
        calls=("msgrcv", "msgrcv_batch"),
    ),
)  # fmt: skip

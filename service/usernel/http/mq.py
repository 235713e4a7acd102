"""POSIX message queues by REST. Each request opens the queue, acts, and closes it."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from usernel.abi.errno import Errno
from usernel.abi.fcntl import O_CREAT, O_EXCL, O_NONBLOCK, O_RDONLY, O_WRONLY
from usernel.kernel.error import KernelError
from usernel.syscalls.mqueue import ATTR_OUT, OFLAGS, PEEKED, QUEUE
from usernel.syscalls.table import TABLE

from .acting import Acting, answer, body_of, number_of, page_of
from .models import MqCreate, MqMessage, MqMessages, MqReceive, MqSet
from .routes import Route
from .wire import message_json


def name_of(request: web.Request) -> str:
    """The queue's name out of the path."""
    return request.match_info["name"]


async def create(request: web.Request) -> web.Response:
    """mq_open with O_CREAT: 201 for a new queue, 200 for one that existed."""
    body = await body_of(request, MqCreate)
    acting, name = await Acting.of(request), name_of(request)
    attr = None if body.attr is None else body.attr.model_dump()
    how: dict[str, Any] = {"name": name, "mode": body.mode, "attr": attr, "durability": body.durability}
    oflag = OFLAGS.parse(body.flags) | O_CREAT
    try:
        mqdes, created = (await acting.call("mq_open", oflag=oflag | O_EXCL, **how)).ret, True
    except KernelError as error:
        if error.number is not Errno.EEXIST or oflag & O_EXCL:
            raise
        mqdes, created = (await acting.call("mq_open", oflag=oflag, **how)).ret, False
    await acting.call("close", fd=mqdes)
    return answer(await acting.shown("mq_stat", name=name), 201 if created else 200)


async def listing(request: web.Request) -> web.Response:
    """The queues of the namespace."""
    after, limit = page_of(request)
    acting = await Acting.of(request)
    shown = await acting.shown("mq_list", after=after or "", limit=limit)
    return answer({"items": shown["queues"], "next": shown["next"]})


async def stat(request: web.Request) -> web.Response:
    """The queue's attributes, owner, times, sleepers and status line."""
    acting = await Acting.of(request)
    return answer(await acting.shown("mq_stat", name=name_of(request)))


async def change(request: web.Request) -> web.Response:
    """mq_setattr. It sets the flags of the open queue, which this request closes again: only their check remains."""
    body = await body_of(request, MqSet)
    acting = await Acting.of(request)
    async with acting.opened(name_of(request), O_RDONLY) as mqdes:
        await acting.call("mq_getsetattr", mqdes=mqdes, newattr={"mq_flags": body.mq_flags})
        return answer(await acting.shown("mq_getsetattr", mqdes=mqdes))


async def unlink(request: web.Request) -> web.Response:
    """mq_unlink."""
    acting = await Acting.of(request)
    await acting.call("mq_unlink", name=name_of(request))
    return web.Response(status=204)


async def send(request: web.Request) -> web.Response:
    """mq_send, one message or many; answers how many went."""
    body = (await body_of(request, MqMessages)).root
    acting = await Acting.of(request)
    messages = body if isinstance(body, list) else [body]
    wait = messages[0].wait
    async with acting.opened(name_of(request), O_WRONLY | (0 if wait else O_NONBLOCK)) as mqdes:
        how: dict[str, Any] = {"mqdes": mqdes, "wait": wait}
        if isinstance(body, MqMessage):
            await acting.call("mq_timedsend", msg_prio=body.priority, data=body.content, **how)
            return answer({"sent": 1})
        pairs = [(message.priority, message.content) for message in messages]
        return answer({"sent": (await acting.call("mq_timedsend_batch", messages=pairs, **how)).ret})


async def receive(request: web.Request) -> web.Response:
    """mq_receive, one message, or with ``max`` a list."""
    body = await body_of(request, MqReceive)
    acting = await Acting.of(request)
    async with acting.opened(name_of(request), O_RDONLY | (0 if body.wait else O_NONBLOCK)) as mqdes:
        how: dict[str, Any] = {"mqdes": mqdes, "wait": body.wait}
        if body.max is None:
            out = (await acting.call("mq_timedreceive", **how)).out or {}
            return answer(message_json("priority", out["priority"], out["data"]))
        out = (await acting.call("mq_timedreceive_batch", max=body.max, **how)).out or {}
        items = [message_json("priority", priority, data) for priority, data in out["messages"]]
        return answer({"items": items, "next": None})


async def peek(request: web.Request) -> web.Response:
    """The messages of a queue in the order in which they would be received."""
    after, limit = page_of(request)
    acting = await Acting.of(request)
    async with acting.opened(name_of(request), O_RDONLY) as mqdes:
        shown = await acting.shown("mq_peek", mqdes=mqdes, after=_cursor(after), limit=limit)
        return answer({"items": shown["messages"], "next": shown["next"]})


def _cursor(after: str | None) -> int:
    return 0 if after is None else number_of(after, "cursor")


QUEUES, ONE, MESSAGES = "/v1/mq", "/v1/mq/{name}", "/v1/mq/{name}/messages"
SENDING: Final = ("mq_open", "mq_timedsend", "mq_timedsend_batch")
RECEIVING: Final = ("mq_open", "mq_timedreceive", "mq_timedreceive_batch")
ROUTES: Final = (
    Route("GET", QUEUES, listing, "the queues of the namespace", answer=QUEUE, calls=("mq_list",), pages=True),
    Route("PUT", ONE, create, "mq_open(3) with O_CREAT", MqCreate, QUEUE, 201, ("mq_open",)),
    Route("GET", ONE, stat, "attributes and status", answer=QUEUE, calls=("mq_stat",)),
    Route("PATCH", ONE, change, "mq_setattr(3)", MqSet, ATTR_OUT, calls=("mq_open", "mq_getsetattr")),
    Route("DELETE", ONE, unlink, "mq_unlink(3)", status=204, calls=("mq_unlink",)),
    Route("POST", MESSAGES, send, "mq_send(3), one message or many", MqMessages, calls=SENDING),
    Route("GET", MESSAGES, peek, "look at the messages", answer=PEEKED, calls=("mq_open", "mq_peek"), pages=True),
    Route(
        "POST", "/v1/mq/{name}/receive", receive, "mq_receive(3), one message or many", MqReceive,
        TABLE["mq_timedreceive"].out, calls=RECEIVING,
    ),
)  # fmt: skip

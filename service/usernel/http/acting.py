"""One request that acts: its calls, made by its task, and its answer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar

import msgspec
import pydantic
from aiohttp import web

from usernel.kernel.call import Call, Return
from usernel.kernel.error import KernelError
from usernel.kernel.task import Task
from usernel.syscalls.row import Row
from usernel.syscalls.table import TABLE

from .keys import RUNTIME, SESSIONS
from .problem import Problem
from .wire import json_out

POSITION: Final = web.RequestKey("position", int)
"""Where a request holds the log position that its answer waits for."""
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Model = TypeVar("Model", bound=pydantic.BaseModel)


class Acting:
    """A request's calls. It opens, acts and closes within itself; what it received and cannot answer goes back.

    Only its answer waits until all that it did is durable (``kept``), not each of its calls.
    """

    def __init__(self, request: web.Request, task: Task) -> None:
        self.request = request
        self.task = task
        self.runtime = request.app[RUNTIME]

    @classmethod
    async def of(cls, request: web.Request) -> Acting:
        """As the task of the request. ESRCH, EPERM."""
        return cls(request, await request.app[SESSIONS].actor(request))

    async def call(self, name: str, /, *, wait: float | None = None, **args: Any) -> Return:
        """Make a call; TimeoutError after ``wait`` seconds in vain (None or 0: no end). Raises KernelError."""
        row = TABLE[name]
        return await self.make(row, row.bind((), args), wait)

    async def make(self, row: Row, args: list[Any], wait: float | None = None) -> Return:
        """Make a call whose arguments are the kernel's already."""
        call = await self.runtime.call(self.task, row, args, hold=True, timeout=wait or None)
        self._take(call)
        self.request[POSITION] = max(self.request.get(POSITION, 0), call.position)
        return call.outcome()

    def _take(self, call: Call) -> None:
        """What it received leaves the queue, if there is still somebody to answer."""
        if call.held is None:
            return
        if self.request.transport is None or self.request.transport.is_closing():
            self.runtime.abort(call)
            raise ConnectionResetError("the client is gone")
        self.runtime.commit(call)

    async def shown(self, name: str, /, **args: Any) -> dict[str, Any]:
        """What a call hands back, as JSON shows it."""
        result = await self.call(name, **args)
        return dict(json_out(TABLE[name], result.out) or {})

    @asynccontextmanager
    async def opened(self, name: str, oflag: int) -> AsyncIterator[int]:
        """A POSIX queue, open for the time of the request."""
        mqdes = (await self.call("mq_open", name=name, oflag=oflag)).ret
        try:
            yield mqdes
        finally:
            # Not awaited: a request that is cancelled must close as well.
            self.runtime.submit(self.task, TABLE["close"], [mqdes], lambda _: None)


@web.middleware
async def kept(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let an answer, also one that tells of an error, leave when what the request did is durable. JournalError."""
    try:
        response = await handler(request)
    except (KernelError, TimeoutError, Problem):
        await request.app[RUNTIME].durable(request.get(POSITION, 0))
        raise
    await request.app[RUNTIME].durable(request.get(POSITION, 0))
    return response


def answer(shown: Any, status: int = 200) -> web.Response:
    """A JSON answer."""
    return web.Response(body=msgspec.json.encode(shown), status=status, content_type="application/json")


async def body_of(request: web.Request, model: type[Model]) -> Model:
    """The request's body as a model; an empty one is ``{}``. A ValidationError says where it is wrong."""
    return model.model_validate_json(await request.read() or b"{}")


def page_of(request: web.Request) -> tuple[str | None, int]:
    """The cursor (``after``) and the ``limit`` of a list."""
    limit = request.query.get("limit", "100")
    if not (limit.isascii() and limit.isdecimal() and len(limit) < 6):
        raise Problem(400, f"limit {limit!r} is no number")
    return request.query.get("after"), int(limit)


def number_of(text: str, what: str) -> int:
    """A number out of a path or a query."""
    if not (text.isascii() and text.removeprefix("-").isdecimal() and len(text) < 20):
        raise Problem(400, f"{text!r} is no {what}")
    return int(text)

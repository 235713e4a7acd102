"""Rings by REST. ``ring`` is a descriptor of the task that acts, open until it is deleted or the task ends."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from usernel.abi.errno import Errno
from usernel.abi.io_uring import IORING_ENTER_GETEVENTS, IORING_SETUP_CQSIZE, SETUP
from usernel.kernel.error import KernelError
from usernel.syscalls.io_uring import ENTERED, PARAMS_OUT, REGISTERED, RING
from usernel.syscalls.kinds import INT, Field, Flags, Structure
from usernel.syscalls.table import TABLE
from usernel.syscalls.timespec import timespec

from .acting import Acting, answer, body_of, number_of, page_of
from .models import RingCreate, RingEnter, RingRegister
from .routes import Route
from .wire import json_out

SETUP_FLAGS: Final = Flags(SETUP)
REGISTER_ANSWER: Final = Structure("io_uring_register_answer", (Field("ret", INT, None), *REGISTERED.fields))
MADE: Final = Structure("io_uring_made", (RING.fields[0], *PARAMS_OUT.fields))


def ring_of(request: web.Request) -> int:
    """The descriptor out of the path."""
    return number_of(request.match_info["ring"], "descriptor")


async def create(request: web.Request) -> web.Response:
    """io_uring_setup."""
    body = await body_of(request, RingCreate)
    acting = await Acting.of(request)
    flags = SETUP_FLAGS.parse(body.flags) | (IORING_SETUP_CQSIZE if body.cq_entries is not None else 0)
    made = await acting.call(
        "io_uring_setup", entries=body.entries, params={"flags": flags, "cq_entries": body.cq_entries or 0}
    )
    return answer({"ring": made.ret, **(json_out(TABLE["io_uring_setup"], made.out) or {})}, 201)


async def listing(request: web.Request) -> web.Response:
    """The rings of the task."""
    after, limit = page_of(request)
    acting = await Acting.of(request)
    cursor = -1 if after is None else number_of(after, "cursor")
    shown = await acting.shown("io_uring_list", after=cursor, limit=limit)
    return answer({"items": shown["rings"], "next": shown["next"]})


async def stat(request: web.Request) -> web.Response:
    """The ring, as /proc/[pid]/fdinfo shows it."""
    acting = await Acting.of(request)
    return answer(await acting.shown("io_uring_stat", fd=ring_of(request)))


async def close(request: web.Request) -> web.Response:
    """close, if it is a ring."""
    acting, ring = await Acting.of(request), ring_of(request)
    await acting.call("io_uring_stat", fd=ring)
    await acting.call("close", fd=ring)
    return web.Response(status=204)


async def enter(request: web.Request) -> web.Response:
    """io_uring_enter. A wait in vain answers with what there is."""
    body = await body_of(request, RingEnter)
    acting = await Acting.of(request)
    how: dict[str, Any] = {"fd": ring_of(request), "sqes": body.sqes, "flags": IORING_ENTER_GETEVENTS}
    if body.wait:
        least = 1 if body.min_complete is None else body.min_complete
        how |= {"min_complete": least, "timeout": timespec(body.wait)}
    try:
        entered = await acting.call("io_uring_enter", **how)
    except KernelError as error:
        if error.number is not Errno.ETIME:
            raise
        return answer({"submitted": 0, "cqes": []})
    return answer({"submitted": entered.ret, **(json_out(TABLE["io_uring_enter"], entered.out) or {})})


async def register(request: web.Request) -> web.Response:
    """io_uring_register: what the call handed back, or what it returned."""
    body = await body_of(request, RingRegister)
    acting = await Acting.of(request)
    how = {"opcode": body.opcode, "arg": body.arg, "nr_args": body.nr_args}
    done = await acting.call("io_uring_register", fd=ring_of(request), **how)
    return answer(json_out(TABLE["io_uring_register"], done.out) or {"ret": done.ret})


RINGS, ONE = "/v1/io_uring", "/v1/io_uring/{ring}"
ROUTES: Final = (
    Route("POST", RINGS, create, "io_uring_setup(2)", RingCreate, MADE, 201, ("io_uring_setup",)),
    Route("GET", RINGS, listing, "the rings of the task", answer=RING, calls=("io_uring_list",), pages=True),
    Route("GET", ONE, stat, "a ring, as /proc/[pid]/fdinfo", answer=RING, calls=("io_uring_stat",)),
    Route("DELETE", ONE, close, "close it", status=204, calls=("io_uring_stat", "close")),
    Route("POST", f"{ONE}/enter", enter, "io_uring_enter(2): submit, wait, and take what has completed", RingEnter,
          ENTERED, calls=("io_uring_enter",)),
    Route("POST", f"{ONE}/register", register, "io_uring_register(2)", RingRegister, REGISTER_ANSWER,
          calls=("io_uring_register",)),
)  # fmt: skip

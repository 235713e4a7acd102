"""Tasks by REST, and what is not there yet."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from usernel.abi.sched import KINDS
from usernel.syscalls.table import TABLE
from usernel.syscalls.task import NS_LINKS, TASK

from .acting import Acting, answer, body_of, number_of, page_of
from .models import Renew, SetNs, TaskCreate, Unshare, flags_and
from .problem import Problem
from .routes import Route
from .session import pid_of


async def acting_as(request: web.Request) -> Acting:
    """The task of the path acts, if the request's own task may act as it. ESRCH, EPERM."""
    acting = await Acting.of(request)
    acting.task = acting.runtime.kernel.task(acting.task, pid_of(request.match_info["pid"]))
    return acting


async def create(request: web.Request) -> web.Response:
    """fork: a child of init with the credentials and namespaces asked for."""
    body = await body_of(request, TaskCreate)
    acting = await Acting.of(request)
    how: dict[str, Any] = body.model_dump()
    how["unshare"] = clone_flags(body.unshare)
    pid = (await acting.call("fork", daemon=True, setsid=True, close_fds=True, **how)).ret
    return answer(await acting.shown("task_stat", pid=pid), 201)


def clone_flags(flags: int | str | list[int | str]) -> list[int | str]:
    """``"ipc"``, as the links in /proc/[pid]/ns are called, stands for CLONE_NEWIPC."""
    return [KINDS.get(flag, flag) if isinstance(flag, str) else flag for flag in flags_and(flags)]


async def listing(request: web.Request) -> web.Response:
    """The tasks."""
    after, limit = page_of(request)
    acting = await Acting.of(request)
    cursor = 0 if after is None else number_of(after, "cursor")
    shown = await acting.shown("task_list", after=cursor, limit=limit)
    return answer({"items": shown["tasks"], "next": shown["next"]})


async def stat(request: web.Request) -> web.Response:
    """A task as /proc/[pid] shows it."""
    acting = await Acting.of(request)
    return answer(await acting.shown("task_stat", pid=pid_of(request.match_info["pid"])))


async def kill(request: web.Request) -> web.Response:
    """SIGKILL."""
    acting = await Acting.of(request)
    await acting.call("kill", pid=pid_of(request.match_info["pid"]), sig="SIGKILL")
    return web.Response(status=204)


async def unshare(request: web.Request) -> web.Response:
    """unshare(2), by the task of the path."""
    body = await body_of(request, Unshare)
    acting = await acting_as(request)
    await acting.call("unshare", flags=clone_flags(body.flags))
    return answer(await _links(acting))


async def setns(request: web.Request) -> web.Response:
    """setns(2), by the task of the path: into a namespace by its link, or into those of another task."""
    body = await body_of(request, SetNs)
    acting = await acting_as(request)
    name, how = ("ns_open", {"inum": inum_of(body.ns)}) if body.ns is not None else ("pidfd_open", {"pid": body.pid})
    fd = (await acting.call(name, **how)).ret
    try:
        await acting.call("setns", fd=fd, nstype=clone_flags(body.flags))
    finally:
        # Not awaited: a request that is cancelled must close as well.
        acting.runtime.submit(acting.task, TABLE["close"], [fd], lambda _: None)
    return answer(await _links(acting))


def inum_of(link: str) -> int:
    """The number in ``ipc:[4026531839]``."""
    kind, _, number = link.partition(":[")
    if kind not in KINDS or not number.endswith("]"):
        raise Problem(400, f"{link!r} is no link of a namespace: it reads ipc:[4026531839]")
    return number_of(number.removesuffix("]"), "inode number")


async def _links(acting: Acting) -> dict[str, Any]:
    shown = await acting.shown("task_stat")
    return dict(shown["ns"])


async def renew(request: web.Request) -> web.Response:
    """Let the task of the path live on."""
    body = await body_of(request, Renew)
    acting = await acting_as(request)
    await acting.call("task_renew", ttl=body.ttl)
    return answer(await acting.shown("task_stat"))


async def namespaces(request: web.Request) -> web.Response:
    """The links of /proc/[pid]/ns."""
    acting = await Acting.of(request)
    shown = await acting.shown("task_stat", pid=pid_of(request.match_info["pid"]))
    return answer(shown["ns"])


async def later(request: web.Request) -> web.Response:
    """A route that this version does not have."""
    raise Problem(501, f"{request.path} is not served by this version of usernel")


TASKS, ONE = "/v1/tasks", "/v1/tasks/{pid}"
ROUTES: Final = (
    Route("POST", TASKS, create, "fork(2): a task with credentials of its own", TaskCreate, TASK, 201, ("fork",)),
    Route("GET", TASKS, listing, "the tasks", answer=TASK, calls=("task_list",), pages=True),
    Route("GET", ONE, stat, "a task, as /proc/[pid]", answer=TASK, calls=("task_stat",)),
    Route("DELETE", ONE, kill, "end a task (SIGKILL)", status=204, calls=("kill",)),
    Route("POST", f"{ONE}/unshare", unshare, "unshare(2)", Unshare, NS_LINKS, calls=("unshare",)),
    Route("POST", f"{ONE}/setns", setns, "setns(2)", SetNs, NS_LINKS, calls=("setns", "ns_open", "pidfd_open")),
    Route("PATCH", ONE, renew, "renew its lease", Renew, TASK, calls=("task_renew",)),
    Route("GET", f"{ONE}/ns", namespaces, "its namespaces", answer=NS_LINKS, calls=("task_stat",)),
)
LATER: Final = (
    "/v1/mounts", "/v1/files", "/v1/fanotify", "/v1/watch",
)  # fmt: skip
"""Where routes of later versions begin."""

"""Tasks by REST, and what is not there yet."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from usernel.syscalls.task import NS_LINKS, TASK

from .acting import Acting, answer, body_of, number_of, page_of
from .models import TaskCreate, Unshare
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
    how["unshare"] = _clone_flags(body.unshare)
    pid = (await acting.call("fork", daemon=True, setsid=True, close_fds=True, **how)).ret
    return answer(await acting.shown("task_stat", pid=pid), 201)


def _clone_flags(flags: int | str | list[int | str]) -> list[int | str]:
    """``"ipc"``, as the links in /proc/[pid]/ns are called, stands for CLONE_NEWIPC."""
    return ["CLONE_NEWIPC" if flag == "ipc" else flag for flag in (flags if isinstance(flags, list) else [flags])]


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
    await acting.call("unshare", flags=_clone_flags(body.flags))
    return answer(acting.task.nsproxy.stat())


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
    Route("GET", f"{ONE}/ns", namespaces, "its namespaces", answer=NS_LINKS, calls=("task_stat",)),
)
LATER: Final = (
    "/v1/tasks/{pid}/setns", "/v1/namespaces", "/v1/mounts", "/v1/files", "/v1/fanotify", "/v1/watch", "/v1/io_uring",
)  # fmt: skip
"""Where routes of later versions begin."""

"""Every errno has its status, and every error is a problem document."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from usernel.abi.errno import Errno, strerror
from usernel.http.problem import errno_status, problems
from usernel.kernel.error import KernelError

from .asking import Ask, check_problem

# api.md's table; ENOTEMPTY and the like have no call yet, so it is read where it is said.
STATUSES = {
    403: "EPERM EACCES EXDEV ELOOP EROFS",
    404: "ENOENT ENXIO ESRCH",
    408: "ETIMEDOUT",
    409: "EEXIST EBUSY EAGAIN ENOMSG ENOTEMPTY",
    410: "EIDRM",
    413: "E2BIG EMSGSIZE EFBIG",
    429: "ENOMEM EMFILE ENFILE ENOSPC EDQUOT",
    499: "EINTR",
    500: "EIO",
    501: "ENOSYS EOPNOTSUPP",
}
STATUS_OF = {name: status for status, names in STATUSES.items() for name in names.split()}


@pytest.fixture
async def failing(caplog: pytest.LogCaptureFixture) -> Iterator[aiohttp.ClientSession]:
    """A server whose one handler fails as its path says."""

    async def fail(request: web.Request) -> web.Response:
        name = request.match_info["name"]
        raise KernelError(Errno[name], "so it is") if name in Errno.__members__ else RuntimeError("unforeseen")

    app = web.Application(middlewares=[problems])
    app.router.add_get("/{name}", fail)
    async with TestServer(app) as server, aiohttp.ClientSession(server.make_url("/")) as session:
        yield session


async def test_every_errno_has_the_status_of_the_table(failing: aiohttp.ClientSession):
    for errno in Errno:
        async with failing.get(f"/{errno.name}") as response:
            shown = json.loads(await response.text())
        assert response.status == STATUS_OF.get(errno.name, 422) == errno_status(errno)
        check_problem(response, shown)
        assert shown == {
            "type": "about:blank", "title": strerror(errno), "status": response.status, "detail": "so it is",
            "errno": int(errno), "errno_name": errno.name,
        }  # fmt: skip


async def test_a_bug_is_500_logged_whole_and_tells_nothing(failing: aiohttp.ClientSession, caplog):
    with caplog.at_level(logging.ERROR, "usernel"):
        async with failing.get("/bug") as response:
            shown = json.loads(await response.text())
    check_problem(response, shown)
    assert (response.status, "errno" in shown, "unforeseen" in json.dumps(shown)) == (500, False, False)
    assert "unforeseen" in caplog.text


async def test_a_detail_says_where_a_body_is_wrong(ask: Ask):
    _, shown = await ask("PUT /v1/mq/jobs", {"attr": {"mq_maxmsg": "many", "mq_msgsize": 1}})
    assert shown["detail"].startswith("attr.mq_maxmsg: ")
    _, shown = await ask("POST /v1/msg", {"key": 1, "colour": "red"})
    assert shown["detail"].startswith("colour: ")
    _, shown = await ask("POST /v1/msg", {"key": 1, "flags": ["IPC_NOPE"]})
    assert "'IPC_NOPE' is none of IPC_CREAT" in shown["detail"]

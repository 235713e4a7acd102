"""Lists: a cursor, a limit, and nothing twice."""

from __future__ import annotations

import pytest

from .asking import Ask

LISTS = ("/v1/msg", "/v1/mq", "/v1/tasks", "/v1/msg/0/messages", "/v1/mq/jobs/messages")
KEY = {
    "/v1/msg": "msqid",
    "/v1/mq": "name",
    "/v1/tasks": "pid",
    "/v1/msg/0/messages": "seq",
    "/v1/mq/jobs/messages": "seq",
}


@pytest.fixture
async def filled(ask: Ask) -> None:
    """More than a hundred of everything."""
    for name, value in (("fs.mqueue.msg_max", 2000), ("kernel.msgmnb", 2000), ("fs.mqueue.queues_max", 500)):
        assert (await ask.syscall("sysctl", name=name, value=value))[0] == 200
    await ask.syscall("prlimit64", resource="RLIMIT_NOFILE", new_limit={"rlim_cur": 4096, "rlim_max": 4096})
    for number in range(101):
        await ask.done("POST /v1/msg", {"key": "IPC_PRIVATE"})
        await ask.done(f"PUT /v1/mq/{number}", {"attr": {"mq_maxmsg": 1, "mq_msgsize": 1}})
        await ask.done("POST /v1/tasks", {})
    await ask.done("PUT /v1/mq/jobs", {"attr": {"mq_maxmsg": 1001, "mq_msgsize": 1}})
    for path, tag in (("/v1/msg/0", "mtype"), ("/v1/mq/jobs", "priority")):
        for count in (1000, 1):
            sent = await ask.done(f"POST {path}/messages", [{tag: 1, "text": "x"}] * count)
            assert sent == {"sent": count}


async def test_pages_of_every_list(ask: Ask, filled: None):
    for path in LISTS:
        first = await ask.done(f"GET {path}")
        assert (set(first), len(first["items"])) == ({"items", "next"}, 100), path
        everything = await pages(ask, path, 1000)
        assert [item[KEY[path]] for item in everything[:100]] == [item[KEY[path]] for item in first["items"]]
        assert len({item[KEY[path]] for item in everything}) == len(everything) > 100
        assert await pages(ask, path, 37) == everything, path


async def pages(ask: Ask, path: str, limit: int) -> list[dict]:
    """All items, page by page; each but the last is full."""
    items, query = [], f"limit={limit}"
    while True:
        page = await ask.done(f"GET {path}?{query}")
        items += page["items"]
        if page["next"] is None:
            assert len(page["items"]) <= limit
            return items
        assert len(page["items"]) == limit
        query = f"limit={limit}&after={page['next']}"


async def test_a_page_that_takes_all_exactly_has_no_next(ask: Ask, filled: None):
    for path in ("/v1/msg", "/v1/mq", "/v1/tasks"):
        count = len(await pages(ask, path, 1000))
        assert (await ask.done(f"GET {path}?limit={count}"))["next"] is None, path
        assert (await ask.done(f"GET {path}?limit={count - 1}"))["next"] is not None, path


@pytest.mark.parametrize("path", LISTS)
async def test_a_limit_is_one_to_a_thousand(ask: Ask, msqid: int, jobs: str, path: str):
    for limit in (1, 1000):
        assert (await ask(f"GET {path}?limit={limit}"))[0] == 200
    for limit in (0, 1001, 99999):
        assert await ask.refused(f"GET {path}?limit={limit}") == (422, "EINVAL")
    for limit in ("", "x", "-1", "1.0", "0x1", "100000", "²"):
        assert await ask.refused(f"GET {path}?limit={limit}") == (400, None)


@pytest.mark.parametrize("path", sorted(set(LISTS) - {"/v1/mq"}))
async def test_a_cursor_is_what_a_page_said(ask: Ask, msqid: int, jobs: str, path: str):
    for cursor in ("x", "", "1.5", "9" * 30):
        assert await ask.refused(f"GET {path}?after={cursor}") == (400, None)
    assert await ask.done(f"GET {path}?after=2000000000") == {"items": [], "next": None}

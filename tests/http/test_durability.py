"""Whether a queue outlives the service: asked for by a queue, or said by its IPC namespace."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from usernel.compose import Service, service
from usernel.config import Settings

from .asking import Ask

IPC = 0xEFFFFFFF
NAMESPACE = f"/v1/namespaces/{IPC}"


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Service]:
    async with service(Settings(port=0, data_dir=str(tmp_path / "data"))) as made:
        yield made


async def test_an_ephemeral_service_says_so_of_whatever_it_has():
    async with service(Settings(port=0)) as made, aiohttp.ClientSession(made.url) as session:
        ask = Ask(session)
        assert (await ask.done("PUT /v1/mq/jobs", {"durability": "durable"}))["durability"] == "ephemeral"
        assert (await ask.done(f"GET {NAMESPACE}"))["durability"] == "ephemeral"


async def made(ask: Ask, **asked: Any) -> tuple[str, str]:
    """The durability of a new queue of each family."""
    msqid = (await ask.done("POST /v1/msg", {"key": "IPC_PRIVATE", **asked}))["msqid"]
    jobs = await ask.done("PUT /v1/mq/jobs", asked)
    await ask("DELETE /v1/mq/jobs")
    return (await ask.done(f"GET /v1/msg/{msqid}"))["durability"], jobs["durability"]


@pytest.mark.parametrize("asked", ["durable", "ephemeral"])
async def test_a_queue_is_what_it_asked_for_whatever_its_namespace_says(ask: Ask, asked: str):
    for said in ("durable", "ephemeral"):
        await ask.done(f"PATCH {NAMESPACE}", {"durability": said})
        assert await made(ask, durability=asked) == (asked, asked)


async def test_one_that_asks_for_nothing_is_what_its_namespace_says(ask: Ask):
    assert await made(ask) == ("durable", "durable")
    await ask.done(f"PATCH {NAMESPACE}", {"sysctls": {"usernel.ephemeral": 1}})
    assert await made(ask, durability=None) == ("ephemeral", "ephemeral")


async def test_a_queue_that_was_there_stays_what_it_was(ask: Ask, msqid: int, jobs: str):
    await ask.done(f"PATCH {NAMESPACE}", {"durability": "ephemeral"})
    again = {"key": 1234, "flags": ["IPC_CREAT"], "durability": "ephemeral"}
    assert await ask("POST /v1/msg", again) == (200, {"msqid": msqid})
    assert (await ask.done(f"GET /v1/msg/{msqid}"))["durability"] == "durable"
    assert (await ask.done(f"PUT {jobs}", {"durability": "ephemeral"}))["durability"] == "durable"


async def test_a_namespace_is_told_in_words_and_by_its_sysctl_and_shows_both(ask: Ask):
    for body in ({"durability": "ephemeral"}, {"sysctls": {"usernel.ephemeral": 0}}):
        changed = await ask.done(f"PATCH {NAMESPACE}", body)
        shown = (changed["durability"], changed["sysctls"]["usernel.ephemeral"])
        assert shown == (("ephemeral", 1) if "durability" in body else ("durable", 0))
        assert await ask.done(f"GET {NAMESPACE}") == changed
    assert (await ask.done("GET /v1/namespaces?type=uts"))["items"][0].get("durability") is None


@pytest.mark.parametrize(
    ("line", "body", "refusal"),
    [
        ("POST /v1/msg", {"key": 1, "durability": "volatile"}, (400, None)),
        ("POST /v1/msg", {"key": 1, "durability": 1}, (400, None)),
        ("PUT /v1/mq/jobs", {"durability": "Durable"}, (400, None)),
        (f"PATCH {NAMESPACE}", {"durability": True}, (400, None)),
        (f"PATCH {NAMESPACE}", {"durability": "durable", "sysctls": {"usernel.ephemeral": 1}}, (400, None)),
        (f"PATCH {NAMESPACE}", {"sysctls": {"usernel.ephemeral": 2}}, (422, "EINVAL")),
        ("PATCH /v1/namespaces/4026531837", {"durability": "durable"}, (404, "ENOENT")),
    ],
)
async def test_what_is_no_durability_is_refused(ask: Ask, line: str, body: Any, refusal: tuple[int, str | None]):
    assert await ask.refused(line, body) == refusal
    assert (await ask.done(f"GET {NAMESPACE}"))["durability"] == "durable"


async def test_who_may_not_write_the_namespaces_numbers_may_not_change_it(ask: Ask):
    tenant = (await ask.done("POST /v1/tasks", {"uid": 1000}))["pid"]
    assert await ask.refused(f"PATCH {NAMESPACE}", {"durability": "ephemeral"}, task=tenant) == (403, "EACCES")


async def test_the_age_of_the_oldest_message_is_shown_by_the_moment_it_came(ask: Ask, msqid: int, jobs: str):
    before = int(time.time())
    for path, body in ((f"/v1/msg/{msqid}", {"mtype": 1, "text": "x"}), (jobs, {"text": "x"})):
        assert (await ask.done(f"GET {path}"))["oldest"] is None
        await ask.done(f"POST {path}/messages", [body, body])
        assert before <= (await ask.done(f"GET {path}"))["oldest"] <= time.time()
        await ask.done(f"POST {path}/receive", {"max": 10})
        assert (await ask.done(f"GET {path}"))["oldest"] is None

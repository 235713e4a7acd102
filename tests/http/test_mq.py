"""POSIX queues by REST: names, shapes, statuses."""

from __future__ import annotations

from base64 import b64encode

import pytest

from .asking import Ask

QUEUE_FIELDS = {
    "name", "mq_maxmsg", "mq_msgsize", "mq_curmsgs", "qsize", "st_ino", "mode", "uid", "gid", "atime_ns", "mtime_ns",
    "ctime_ns", "files", "senders", "receivers", "held", "status", "oldest", "durability",
}  # fmt: skip
O_EXCL = 0o200


async def test_making_answers_201_and_opening_200_and_attr_counts_once(ask: Ask):
    status, made = await ask("PUT /v1/mq/jobs", {"attr": {"mq_maxmsg": 3, "mq_msgsize": 7}, "mode": "0640"})
    assert (status, set(made)) == (201, QUEUE_FIELDS)
    assert [made[name] for name in ("name", "mq_maxmsg", "mq_msgsize", "mode", "files")] == ["jobs", 3, 7, 0o640, 0]
    found = await ask("PUT /v1/mq/jobs", {"attr": {"mq_maxmsg": 5, "mq_msgsize": 9}})
    assert found[0] == 200
    assert (found[1]["mq_maxmsg"], found[1]["mq_msgsize"], found[1]["mode"]) == (3, 7, 0o640)
    assert (await ask.done("GET /v1/mq/jobs"))["st_ino"] == made["st_ino"]


async def test_an_empty_body_makes_a_queue_of_the_namespace_defaults(ask: Ask):
    _, limit = await ask.syscall("sysctl", name="fs.mqueue.msg_default")
    _, size = await ask.syscall("sysctl", name="fs.mqueue.msgsize_default")
    status, made = await ask("PUT /v1/mq/plain")
    assert (status, made["mode"]) == (201, 0o600)
    assert (made["mq_maxmsg"], made["mq_msgsize"]) == (limit["out"]["value"], size["out"]["value"])


@pytest.mark.parametrize("flags", [O_EXCL, "O_EXCL", ["O_EXCL"], [O_EXCL], ["O_RDWR", O_EXCL]])
async def test_excl_is_spelled_in_several_ways(ask: Ask, flags):
    assert (await ask("PUT /v1/mq/jobs", {"flags": flags}))[0] == 201
    assert await ask.refused("PUT /v1/mq/jobs", {"flags": flags}) == (409, "EEXIST")


@pytest.mark.parametrize(
    "body",
    [{"mode": "8"}, {"attr": {"mq_maxmsg": 1}}, {"attr": {"mq_maxmsg": 1, "mq_msgsize": "1"}}, {"flags": ["O_NOPE"]},
     {"attr": {"mq_maxmsg": 1, "mq_msgsize": 1, "mq_curmsgs": 0}}, {"attr": []}, {"colour": "red"}, [], b"{"],
)  # fmt: skip
async def test_what_is_no_body_is_400_and_makes_nothing(ask: Ask, body):
    assert await ask.refused("PUT /v1/mq/jobs", body) == (400, None)
    assert await ask.done("GET /v1/mq") == {"items": [], "next": None}


@pytest.mark.parametrize(
    ("body", "refusal"),
    [({"attr": {"mq_maxmsg": 0, "mq_msgsize": 1}}, (422, "EINVAL")),
     ({"attr": {"mq_maxmsg": -1, "mq_msgsize": 1}}, (422, "EINVAL")),
     ({"attr": {"mq_maxmsg": 65536, "mq_msgsize": 2**24}}, (429, "EMFILE"))],
)  # fmt: skip
async def test_the_kernel_judges_the_attributes(ask: Ask, body, refusal: tuple[int, str]):
    assert await ask.refused("PUT /v1/mq/jobs", body) == refusal


async def test_a_name_too_long_is_the_kernels_refusal(ask: Ask):
    assert (await ask("PUT /v1/mq/" + "n" * 255))[0] == 201
    assert await ask.refused("PUT /v1/mq/" + "n" * 256) == (422, "ENAMETOOLONG")
    assert await ask.refused("PUT /v1/mq/..") == (404, None)


async def test_a_name_of_any_bytes_that_a_path_can_say(ask: Ask):
    await ask.done("PUT /v1/mq/gr%C3%BC%C3%9Fe%20%3F")
    assert (await ask.done("GET /v1/mq"))["items"][0]["name"] == "grüße ?"
    assert await ask.refused("PUT /v1/mq/a%2Fb") == (403, "EACCES")


async def test_unlinking_is_204_without_a_body_and_once(ask: Ask, jobs: str):
    assert await ask(f"DELETE {jobs}") == (204, None)
    lines = ("DELETE /v1/mq/jobs", "GET /v1/mq/jobs", "PATCH /v1/mq/jobs", "GET /v1/mq/jobs/messages",
             "POST /v1/mq/jobs/receive")  # fmt: skip
    assert {await ask.refused(line) for line in lines} == {(404, "ENOENT")}
    assert await ask.refused("POST /v1/mq/jobs/messages", {"text": "x"}) == (404, "ENOENT")


async def test_setattr_checks_its_flags_and_answers_the_attributes(ask: Ask, jobs: str):
    shown = {"mq_flags": [], "mq_maxmsg": 4, "mq_msgsize": 64, "mq_curmsgs": 0}
    assert await ask(f"PATCH {jobs}", {"mq_flags": []}) == (200, shown)
    assert await ask(f"PATCH {jobs}", {"mq_flags": ["O_NONBLOCK"]}) == (200, {**shown, "mq_flags": ["O_NONBLOCK"]})
    assert await ask.refused(f"PATCH {jobs}", {"mq_flags": [1]}) == (422, "EINVAL")
    assert await ask.refused(f"PATCH {jobs}", {"mq_maxmsg": 9}) == (400, None)


@pytest.mark.parametrize("content", [{"text": "grüße"}, {"data": b64encode("grüße".encode()).decode()}])
async def test_text_and_data_are_the_same_bytes(ask: Ask, jobs: str, content):
    assert await ask(f"POST {jobs}/messages", {"priority": 7, **content}) == (200, {"sent": 1})
    wanted = {"priority": 7, "data": "Z3LDvMOfZQ==", "text": "grüße"}
    peeked = await ask.done(f"GET {jobs}/messages")
    assert peeked == {"items": [{"seq": peeked["items"][0]["seq"], **wanted}], "next": None}
    assert await ask(f"POST {jobs}/receive") == (200, wanted)


async def test_the_most_urgent_comes_first_and_max_takes_many(ask: Ask, jobs: str):
    messages = [{"text": "low"}, {"priority": 9, "text": "high"}, {"priority": 9, "text": "late"}]
    assert await ask(f"POST {jobs}/messages", messages) == (200, {"sent": 3})
    peeked = (await ask.done(f"GET {jobs}/messages"))["items"]
    assert [item["text"] for item in peeked] == ["high", "late", "low"]
    status, got = await ask(f"POST {jobs}/receive", {"max": 2})
    assert (status, [item["text"] for item in got["items"]], got["next"]) == (200, ["high", "late"], None)
    assert await ask.done(f"POST {jobs}/receive", {"max": 1000}) == {
        "items": [{"priority": 0, "data": "bG93", "text": "low"}],
        "next": None,
    }


async def test_a_list_that_does_not_fit_says_how_many_went(ask: Ask, jobs: str):
    assert await ask.done(f"POST {jobs}/messages", [{"text": "x"}] * 5) == {"sent": 4}
    assert await ask.refused(f"POST {jobs}/messages", {"text": "x"}) == (409, "EAGAIN")
    assert await ask.refused(f"POST {jobs}/messages", [{"text": "x"}]) == (409, "EAGAIN")


@pytest.mark.parametrize(
    ("body", "refusal"),
    [({"text": "x" * 65}, (413, "EMSGSIZE")), ({"priority": 32768, "text": "x"}, (422, "EINVAL")),
     ({"priority": -1, "text": "x"}, (422, "EINVAL")), ({"priority": "1", "text": "x"}, (400, None)),
     ({"mtype": 1, "text": "x"}, (400, None)), ({}, (400, None)), ({"text": "x", "wait": 61}, (400, None)),
     ([], (400, None)), ([{"text": "x"}] * 1001, (400, None))],
)  # fmt: skip
async def test_what_cannot_be_sent(ask: Ask, jobs: str, body, refusal: tuple[int, str | None]):
    assert await ask.refused(f"POST {jobs}/messages", body) == refusal
    assert (await ask.done(f"GET {jobs}"))["mq_curmsgs"] == 0


@pytest.mark.parametrize("body", [{"max": 0}, {"max": 1001}, {"wait": -0.1}, {"wait": 60.1}, {"msg_len": 1}, [], 1])
async def test_what_is_no_receive_is_400(ask: Ask, jobs: str, body):
    assert await ask.refused(f"POST {jobs}/receive", body) == (400, None)


async def test_no_request_leaves_the_queue_open(ask: Ask, jobs: str):
    await ask.done(f"POST {jobs}/messages", {"text": "x"})
    await ask.done(f"GET {jobs}/messages")
    await ask.done(f"PATCH {jobs}", {})
    await ask.done(f"POST {jobs}/receive")
    assert await ask.refused(f"POST {jobs}/receive") == (409, "EAGAIN")
    assert await ask.refused(f"POST {jobs}/receive", {"wait": 0.001}) == (408, "ETIMEDOUT")
    assert await ask.refused(f"POST {jobs}/messages", {"text": "x" * 65}) == (413, "EMSGSIZE")
    assert (await ask.done(f"GET {jobs}"))["files"] == 0
    assert (await ask.done("GET /v1/tasks/2"))["fds"] == 0

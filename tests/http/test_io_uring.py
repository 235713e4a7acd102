"""Rings by REST: made, entered, registered with, closed."""

from __future__ import annotations

import asyncio
import time

import pytest

from usernel.compose import Service
from usernel.kernel.io_uring.task_ops import TASK_OPS

from ..clients.embedded import eventually, sleepers
from .asking import Ask
from .test_vanishing import post

ECANCELED, EINVAL, ETIME = 125, 22, 62
MS = 10**6
NOP = {"opcode": "IORING_OP_NOP"}
RING_FIELDS = {
    "ring", "flags", "sq_entries", "cq_entries", "sq_ready", "cq_ready", "overflow", "dropped", "user_files",
    "user_bufs", "requests", "timeouts", "deferred", "personalities", "buffer_groups",
}  # fmt: skip


@pytest.fixture
async def ring(ask: Ask) -> str:
    made = await ask.done("POST /v1/io_uring", {"entries": 8})
    return f"/v1/io_uring/{made['ring']}"


async def test_making_answers_201_with_the_descriptor_and_what_it_has(ask: Ask):
    status, made = await ask("POST /v1/io_uring", {"entries": 5})
    assert (status, set(made)) == (201, {"ring", "features", "sq_entries", "cq_entries"})
    assert (made["ring"], made["sq_entries"], made["cq_entries"]) == (0, 8, 16)
    assert {"IORING_FEAT_NODROP", "IORING_FEAT_EXT_ARG", "IORING_FEAT_CQE_SKIP"} <= set(made["features"])
    shown = await ask.done("GET /v1/io_uring/0")
    assert set(shown) == RING_FIELDS
    assert (shown["ring"], shown["flags"], shown["requests"]) == (0, [], 0)


@pytest.mark.parametrize("flags", [["IORING_SETUP_CLAMP"], "IORING_SETUP_CLAMP", 16, [16], [16, "IORING_SETUP_CLAMP"]])
async def test_flags_are_spelled_in_several_ways(ask: Ask, flags):
    made = await ask.done("POST /v1/io_uring", {"entries": 8, "flags": flags, "cq_entries": 100})
    assert made["cq_entries"] == 128
    shown = await ask.done("GET /v1/io_uring/0")
    assert shown["flags"] == ["IORING_SETUP_CQSIZE", "IORING_SETUP_CLAMP"]


@pytest.mark.parametrize(
    ("body", "refusal"),
    [({"entries": 0}, (422, "EINVAL")), ({"entries": 8, "cq_entries": 4}, (422, "EINVAL")),
     ({"entries": 8, "cq_entries": 0}, (422, "EINVAL")), ({"entries": 8, "flags": 1 << 30}, (422, "EINVAL")),
     ({"entries": 8, "flags": ["IORING_SETUP_NO_MMAP"]}, (422, "EFAULT")), ({}, (400, None)),
     ({"entries": "8"}, (400, None)), ({"entries": 2**33}, (400, None)), ({"entries": 8, "colour": 1}, (400, None)),
     ({"entries": 8, "flags": ["IORING_SETUP_NOPE"]}, (400, None))],
)  # fmt: skip
async def test_what_cannot_be_made(ask: Ask, body, refusal):
    assert await ask.refused("POST /v1/io_uring", body) == refusal
    assert await ask.done("GET /v1/io_uring") == {"items": [], "next": None}


async def test_the_list_has_pages_and_rings_only(ask: Ask, jobs: str):
    await ask.syscall("mq_open", name="jobs", oflag="O_RDWR")
    for _ in range(3):
        await ask.done("POST /v1/io_uring", {"entries": 1})
    first = await ask.done("GET /v1/io_uring?limit=2")
    assert [item["ring"] for item in first["items"]] == [1, 2]
    rest = await ask.done(f"GET /v1/io_uring?limit=2&after={first['next']}")
    assert ([item["ring"] for item in rest["items"]], rest["next"]) == ([3], None)
    assert await ask.refused("GET /v1/io_uring?after=x") == (400, None)


async def test_closing_is_204_once_and_for_rings_only(ask: Ask, jobs: str, ring: str):
    status, opened = await ask.syscall("mq_open", name="jobs", oflag="O_RDWR")
    assert status == 200
    assert await ask(f"DELETE {ring}") == (204, None)
    for line in (f"DELETE {ring}", f"GET {ring}", f"POST {ring}/enter"):
        assert await ask.refused(line) == (422, "EBADF")
    assert await ask.refused(f"DELETE /v1/io_uring/{opened['ret']}") == (501, "EOPNOTSUPP")
    assert (await ask.done("GET /v1/mq/jobs"))["files"] == 1
    assert await ask.refused("DELETE /v1/io_uring/x") == (400, None)


async def test_a_ring_is_its_tasks_own(ask: Ask, ring: str):
    stranger = (await ask.done("POST /v1/tasks", {"uid": 1000}))["pid"]
    assert await ask.refused(f"GET {ring}", task=stranger) == (422, "EBADF")
    assert (await ask.done("POST /v1/io_uring", {"entries": 1}, task=stranger))["ring"] == 0
    assert len((await ask.done("GET /v1/io_uring"))["items"]) == 1
    await ask.done(f"DELETE /v1/tasks/{stranger}")
    assert await ask.refused("GET /v1/io_uring/0", task=stranger) == (404, "ESRCH")


# ------------------------------------------------------------------------------------------------------------- enter


async def test_a_submission_completes(ask: Ask, ring: str):
    entered = await ask.done(f"POST {ring}/enter", {"sqes": [{**NOP, "user_data": 2**64 - 1}]})
    assert entered == {"submitted": 1, "cqes": [{"user_data": 2**64 - 1, "res": 0, "flags": []}]}
    assert await ask.done(f"POST {ring}/enter") == {"submitted": 0, "cqes": []}


async def test_opcodes_and_flags_are_names_or_numbers(ask: Ask, ring: str):
    sqes = [
        {"opcode": 0, "user_data": 1, "flags": 4},
        {"opcode": "IORING_OP_NOP", "user_data": 2, "flags": ["IOSQE_IO_LINK"]},
        {"opcode": "IORING_OP_NOP", "user_data": 3, "nop_flags": "IORING_NOP_INJECT_RESULT", "len": 5},
    ]
    entered = await ask.done(f"POST {ring}/enter", {"sqes": sqes})
    assert [(cqe["user_data"], cqe["res"]) for cqe in entered["cqes"]] == [(1, 0), (2, 0), (3, 5)]


@pytest.mark.parametrize(
    "sqe",
    [{}, {"opcode": "IORING_OP_NOPE"}, {"opcode": -(2**40)}, {**NOP, "colour": 1}, {**NOP, "user_data": "1"}, 1,
     {**NOP, "flags": ["IOSQE_NOPE"]}, {**NOP, "fd": 2**32}],
)  # fmt: skip
async def test_what_is_no_submission_is_400_and_nothing_is_submitted(ask: Ask, ring: str, sqe):
    assert await ask.refused(f"POST {ring}/enter", {"sqes": [NOP, sqe]}) == (400, None)
    assert await ask.done(f"POST {ring}/enter") == {"submitted": 0, "cqes": []}


async def test_what_is_no_opcode_of_the_ring_is_einval_in_its_completion_and_ends_the_batch(ask: Ask, ring: str):
    sqes = [{"opcode": "IORING_OP_READ", "user_data": 1}, {**NOP, "user_data": 2}]
    entered = await ask.done(f"POST {ring}/enter", {"sqes": sqes})
    assert entered == {"submitted": 1, "cqes": [{"user_data": 1, "res": -EINVAL, "flags": []}]}
    assert (await ask.done(f"GET {ring}"))["sq_ready"] == 1
    rest = await ask.done(f"POST {ring}/enter")
    assert (rest["submitted"], rest["cqes"][0]["user_data"]) == (1, 2)


async def test_more_than_the_queue_holds_is_ebusy_and_nothing_is_submitted(ask: Ask, ring: str):
    assert await ask.refused(f"POST {ring}/enter", {"sqes": [NOP] * 9}) == (409, "EBUSY")
    assert (await ask.done(f"POST {ring}/enter", {"sqes": [NOP] * 8}))["submitted"] == 8


async def test_what_a_refused_call_brought_is_not_submitted_later(ask: Ask):
    await ask.done("POST /v1/io_uring", {"entries": 8, "flags": "IORING_SETUP_R_DISABLED"})
    assert await ask.refused("POST /v1/io_uring/0/enter", {"sqes": [NOP]}) == (422, "EBADFD")
    assert await ask.done("POST /v1/io_uring/0/register", {"opcode": "IORING_REGISTER_ENABLE_RINGS"})
    assert await ask.done("POST /v1/io_uring/0/enter") == {"submitted": 0, "cqes": []}


async def test_without_wait_it_does_not_wait(ask: Ask, ring: str):
    sqes = [{"opcode": "IORING_OP_TIMEOUT", "ts_ns": 60_000 * MS}]
    started = time.monotonic()
    entered = await ask.done(f"POST {ring}/enter", {"sqes": sqes, "min_complete": 1})
    assert entered == {"submitted": 1, "cqes": []}
    assert time.monotonic() - started < 10
    assert (await ask.done(f"GET {ring}"))["timeouts"] == 1


async def test_wait_alone_waits_for_one(ask: Ask, ring: str):
    sqes = [{"opcode": "IORING_OP_TIMEOUT", "ts_ns": 5 * MS, "user_data": 9}]
    entered = await ask.done(f"POST {ring}/enter", {"sqes": sqes, "wait": 20})
    assert entered == {"submitted": 1, "cqes": [{"user_data": 9, "res": -ETIME, "flags": []}]}


async def test_a_wait_in_vain_answers_with_what_there_is(ask: Ask, ring: str):
    assert await ask(f"POST {ring}/enter", {"wait": 0.01}) == (200, {"submitted": 0, "cqes": []})
    body = {"sqes": [{**NOP, "user_data": 1}], "min_complete": 2, "wait": 0.01}
    entered = await ask.done(f"POST {ring}/enter", body)
    assert (entered["submitted"], [cqe["user_data"] for cqe in entered["cqes"]]) == (1, [1])


@pytest.mark.parametrize("body", [{"wait": 61}, {"wait": -1}, {"sqes": {}}, {"sqes": None}, {"min_complete": "1"}, []])
async def test_what_is_no_enter_is_400(ask: Ask, ring: str, body):
    assert await ask.refused(f"POST {ring}/enter", body) == (400, None)


async def test_somebody_else_s_completion_ends_a_wait(running: Service, ask: Ask, ring: str):
    waiting = asyncio.create_task(ask.done(f"POST {ring}/enter", {"wait": 30}))
    await eventually(lambda: sleepers(running) == 1)
    other = (await ask.done("POST /v1/io_uring", {"entries": 1}))["ring"]
    message = {"opcode": "IORING_OP_MSG_RING", "fd": 0, "off": 77, "len": 5}
    assert (await ask.done(f"POST /v1/io_uring/{other}/enter", {"sqes": [message]}))["cqes"][0]["res"] == 0
    assert await waiting == {"submitted": 0, "cqes": [{"user_data": 77, "res": 5, "flags": []}]}


async def test_a_poll_tells_of_a_message(running: Service, ask: Ask, jobs: str, ring: str):
    _, opened = await ask.syscall("mq_open", name="jobs", oflag="O_RDONLY")
    poll = {"opcode": "IORING_OP_POLL_ADD", "fd": opened["ret"], "poll32_events": ["POLLIN"], "user_data": 5}
    body = {"sqes": [{**poll, "len": "IORING_POLL_ADD_MULTI"}], "wait": 30}
    waiting = asyncio.create_task(ask.done(f"POST {ring}/enter", body))
    await eventually(lambda: sleepers(running) == 1)
    await ask.done(f"POST {jobs}/messages", {"text": "x"})
    assert await waiting == {"submitted": 1, "cqes": [{"user_data": 5, "res": 1, "flags": ["IORING_CQE_F_MORE"]}]}
    cancel = {"opcode": "IORING_OP_ASYNC_CANCEL", "addr": 5, "cancel_flags": ["IORING_ASYNC_CANCEL_USERDATA"]}
    entered = await ask.done(f"POST {ring}/enter", {"sqes": [cancel]})
    assert {(cqe["user_data"], cqe["res"]) for cqe in entered["cqes"]} == {(0, 0), (5, -ECANCELED)}


async def test_a_link_timeout_ends_what_it_follows(ask: Ask, jobs: str, ring: str):
    _, opened = await ask.syscall("mq_open", name="jobs", oflag="O_RDONLY")
    poll = {"opcode": "IORING_OP_POLL_ADD", "fd": opened["ret"], "poll32_events": 1, "user_data": 1}
    sqes = [{**poll, "flags": "IOSQE_IO_LINK"}, {"opcode": "IORING_OP_LINK_TIMEOUT", "ts_ns": 5 * MS, "user_data": 2}]
    entered = await ask.done(f"POST {ring}/enter", {"sqes": sqes, "min_complete": 2, "wait": 20})
    assert {(cqe["user_data"], cqe["res"]) for cqe in entered["cqes"]} == {(1, -ECANCELED), (2, -ETIME)}


async def test_descriptors_are_registered_and_installed(ask: Ask, jobs: str, ring: str):
    _, opened = await ask.syscall("mq_open", name="jobs", oflag="O_RDONLY")
    registered = await ask.done(
        f"POST {ring}/register", {"opcode": "IORING_REGISTER_FILES", "arg": [opened["ret"], -1]}
    )
    assert registered["ret"] == 0
    assert (await ask.done(f"GET {ring}"))["user_files"] == 2
    sqes = [
        {"opcode": "IORING_OP_FILES_UPDATE", "fds": [opened["ret"]], "off": 1, "user_data": 1},
        {"opcode": "IORING_OP_FIXED_FD_INSTALL", "fd": 1, "flags": ["IOSQE_FIXED_FILE"], "user_data": 2},
    ]
    entered = await ask.done(f"POST {ring}/enter", {"sqes": sqes})
    (_, updated), (_, installed) = [(cqe["user_data"], cqe["res"]) for cqe in entered["cqes"]]
    assert updated == 1
    assert (await ask.syscall("fstat", fd=installed))[0] == 200
    assert (await ask.done("GET /v1/mq/jobs"))["files"] == 1  # one open file, however many refer to it


# ---------------------------------------------------------------------------------------------------------- register


async def test_the_probe_tells_every_opcode_and_which_are_there(ask: Ask, ring: str):
    shown = await ask.done(f"POST {ring}/register", {"opcode": "IORING_REGISTER_PROBE"})
    assert set(shown) == {"ops"}
    assert len(shown["ops"]) == 63
    assert shown["ops"][0] == {"op": "IORING_OP_NOP", "flags": ["IO_URING_OP_SUPPORTED"]}
    assert shown["ops"][22] == {"op": "IORING_OP_READ", "flags": []}
    assert [number for number, op in enumerate(shown["ops"]) if op["flags"]] == sorted(TASK_OPS)


@pytest.mark.parametrize(
    ("body", "refusal"),
    [({"opcode": "IORING_REGISTER_FILES", "arg": [99]}, (422, "EBADF")),
     ({"opcode": "IORING_UNREGISTER_FILES"}, (404, "ENXIO")), ({"opcode": 99}, (422, "EINVAL")),
     ({"opcode": "IORING_REGISTER_BUFFERS", "arg": [{"iov_base": 4096, "iov_len": 10}]}, (422, "EINVAL")),
     ({"opcode": "IORING_REGISTER_EVENTFD", "arg": 0}, (422, "EINVAL")), ({"opcode": "NOPE"}, (400, None)),
     ({"opcode": "IORING_REGISTER_FILES", "arg": {"fd": 1}}, (422, "EFAULT")),
     ({"opcode": "IORING_REGISTER_FILES"}, (422, "EFAULT")),
     ({}, (400, None)), ({"opcode": "IORING_REGISTER_PROBE", "colour": 1}, (400, None))],
)  # fmt: skip
async def test_what_cannot_be_registered(ask: Ask, ring: str, body, refusal):
    assert await ask.refused(f"POST {ring}/register", body) == refusal


# --------------------------------------------------------------------------------------------------------- vanishing


async def test_completions_that_were_there_stay_when_who_waits_for_more_vanishes(running: Service, ask: Ask, ring: str):
    vanish = await post(running, f"{ring}/enter", '{"sqes": [{"opcode": 0}], "min_complete": 2, "wait": 60}')
    await eventually(lambda: sleepers(running) == 1)
    vanish()
    await eventually(lambda: sleepers(running) == 0)
    entered = await ask.done(f"POST {ring}/enter")
    assert entered == {"submitted": 0, "cqes": [{"user_data": 0, "res": 0, "flags": []}]}


async def test_a_timeout_in_flight_ends_with_its_ring(running: Service, ask: Ask, ring: str):
    await ask.done(f"POST {ring}/enter", {"sqes": [{"opcode": "IORING_OP_TIMEOUT", "ts_ns": 3_600_000 * MS}]})
    assert running.runtime.kernel.next_deadline_in() is not None
    await ask.done(f"DELETE {ring}")
    assert running.runtime.kernel.next_deadline_in() is None

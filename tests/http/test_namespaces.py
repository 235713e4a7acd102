"""Namespaces by REST: listed, shown, set, pinned; entered and left by tasks; leases."""

from __future__ import annotations

import pytest

from usernel.compose import Service

from .asking import Ask

IPC = 0xEFFFFFFF


async def test_they_are_listed_by_kind(ask: Ask):
    made = await ask.done("POST /v1/tasks", {"unshare": ["ipc", "CLONE_NEWUTS"]})
    shown = await ask.done("GET /v1/namespaces?type=ipc")
    assert [item["link"] for item in shown["items"]] == [f"ipc:[{IPC}]", made["ns"]["ipc"]]
    assert {item["type"] for item in (await ask.done("GET /v1/namespaces"))["items"]} == set(made["ns"]) - {
        "pid_for_children", "time_for_children",
    }  # fmt: skip
    assert await ask.refused("GET /v1/namespaces?type=nope") == (422, "EINVAL")


async def test_pages_go_on_from_the_last(ask: Ask):
    first = await ask.done("GET /v1/namespaces?limit=5")
    second = await ask.done(f"GET /v1/namespaces?limit=5&after={first['next']}")
    assert [len(page["items"]) for page in (first, second)] == [5, 3]
    assert second["next"] is None


async def test_one_is_shown_with_its_limits_and_written(ask: Ask):
    shown = await ask.done(f"GET /v1/namespaces/{IPC}")
    assert (shown["type"], shown["parent"], shown["tasks"], shown["sysctls"]["kernel.msgmni"]) == (
        "ipc",
        None,
        2,
        32000,
    )
    changed = await ask.done(f"PATCH /v1/namespaces/{IPC}", {"sysctls": {"kernel.msgmni": 0}})
    assert changed["sysctls"]["kernel.msgmni"] == 0
    assert await ask.refused("POST /v1/msg", {"key": 1, "flags": "IPC_CREAT"}) == (429, "ENOSPC")
    for body, refusal in (
        ({"sysctls": {"kernel.msgmni": -1}}, (422, "EINVAL")),
        ({"sysctls": {"kernel.nope": 1}}, (404, "ENOENT")),
        ({"sysctls": 5}, (400, None)),
        ({"nope": 1}, (400, None)),
    ):
        assert await ask.refused(f"PATCH /v1/namespaces/{IPC}", body) == refusal
    for number, refusal in (("1", (404, "ENOENT")), ("x", (400, None))):
        assert await ask.refused(f"GET /v1/namespaces/{number}") == refusal


async def test_a_pinned_one_outlives_its_tasks(ask: Ask):
    made = await ask.done("POST /v1/tasks", {"unshare": "ipc"})
    number = made["ns"]["ipc"][5:-1]
    assert (await ask.done(f"PATCH /v1/namespaces/{number}", {"pinned": True}))["pinned"] is True
    await ask(f"DELETE /v1/tasks/{made['pid']}")
    assert (await ask.done(f"GET /v1/namespaces/{number}"))["tasks"] == 0
    await ask.done(f"PATCH /v1/namespaces/{number}", {"pinned": False})
    assert await ask.refused(f"GET /v1/namespaces/{number}") == (404, "ENOENT")


async def test_a_task_enters_by_link_and_by_another_task(ask: Ask):
    tenant = await ask.done("POST /v1/tasks", {"unshare": ["ipc", "uts"]})
    guest = (await ask.done("POST /v1/tasks", {}))["pid"]
    links = await ask.done(f"POST /v1/tasks/{guest}/setns", {"ns": tenant["ns"]["ipc"]})
    assert links["ipc"] == tenant["ns"]["ipc"]
    links = await ask.done(f"POST /v1/tasks/{guest}/setns", {"pid": tenant["pid"], "flags": ["CLONE_NEWUTS"]})
    assert links["uts"] == tenant["ns"]["uts"]
    assert (await ask.done(f"GET /v1/tasks/{guest}"))["fds"] == 0


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        ({"ns": "ipc:[1]"}, (404, "ENOENT")),
        ({"ns": "ipc"}, (400, None)),
        ({"ns": "nope:[4026531839]"}, (400, None)),
        ({}, (400, None)),
        ({"ns": "ipc:[4026531839]", "pid": 2}, (400, None)),
        ({"pid": 2}, (422, "EINVAL")),
        ({"pid": 9999, "flags": "ipc"}, (404, "ESRCH")),
        ({"ns": "ipc:[4026531839]", "flags": "CLONE_NEWUTS"}, (422, "EINVAL")),
        ({"ns": "user:[4026531837]"}, (422, "EINVAL")),
    ],
)
async def test_where_nobody_can_go(ask: Ask, body, refusal: tuple[int, str | None]):
    guest = (await ask.done("POST /v1/tasks", {}))["pid"]
    assert await ask.refused(f"POST /v1/tasks/{guest}/setns", body) == refusal


async def test_only_with_the_capability(ask: Ask):
    guest = (await ask.done("POST /v1/tasks", {"uid": 1000, "gid": 1000}))["pid"]
    for body in ({"ns": f"ipc:[{IPC}]"}, {"pid": 2, "flags": "ipc"}):
        assert await ask.refused(f"POST /v1/tasks/{guest}/setns", body) == (403, "EPERM")
    assert await ask.refused(f"POST /v1/tasks/{guest}/unshare", {"flags": "ipc"}) == (403, "EPERM")
    assert (await ask(f"POST /v1/tasks/{guest}/unshare", {"flags": ["user", "ipc"]}))[0] == 200


async def test_a_lease_is_renewed(running: Service, ask: Ask):
    made = await ask.done("POST /v1/tasks", {"ttl": 5})
    await ask.done(f"PATCH /v1/tasks/{made['pid']}", {"ttl": 50})
    kernel = running.runtime.kernel
    kernel.tick(kernel.realtime_ns, kernel.monotonic_ns + 40 * 10**9)
    assert made["pid"] in kernel.tasks
    assert await ask.refused(f"PATCH /v1/tasks/{made['pid']}", {"ttl": 0}) == (422, "EINVAL")
    forever = (await ask.done("POST /v1/tasks", {}))["pid"]
    assert await ask.refused(f"PATCH /v1/tasks/{forever}", {"ttl": 5}) == (422, "EINVAL")


async def test_pids_are_read_where_the_request_acts(ask: Ask):
    inside = (await ask.done("POST /v1/tasks", {"unshare": "pid"}))["pid"]
    assert (await ask.done("GET /v1/tasks/1", task=inside))["nspid"] == [inside, 1]
    assert [item["pid"] for item in (await ask.done("GET /v1/tasks", task=inside))["items"]] == [1]
    assert await ask.refused("GET /v1/tasks/2", task=inside) == (404, "ESRCH")

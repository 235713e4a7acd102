"""Tasks by REST, and who acts."""

from __future__ import annotations

import pytest

from usernel.compose import Service

from .asking import Ask

TASK_FIELDS = {
    "pid", "tgid", "ppid", "pgid", "sid", "comm", "state", "uid", "euid", "suid", "gid", "egid", "sgid", "groups",
    "cap_inh", "cap_prm", "cap_eff", "cap_bnd", "cap_amb", "nice", "umask", "ns", "nspid", "threads", "children", "fds",
    "signals", "calls",
}  # fmt: skip
LINKS = {
    "cgroup", "ipc", "mnt", "net", "pid", "pid_for_children", "time", "time_for_children", "user", "uts",
}  # fmt: skip


async def test_a_task_is_made_shown_listed_and_ended(ask: Ask):
    status, made = await ask("POST /v1/tasks", {"uid": 1000, "gid": 100, "groups": [5], "comm": "worker"})
    assert (status, set(made)) == (201, TASK_FIELDS)
    named = ("ppid", "comm", "uid", "euid", "gid", "groups", "cap_eff")
    assert [made[name] for name in named] == [1, "worker", 1000, 1000, 100, [5], "0000000000000000"]
    assert await ask(f"GET /v1/tasks/{made['pid']}") == (200, made)
    shown = await ask.done("GET /v1/tasks")
    assert [item["pid"] for item in shown["items"]] == [1, 2, made["pid"]]
    assert await ask(f"DELETE /v1/tasks/{made['pid']}") == (204, None)
    for line in ("GET", "DELETE"):
        assert await ask.refused(f"{line} /v1/tasks/{made['pid']}") == (404, "ESRCH")


@pytest.mark.parametrize("flags", ["ipc", "CLONE_NEWIPC", ["ipc"], ["CLONE_NEWIPC"], 0x08000000, [0x08000000]])
async def test_a_new_ipc_namespace_is_asked_for_in_several_ways(ask: Ask, flags):
    default = (await ask.done("GET /v1/tasks/2"))["ns"]
    born = await ask.done("POST /v1/tasks", {"unshare": flags})
    plain = await ask.done("POST /v1/tasks", {})
    assert plain["ns"] == default != born["ns"]
    status, links = await ask(f"POST /v1/tasks/{plain['pid']}/unshare", {"flags": flags})
    assert (status, set(links)) == (200, LINKS)
    assert links["ipc"].startswith("ipc:[")
    assert len({links["ipc"], default["ipc"], born["ns"]["ipc"]}) == 3
    assert await ask(f"GET /v1/tasks/{plain['pid']}/ns") == (200, links)


async def test_queues_are_those_of_the_tasks_namespace(ask: Ask, msqid: int, jobs: str):
    apart = (await ask.done("POST /v1/tasks", {"unshare": "ipc"}))["pid"]
    for path in ("/v1/msg", "/v1/mq"):
        assert await ask.done(f"GET {path}", task=apart) == {"items": [], "next": None}
    assert (await ask("POST /v1/msg", {"key": 0x4D2, "flags": "IPC_CREAT"}, task=apart))[0] == 201


async def test_a_ttl_ends_a_task(running: Service, ask: Ask):
    made = await ask.done("POST /v1/tasks", {"ttl": 5})
    kernel = running.runtime.kernel
    kernel.tick(kernel.realtime_ns, kernel.monotonic_ns + 4_999_000_000)
    assert made["pid"] in kernel.tasks
    kernel.tick(kernel.realtime_ns, kernel.monotonic_ns + 5_000_000_000)
    assert await ask.refused(f"GET /v1/tasks/{made['pid']}") == (404, "ESRCH")


@pytest.mark.parametrize(
    "body",
    [{"uid": "0"}, {"uid": -(2**40)}, {"groups": 5}, {"unshare": "CLONE_NOPE"}, {"comm": 5}, {"ttl": 1.5},
     {"cap": []}, {"daemon": True}, [], b"{"],
)  # fmt: skip
async def test_what_is_no_body_is_400_and_makes_no_task(ask: Ask, body):
    assert await ask.refused("POST /v1/tasks", body) == (400, None)
    assert len((await ask.done("GET /v1/tasks"))["items"]) == 2


@pytest.mark.parametrize(("body", "refusal"), [({"ttl": 0}, (422, "EINVAL")), ({"unshare": 0x400}, (422, "EINVAL"))])
async def test_the_kernel_judges_what_has_the_right_shape(ask: Ask, body, refusal: tuple[int, str]):
    assert await ask.refused("POST /v1/tasks", body) == refusal


async def test_init_and_the_default_task_survive_a_delete(ask: Ask):
    for pid in (1, 2):
        await ask(f"DELETE /v1/tasks/{pid}")
        assert (await ask.done(f"GET /v1/tasks/{pid}"))["pid"] == pid


async def test_a_request_acts_as_the_task_it_names(ask: Ask):
    worker = (await ask.done("POST /v1/tasks", {"uid": 1000}))["pid"]
    made = await ask.done("POST /v1/msg", {"key": 0}, task=worker)
    assert (await ask.done(f"GET /v1/msg/{made['msqid']}"))["msg_perm"]["cuid"] == 1000
    assert (await ask.done("GET /v1/msg/0", task=worker))["msg_perm"]["uid"] == 1000
    _, root = await ask.syscall("getpid")
    _, acting = await ask.syscall("getpid", worker)
    assert (root["ret"], acting["ret"]) == (2, worker)


async def test_a_task_may_act_as_itself_and_its_descendants_and_as_no_other(ask: Ask):
    alice, bob = [(await ask.done("POST /v1/tasks", {"uid": uid}))["pid"] for uid in (1000, 1001)]
    child = (await ask.syscall("fork", alice))[1]["ret"]
    grandchild = (await ask.syscall("fork", child))[1]["ret"]
    line = "POST /v1/tasks/{}/syscalls/getpid"
    for pid in (alice, child, grandchild):
        assert await ask(line.format(pid), {}, task=alice) == (200, {"ret": pid})
    for pid in (bob, 1, 2):
        assert await ask.refused(line.format(pid), {}, task=alice) == (403, "EPERM")
        assert await ask.refused(f"POST /v1/tasks/{pid}/unshare", {"flags": 0}, task=alice) == (403, "EPERM")
    assert await ask.refused(f"DELETE /v1/tasks/{bob}", task=alice) == (403, "EPERM")
    assert await ask.refused(line.format(9999), {}, task=alice) == (404, "ESRCH")


async def test_a_task_that_is_not_there_acts_nowhere(ask: Ask):
    lines = ("GET /v1/msg", "GET /v1/mq", "GET /v1/tasks", "POST /v1/tasks", "GET /v1/tasks/2/ns", "GET /v1/msg/0",
             "POST /v1/tasks/2/syscalls/getpid")  # fmt: skip
    for line in lines:
        assert await ask.refused(line, task=9999) == (404, "ESRCH"), line
    assert await ask.refused("POST /v1/tasks/9999/syscalls/getpid") == (404, "ESRCH")


@pytest.mark.parametrize("pid", ["x", "", "-1", "1.5", "²", "9" * 11, "0x2"])
async def test_what_is_no_pid_is_400(ask: Ask, pid: str):
    assert await ask.refused("GET /v1/msg", Usernel_Task=pid) == (400, None)
    if pid:
        assert await ask.refused(f"GET /v1/tasks/{pid}") == (400, None)


LATER = (
    "GET /v1/mounts", "POST /v1/mounts", "DELETE /v1/mounts", "GET /v1/files/a/b", "PUT /v1/files/a",
    "POST /v1/fanotify", "GET /v1/fanotify/1", "POST /v1/fanotify/1/marks", "GET /v1/fanotify/1/events?wait=1",
    "GET /v1/fanotify/1/pending", "POST /v1/fanotify/1/responses", "GET /v1/watch?path=/",
)  # fmt: skip


@pytest.mark.parametrize("line", LATER)
async def test_what_is_not_there_yet_is_501_with_a_sentence(ask: Ask, line: str):
    status, shown = await ask(line)
    path = line.split()[1].partition("?")[0]
    assert (status, shown["detail"]) == (501, f"{path} is not served by this version of usernel")


@pytest.mark.parametrize(("line", "status"), [("GET /v1/nothing", 404), ("GET /", 404), ("PUT /v1/msg", 405)])
async def test_no_such_route(ask: Ask, line: str, status: int):
    assert await ask.refused(line) == (status, None)


async def test_a_wrong_method_is_told_the_right_ones(ask: Ask):
    async with ask.session.request("PUT", "/v1/msg") as response:
        assert response.headers["Allow"] == "GET,POST"

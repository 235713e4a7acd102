"""Namespaces by the client: made, entered, listed; children waited for."""

from __future__ import annotations

import os

from usernel.compose import Service
from usernel_client import Client, SyncClient

from .embedded import eventually
from .outcome import errno_of


async def test_two_namespaces_with_the_same_key_and_name_never_meet(client: Client):
    one, two = await client.fork(unshare="CLONE_NEWIPC"), await client.fork(unshare="CLONE_NEWIPC")
    for task in (one, two):
        queue = await task.msgget(0x4D2, "IPC_CREAT | IPC_EXCL", mode=0o600)
        jobs = await task.mq_open("jobs", "O_CREAT | O_EXCL | O_RDWR", attr={"mq_maxmsg": 1, "mq_msgsize": 8})
        await queue.send(str(task.pid))
        await jobs.send(str(task.pid))
    for task in (one, two):
        assert (await (await task.msgget(0x4D2)).receive()).data == str(task.pid).encode()
        assert (await (await task.mq_open("jobs")).receive()).data == str(task.pid).encode()


async def test_entering_wants_the_capability(client: Client):
    tenant = await client.fork(unshare="CLONE_NEWIPC")
    stranger = await client.fork(uid=1000, cap=[])
    inum = int((await tenant.ns())["ipc"][5:-1])
    assert await errno_of(stranger.setns(inum)) == "EPERM"
    assert await errno_of(stranger.setns(tenant, "CLONE_NEWIPC")) == "EPERM"
    guest = await client.fork()
    await guest.setns(inum)
    assert (await guest.ns())["ipc"] == (await tenant.ns())["ipc"]
    assert (await guest.calls.task_stat()).out["fds"] == 0


async def test_a_rootless_task_becomes_root_in_its_own_user_namespace_and_no_further(client: Client):
    rootless = await client.fork(uid=1000, gid=1000, cap=[])
    assert await errno_of(rootless.unshare("CLONE_NEWIPC")) == "EPERM"
    await rootless.unshare(["CLONE_NEWUSER", "CLONE_NEWIPC"])
    await rootless.calls.proc_pid_write(0, "uid_map", "0 1000 1")
    assert await rootless.calls.getuid() == 0
    await rootless.sysctl("kernel.msgmni", 5)
    assert await errno_of(rootless.setns(client.task(2), "CLONE_NEWIPC")) == "EPERM"


async def test_listing_goes_over_its_pages(client: Client, monkeypatch):
    tenants = [await client.fork(unshare="CLONE_NEWUTS") for _ in range(3)]
    links = {(await tenant.ns())["uts"] for tenant in tenants}
    found = {ns["link"] for ns in await client.namespaces("uts")}
    assert links < found
    assert {ns["type"] for ns in await client.namespaces()} == {
        "ipc", "uts", "user", "pid", "mnt", "net", "cgroup", "time",
    }  # fmt: skip


async def test_a_child_is_waited_for(client: Client):
    child = await client.fork()
    await client.kill(child.pid, "SIGTERM")
    pid, status = await client.waitpid(child.pid)
    assert (pid, os.waitstatus_to_exitcode(status)) == (child.pid, -15)
    assert await errno_of(client.waitpid()) == "ECHILD"


async def test_connections_leave_no_zombies(running: Service):
    before = dict(running.runtime.kernel.pids)
    for _ in range(3):
        async with Client(running.url) as connected:
            child = await connected.fork()
            await connected.kill(child.pid)
    await eventually(lambda: dict(running.runtime.kernel.pids) == before)


def test_the_same_without_asyncio(sync: SyncClient):
    tenant = sync.fork(unshare="CLONE_NEWIPC")
    guest = sync.fork()
    guest.setns(tenant, "CLONE_NEWIPC")
    assert guest.ns()["ipc"] == tenant.ns()["ipc"] != sync.ns()["ipc"]
    guest.unshare("CLONE_NEWIPC")
    assert guest.ns()["ipc"] not in {tenant.ns()["ipc"], sync.ns()["ipc"]}
    assert len(sync.namespaces("ipc")) == 3
    sync.kill(guest.pid, "SIGKILL")
    assert sync.waitpid() == (guest.pid, 9)

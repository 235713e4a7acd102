"""Whose world: tenants that never meet, who may enter, root in a user namespace and no further, pidfds."""

from __future__ import annotations

import os

from usernel_client import Client
from usernel_client.client import Task

from .tour import Tour, errno_of


async def chapter(tour: Tour) -> None:
    """Show namespaces and processes."""
    tour.chapter("Namespaces and processes")
    async with Client(tour.url) as client:
        await _tenants(tour, client)
        await _rootless(tour, client)
        await _processes(tour, client)


async def _tenants(tour: Tour, client: Client) -> None:
    one, two = await client.fork(unshare="CLONE_NEWIPC"), await client.fork(unshare="CLONE_NEWIPC")
    for tenant, text in ((one, b"of one"), (two, b"of two")):
        await (await tenant.msgget(0x7E4A, "IPC_CREAT | IPC_EXCL", mode=0o600)).send(text)
    tour.show("two tenants made the same key; the first receives", await _first(one), "of one")
    tour.show("... and the second", await _first(two), "of two")
    guest = await client.fork()
    await guest.setns(one, "CLONE_NEWIPC")
    entered = (await guest.ns())["ipc"] == (await one.ns())["ipc"]
    tour.show("setns(pidfd of the first, CLONE_NEWIPC) by root: in the same namespace", entered, True)
    stranger = await client.fork(uid=1000, cap=[])
    tour.show("... by somebody without CAP_SYS_ADMIN", await errno_of(stranger.setns(one, "CLONE_NEWIPC")), "EPERM")


async def _first(task: Task) -> str:
    return (await (await task.msgget(0x7E4A)).receive()).data.decode()


async def _rootless(tour: Tour, client: Client) -> None:
    rootless = await client.fork(uid=1000, gid=1000, cap=[])
    await rootless.unshare("CLONE_NEWUSER | CLONE_NEWIPC | CLONE_NEWUTS")
    await rootless.calls.proc_pid_write(0, "uid_map", "0 1000 1")
    tour.show("uid 1000 unshared a user namespace and mapped itself: getuid", await rootless.calls.getuid(), 0)
    await rootless.calls.sethostname("tenant")
    shown = (await rootless.calls.uname()).out or {}
    tour.show("... it may name its own host", shown["nodename"], "tenant")
    tour.show("... and no other: setns into root's", await errno_of(rootless.setns(client.task(2), "CLONE_NEWUTS")),
              "EPERM")  # fmt: skip


async def _processes(tour: Tour, client: Client) -> None:
    child = await client.fork(unshare="CLONE_NEWPID")
    tour.show("a child in a new pid namespace calls itself", await child.calls.getpid(), 1)
    pidfd = await client.calls.pidfd_open(child.pid)
    await client.calls.pidfd_send_signal(pidfd, "SIGKILL")
    pid, status = await client.waitpid(child.pid)
    tour.show("a pidfd kills it; wait4 tells how it ended", (pid == child.pid, os.waitstatus_to_exitcode(status)),
              (True, -9))  # fmt: skip
    tour.show("... and goes on naming what ended", await errno_of(client.calls.pidfd_send_signal(pidfd, 0)), "ESRCH")

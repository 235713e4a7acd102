"""Acting as other tasks; limits of the namespace."""

from __future__ import annotations

import asyncio

from usernel.compose import Service
from usernel_client import Client, MessageQueue, PosixQueue, Result

from .embedded import eventually, sleepers
from .outcome import errno_of


async def test_a_connection_is_a_task_of_its_own(client: Client, other: Client):
    assert [await client.calls.getpid(), await other.calls.getpid()] == [3, 4]
    assert [await client.calls.getppid(), await other.calls.getppid()] == [2, 2]


async def test_a_child_has_its_own_credentials(client: Client):
    child = await client.fork(uid=1000, gid=1001, comm="alice")
    shown = (await client.calls.task_stat(child.pid)).out or {}
    assert (shown["uid"], shown["gid"], shown["comm"], shown["ppid"]) == (1000, 1001, "alice", 3)
    assert await child.calls.getpid() == child.pid
    assert repr(child) == f"<task {child.pid}>"


async def test_another_user_gets_eacces(client: Client, queue: MessageQueue, jobs: PosixQueue):
    stranger = await client.fork(uid=1001, gid=1001, cap=[])
    theirs = stranger.msg(queue.msqid)
    assert await errno_of(theirs.send(b"x")) == "EACCES"
    assert await errno_of(theirs.receive(flags="IPC_NOWAIT")) == "EACCES"
    assert await errno_of(theirs.stat()) == "EACCES"
    assert await errno_of(theirs.remove()) == "EPERM"
    assert await errno_of(stranger.mq_open(jobs.name)) == "EACCES"
    assert await errno_of(stranger.mq_unlink(jobs.name)) == "EPERM"


async def test_a_denied_send_does_not_deny_another_task_its_own(client: Client, queue: MessageQueue):
    stranger = (await client.fork(uid=1001, cap=[])).msg(queue.msqid)
    outcomes = await asyncio.gather(errno_of(stranger.send(b"no")), errno_of(queue.send(b"yes")))
    assert outcomes == ["EACCES", "returned None"]
    assert (await queue.receive()).data == b"yes"


async def test_a_task_is_acted_as_by_its_pid(client: Client, queue: MessageQueue):
    child = await client.fork(uid=1000, cap=[])
    assert await errno_of(client.task(child.pid).msg(queue.msqid).send(b"x")) == "EACCES"
    assert client.task(child.pid).pid == child.pid
    assert await errno_of(client.task(99).calls.getpid()) == "ESRCH"


async def test_descriptors_are_those_of_the_task(client: Client, jobs: PosixQueue):
    stranger = await client.fork(close_fds=True)
    assert await errno_of(stranger.calls.close(jobs.mqdes)) == "EBADF"
    assert await client.calls.close(jobs.mqdes) == 0


async def test_an_ipc_namespace_of_its_own_has_other_queues(client: Client, queue: MessageQueue):
    alone = await client.fork(unshare=["CLONE_NEWIPC"])
    assert await errno_of(alone.msgget(0x4D2)) == "ENOENT"
    assert (await alone.msgget(0x4D2, "IPC_CREAT")).msqid == 0
    assert (await client.calls.msg_list()).out["queues"][0]["msg_perm"]["key"] == 0x4D2


async def test_sysctl_is_read_and_written_in_the_namespace(client: Client):
    alone = await client.fork(unshare="CLONE_NEWIPC")
    assert await client.sysctl("kernel.msgmnb") == 16384
    assert await alone.sysctl("kernel.msgmnb", 100) == 100
    assert [await alone.sysctl("kernel.msgmnb"), await client.sysctl("kernel.msgmnb")] == [100, 16384]
    assert await errno_of(client.sysctl("kernel.nothing")) == "ENOENT"


async def test_a_caught_signal_interrupts_a_sleeping_receive(running: Service, client: Client, queue: MessageQueue):
    child = await client.fork()
    await child.calls.rt_sigaction("SIGUSR1", {"sa_handler": "SIG_CATCH"})
    waiting = asyncio.create_task(errno_of(child.msg(queue.msqid).receive()))
    await eventually(lambda: sleepers(running) == 1)
    await client.calls.kill(child.pid, "SIGUSR1")
    assert await waiting == "EINTR"


async def test_a_killed_child_is_gone(client: Client):
    child = await client.fork()
    assert await client.calls.kill(child.pid, "SIGKILL") == 0
    assert await errno_of(child.calls.getpid()) == "ESRCH"


async def test_masks_and_priorities_are_the_tasks(client: Client):
    child = await client.fork()
    assert [await child.calls.umask(0o077), await child.calls.umask(0)] == [0o022, 0o077]
    assert await client.calls.umask("022") == 0o022
    assert await child.calls.setpriority("PRIO_PROCESS", 0, 5) == 0
    assert await child.calls.getpriority("PRIO_PROCESS") == 15


async def test_poll_says_what_is_ready(client: Client, jobs: PosixQueue):
    watched = {"fd": jobs.mqdes, "events": ["POLLIN", "POLLOUT"]}
    assert await client.calls.poll([watched], 0) == Result(1, {"fds": [{**watched, "revents": ["POLLOUT"]}]})
    await jobs.send(b"x")
    assert await client.calls.poll([watched]) == Result(1, {"fds": [{**watched, "revents": ["POLLIN", "POLLOUT"]}]})

"""Random histories of POSIX queue calls come to the same on Linux and on usernel, sleepers and their order included."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from .histories import History, run
from .linux import (
    O_CREAT,
    O_EXCL,
    O_NONBLOCK,
    O_RDONLY,
    O_RDWR,
    O_WRONLY,
    POLLIN,
    POLLOUT,
    PRIO_PROCESS,
    RLIMIT_MSGQUEUE,
    SIG_BLOCK,
    SIGEV_NONE,
    SIGEV_SIGNAL,
    SIGRTMIN,
    SIGTERM,
    SIGUSR1,
    SIGUSR2,
)
from .targets import native

TASKS: dict[str, dict[str, Any]] = {
    "b": {"uid": 4401, "gid": 4400},
    "c": {"uid": 4401, "gid": 4400},
    "d": {"uid": 4402, "gid": 4402, "groups": [4400]},
    "e": {},
    "f": {},
    "g": {},
}
NAMES = ("p", "q", "r")
PAST = {"tv_sec": 0, "tv_nsec": 0}
INVALID = {"tv_sec": 0, "tv_nsec": 10**9}
draw_task = st.integers(0, 100)
descriptors = st.sampled_from([0, 0, 1, 1, 2, 3])
limits = st.sampled_from([None, None, None, PAST, INVALID])
access = st.sampled_from([O_RDWR, O_RDWR, O_RDWR, O_RDONLY, O_WRONLY])


class Posix(History):
    """Six tasks that may sleep and root, who never does, on three names and a few descriptors."""

    in_order: ClassVar[bool] = False  # tasks are to differ in their nice values

    @initialize(maxmsg=st.sampled_from([1, 2, 3]))
    def begin(self, maxmsg: int) -> None:
        self.sent = 0
        attr = {"mq_maxmsg": maxmsg, "mq_msgsize": 4}
        self.twin.call("root", "mq_open", name="q", oflag=O_CREAT | O_RDWR, mode=0o666, attr=attr)
        for name in TASKS:
            self.bear(name)

    def bear(self, name: str) -> None:
        """A task that catches two signals, blocks two, and may have 800 bytes of queues as a user."""
        self.twin.fork("root", name, **TASKS[name])
        self.grow_up(name)
        self.twin.call(name, "rt_sigprocmask", how=SIG_BLOCK, set=[SIGTERM, SIGRTMIN])
        if TASKS[name]:
            room = {"rlim_cur": 800, "rlim_max": 819200}
            self.twin.call(name, "prlimit64", pid=name, resource=RLIMIT_MSGQUEUE, new_limit=room)

    def one_of(self, number: int) -> str:
        idle = self.twin.idle
        return idle[number % len(idle)]

    @rule(who=draw_task, name=st.sampled_from(NAMES), flags=access, mode=st.sampled_from([0o666, 0o640, 0o600, 0o444]),
          more=st.sampled_from([0, O_CREAT, O_CREAT, O_CREAT | O_EXCL]), nonblock=st.booleans(),
          maxmsg=st.sampled_from([1, 2, 5, 10, 11]), msgsize=st.sampled_from([4, 4, 100, 0]))  # fmt: skip
    def open(
        self, who: int, name: str, flags: int, mode: int, more: int, nonblock: bool, maxmsg: int, msgsize: int
    ) -> None:
        oflag = flags | more | (O_NONBLOCK if nonblock else 0)
        attr = {"mq_maxmsg": maxmsg, "mq_msgsize": msgsize}
        self.twin.call(self.one_of(who), "mq_open", name=name, oflag=oflag, mode=mode, attr=attr)

    @rule(who=draw_task, fd=descriptors, size=st.integers(0, 5), priority=st.sampled_from([0, 1, 2, 32767, 32768]),
          limit=limits)  # fmt: skip
    def send(self, who: int, fd: int, size: int, priority: int, limit: dict[str, int] | None) -> None:
        task = self.one_of(who)
        self.sent += 1
        data = (b"%d:" % self.sent * 4)[:size]
        limit = limit or (PAST if task == "root" else None)
        self.twin.call(task, "mq_timedsend", mqdes=fd, data=data, msg_prio=priority, abs_timeout=limit)

    @rule(who=draw_task, fd=descriptors, room=st.sampled_from([3, 4, 4, 4, 100]), limit=limits)
    def receive(self, who: int, fd: int, room: int, limit: dict[str, int] | None) -> None:
        task = self.one_of(who)
        limit = limit or (PAST if task == "root" else None)
        self.twin.call(task, "mq_timedreceive", mqdes=fd, msg_len=room, abs_timeout=limit)

    @rule(who=draw_task, name=st.sampled_from(NAMES))
    def unlink(self, who: int, name: str) -> None:
        self.twin.call(self.one_of(who), "mq_unlink", name=name)

    @rule(who=draw_task, fd=descriptors)
    def close(self, who: int, fd: int) -> None:
        self.twin.call(self.one_of(who), "close", fd=fd)

    @rule(who=draw_task, fd=descriptors)
    def dup(self, who: int, fd: int) -> None:
        self.twin.call(self.one_of(who), "dup", fd=fd)

    @rule(who=draw_task, fd=descriptors, flags=st.sampled_from([None, None, 0, O_NONBLOCK, 1]))
    def attributes(self, who: int, fd: int, flags: int | None) -> None:
        new = None if flags is None else {"mq_flags": flags}
        self.twin.call(self.one_of(who), "mq_getsetattr", mqdes=fd, newattr=new)

    @rule(who=draw_task, fd=descriptors, count=st.sampled_from([1, 30, 200]))
    def status(self, who: int, fd: int, count: int) -> None:
        task = self.one_of(who)
        self.twin.call(task, "read", fd=fd, count=count)
        self.twin.call(task, "fstat", fd=fd)

    @rule(who=draw_task, fds=st.lists(st.integers(-1, 4), min_size=1, max_size=3),
          events=st.sampled_from([POLLIN, POLLOUT, POLLIN | POLLOUT, 0]), sleep=st.booleans())  # fmt: skip
    def poll(self, who: int, fds: list[int], events: int, sleep: bool) -> None:
        task = self.one_of(who)
        timeout = -1 if sleep and task != "root" else 0
        self.twin.call(task, "poll", fds=[{"fd": fd, "events": events} for fd in fds], timeout=timeout)

    @rule(who=draw_task, fd=descriptors, kind=st.sampled_from([SIGEV_SIGNAL, SIGEV_SIGNAL, SIGEV_NONE, None]),
          signo=st.sampled_from([SIGTERM, SIGRTMIN, SIGUSR1, SIGUSR2, 65]))  # fmt: skip
    def notify(self, who: int, fd: int, kind: int | None, signo: int) -> None:
        event = None if kind is None else {"sigev_notify": kind, "sigev_signo": signo, "sigev_value": self.sent}
        task = self.one_of(who)
        if task != "root" or signo in {65} or kind != SIGEV_SIGNAL:
            self.twin.call(task, "mq_notify", mqdes=fd, notification=event)

    @rule(who=draw_task)
    def signals(self, who: int) -> None:
        task = self.one_of(who)
        self.twin.call(task, "rt_sigpending")
        self.twin.call(task, "rt_sigtimedwait", set=[SIGTERM, SIGRTMIN], timeout=PAST)

    @rule(who=draw_task, nice=st.sampled_from([-5, 0, 0, 5]))
    def renice(self, who: int, nice: int) -> None:
        tasks = self.twin.tasks
        self.twin.call("root", "setpriority", which=PRIO_PROCESS, who=tasks[who % len(tasks)], prio=nice)

    @precondition(lambda self: bool(self.twin.asleep))
    @rule(sleeper=draw_task, signo=st.sampled_from([SIGUSR1, SIGUSR2, 0]))
    def interrupt(self, sleeper: int, signo: int) -> None:
        asleep = self.twin.asleep
        self.twin.call("root", "kill", pid=asleep[sleeper % len(asleep)], sig=signo)

    @rule(name=st.sampled_from(["queues_max", "msg_max", "msgsize_max"]), value=st.sampled_from([1, 2, 10, 200]))
    def change_a_limit(self, name: str, value: int) -> None:
        self.twin.call("root", "sysctl", name=f"fs.mqueue.{name}", value=value)

    @rule(victim=draw_task)
    def replace_a_task(self, victim: int) -> None:
        tasks = [name for name in self.twin.tasks if name != "root"]
        name = tasks[victim % len(tasks)]
        self.twin.call("root", "kill", pid=name, sig=9)
        self.bear(name)


def test_usernel_does_what_linux_does(host_or_none: native.Hub | None) -> None:
    run(Posix, host_or_none, examples=80, steps=40)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_usernel_does_what_linux_does_for_long(host_or_none: native.Hub | None) -> None:
    run(Posix, host_or_none, examples=3000, steps=100)

"""Random histories of POSIX queue calls come to the same on Linux and on usernel, sleepers and their order included."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from hypothesis import strategies as st

from .histories import History, chance, run, weighted
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

PAST = {"tv_sec": 0, "tv_nsec": 0}
INVALID = {"tv_sec": 0, "tv_nsec": 10**9}
names = st.sampled_from(["p", "q", "q", "r"])
limits = st.sampled_from([None] * 8 + [PAST, INVALID])
sizes = st.sampled_from([0, 1, 2, 3, 4, 4, 4, 5])
rooms = st.sampled_from([4, 4, 4, 4, 4, 4, 3, 100])


class Posix(History):
    """Six tasks that may sleep, and root, on three names and a few descriptors."""

    in_order = False  # their nice values are to count
    tasks: ClassVar[dict[str, dict[str, Any]]] = {
        "b": {"uid": 4401, "gid": 4400},
        "c": {"uid": 4401, "gid": 4400},
        "d": {"uid": 4402, "gid": 4402, "groups": [4400]},
        "e": {},
        "f": {},
        "g": {},
    }
    steps = weighted(
        (14, "send", {
            "who": chance, "fd": chance, "size": sizes, "priority": st.sampled_from([0, 0, 1, 1, 2, 32767, 32768]),
            "limit": limits,
        }),
        (12, "receive", {"who": chance, "fd": chance, "room": rooms, "limit": limits}),
        (3, "poll", {
            "who": chance, "fds": st.lists(chance, min_size=1, max_size=3), "sleep": st.booleans(),
            "events": st.sampled_from([POLLIN, POLLOUT, POLLIN | POLLOUT, 0]),
        }),
        (3, "open", {
            "who": chance, "name": names, "flags": st.sampled_from([O_RDWR, O_RDWR, O_RDONLY, O_WRONLY]),
            "more": st.sampled_from([0, O_CREAT, O_CREAT, O_CREAT | O_EXCL]), "nonblock": st.booleans(),
            "mode": st.sampled_from([0o666, 0o666, 0o640, 0o600]), "maxmsg": st.sampled_from([1, 2, 5, 10, 11]),
            "msgsize": st.sampled_from([4, 4, 100, 0]),
        }),
        (2, "notify", {
            "who": chance, "fd": chance, "kind": st.sampled_from([SIGEV_SIGNAL, SIGEV_SIGNAL, SIGEV_NONE, None]),
            "signo": st.sampled_from([SIGTERM, SIGRTMIN, SIGUSR1, SIGUSR2, 65]),
        }),
        (2, "signals", {"who": chance}),
        (2, "renice", {"who": chance, "nice": st.sampled_from([-5, 0, 0, 5])}),
        (3, "interrupt", {"sleeper": chance, "signo": st.sampled_from([SIGUSR1, SIGUSR2, 0])}),
        (1, "attributes", {"who": chance, "fd": chance, "flags": st.sampled_from([None, 0, 0, O_NONBLOCK, 1])}),
        (1, "status", {"who": chance, "fd": chance, "count": st.sampled_from([1, 30, 200])}),
        (1, "unlink", {"who": chance, "name": names}),
        (1, "close", {"who": chance, "fd": chance}),
        (1, "dup", {"who": chance, "fd": chance}),
        (1, "change_a_limit", {
            "name": st.sampled_from(["queues_max", "msg_max", "msgsize_max"]),
            "value": st.sampled_from([1, 2, 10, 200]),
        }),
        (1, "replace", {"victim": chance, "signo": st.sampled_from([9])}),
    )  # fmt: skip

    def begin(self) -> None:
        self.open_fds: dict[str, set[int]] = {"root": set()}
        for name, maxmsg in (("q", 2), ("p", 1)):
            self.open(0, name, O_RDWR, O_CREAT, False, 0o666, maxmsg, 4)
        for name in self.tasks:
            self.bear(name)

    def bear(self, name: str) -> None:
        """A task that has two signals blocked; as a user it may have 800 bytes of queues."""
        super().bear(name)
        self.open_fds[name] = set(self.open_fds["root"])
        self.twin.call(name, "rt_sigprocmask", how=SIG_BLOCK, set=[SIGTERM, SIGRTMIN])
        if self.tasks[name]:
            room = {"rlim_cur": 800, "rlim_max": 819200}
            self.twin.call(name, "prlimit64", pid=name, resource=RLIMIT_MSGQUEUE, new_limit=room)

    def fd(self, task: str, number: int) -> int:
        """A descriptor that is open; sometimes one that is not."""
        found = sorted(self.open_fds[task])
        return number if number > 17 or not found else found[number % len(found)]

    def open(
        self, who: int, name: str, flags: int, more: int, nonblock: bool, mode: int, maxmsg: int, msgsize: int
    ) -> None:
        task = self.one_of(who)
        oflag = flags | more | (O_NONBLOCK if nonblock else 0)
        attr = {"mq_maxmsg": maxmsg, "mq_msgsize": msgsize}
        made = self.twin.call(task, "mq_open", name=name, oflag=oflag, mode=mode, attr=attr)
        self.open_fds[task] |= {made["ret"]} if "ret" in made else set()

    def send(self, who: int, fd: int, size: int, priority: int, limit: dict[str, int] | None) -> None:
        task = self.one_of(who)
        args = {"mqdes": self.fd(task, fd), "data": self.data(size), "msg_prio": priority}
        self.twin.call(task, "mq_timedsend", **args, abs_timeout=limit or (PAST if task == "root" else None))

    def receive(self, who: int, fd: int, room: int, limit: dict[str, int] | None) -> None:
        task = self.one_of(who)
        limit = limit or (PAST if task == "root" else None)
        self.twin.call(task, "mq_timedreceive", mqdes=self.fd(task, fd), msg_len=room, abs_timeout=limit)

    def unlink(self, who: int, name: str) -> None:
        self.twin.call(self.one_of(who), "mq_unlink", name=name)

    def close(self, who: int, fd: int) -> None:
        task = self.one_of(who)
        number = self.fd(task, fd)
        self.twin.call(task, "close", fd=number)
        self.open_fds[task].discard(number)

    def dup(self, who: int, fd: int) -> None:
        task = self.one_of(who)
        made = self.twin.call(task, "dup", fd=self.fd(task, fd))
        self.open_fds[task] |= {made["ret"]} if "ret" in made else set()

    def attributes(self, who: int, fd: int, flags: int | None) -> None:
        task = self.one_of(who)
        new = None if flags is None else {"mq_flags": flags}
        self.twin.call(task, "mq_getsetattr", mqdes=self.fd(task, fd), newattr=new)

    def status(self, who: int, fd: int, count: int) -> None:
        task = self.one_of(who)
        self.twin.call(task, "read", fd=self.fd(task, fd), count=count)
        self.twin.call(task, "fstat", fd=self.fd(task, fd))

    def poll(self, who: int, fds: list[int], events: int, sleep: bool) -> None:
        task = self.one_of(who)
        asked = [{"fd": self.fd(task, fd), "events": events} for fd in fds]
        self.twin.call(task, "poll", fds=asked, timeout=-1 if sleep and task != "root" else 0)

    def notify(self, who: int, fd: int, kind: int | None, signo: int) -> None:
        task = self.one_of(who)
        event = None if kind is None else {"sigev_notify": kind, "sigev_signo": signo, "sigev_value": self.sent}
        if task != "root":
            self.twin.call(task, "mq_notify", mqdes=self.fd(task, fd), notification=event)

    def signals(self, who: int) -> None:
        task = self.one_of(who)
        self.twin.call(task, "rt_sigpending")
        self.twin.call(task, "rt_sigtimedwait", set=[SIGTERM, SIGRTMIN], timeout=PAST)

    def renice(self, who: int, nice: int) -> None:
        tasks = [name for name in self.twin.tasks if name != "root"]
        self.twin.call("root", "setpriority", which=PRIO_PROCESS, who=tasks[who % len(tasks)], prio=nice)

    def change_a_limit(self, name: str, value: int) -> None:
        self.twin.call("root", "sysctl", name=f"fs.mqueue.{name}", value=value)


def test_usernel_does_what_linux_does(host_or_none: native.Hub | None) -> None:
    run(Posix, host_or_none, examples=35, steps=60)


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_usernel_does_what_linux_does_for_long(host_or_none: native.Hub | None) -> None:
    run(Posix, host_or_none, examples=5000, steps=90)

"""Random histories of System V calls come to the same on Linux and on usernel, sleepers and their order included."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from .histories import History, run
from .linux import (
    IPC_CREAT,
    IPC_EXCL,
    IPC_INFO,
    IPC_NOWAIT,
    IPC_RMID,
    IPC_SET,
    IPC_STAT,
    LONG_MIN,
    MSG_COPY,
    MSG_EXCEPT,
    MSG_INFO,
    MSG_NOERROR,
    MSG_STAT,
    MSG_STAT_ANY,
    SIGUSR1,
    SIGUSR2,
)
from .targets import native

TASKS = {
    "b": {"uid": 1000, "gid": 1000},
    "c": {"uid": 1000, "gid": 1000},
    "d": {"uid": 1001, "gid": 1001, "groups": [1000]},
    "e": {},
    "f": {},
    "g": {},
}
types = st.sampled_from([1, 2, 3, 0, -1])
wanted = st.sampled_from([0, 1, 2, 3, -1, -2, -3, LONG_MIN])
sizes = st.sampled_from([0, 1, 2, 3, 5, 8])
modes = st.sampled_from([0o666, 0o666, 0o666, 0o600, 0o640, 0o622, 0o444])
draw_task = st.integers(0, 100)


class SystemV(History):
    """Six tasks that may sleep and root, who never does, on a few small queues."""

    @initialize()
    def begin(self) -> None:
        self.queues = [0]
        self.sent = 0
        for name, how in TASKS.items():
            self.twin.fork("root", name, **how)
            self.grow_up(name)
        self.make(0, 1, 0, 0o666)
        self.set(0, 0, 0, 0, 0o666, 6)

    def one_of(self, number: int) -> str:
        idle = self.twin.idle
        return idle[number % len(idle)]

    def queue(self, number: int) -> int:
        return self.queues[number % len(self.queues)]

    @rule(who=draw_task, key=st.sampled_from([0, 1, 2]), flags=st.sampled_from([0, IPC_CREAT, IPC_EXCL | IPC_CREAT]),
          mode=modes)  # fmt: skip
    def make(self, who: int, key: int, flags: int, mode: int) -> None:
        made = self.twin.call(self.one_of(who), "msgget", key=key, msgflg=flags | mode)
        if made.get("ret", 0) not in self.queues:
            self.queues.append(made["ret"])

    @rule(who=draw_task, queue=draw_task, mtype=types, size=sizes, nowait=st.booleans())
    def send(self, who: int, queue: int, mtype: int, size: int, nowait: bool) -> None:
        task = self.one_of(who)
        self.sent += 1
        data = (b"%d:" % self.sent * 4)[:size]
        flags = IPC_NOWAIT if nowait or task == "root" else 0
        self.twin.call(task, "msgsnd", msqid=self.queue(queue), mtype=mtype, data=data, msgflg=flags)

    @rule(who=draw_task, queue=draw_task, size=sizes, mtype=wanted, nowait=st.booleans(),
          flags=st.sampled_from([0, 0, MSG_NOERROR, MSG_EXCEPT, MSG_EXCEPT | MSG_NOERROR]))  # fmt: skip
    def receive(self, who: int, queue: int, size: int, mtype: int, nowait: bool, flags: int) -> None:
        task = self.one_of(who)
        flags |= IPC_NOWAIT if nowait or task == "root" else 0
        self.twin.call(task, "msgrcv", msqid=self.queue(queue), msgsz=size, msgtyp=mtype, msgflg=flags)

    @rule(who=draw_task, queue=draw_task, size=sizes, place=st.integers(-1, 4), noerror=st.booleans())
    def copy(self, who: int, queue: int, size: int, place: int, noerror: bool) -> None:
        flags = MSG_COPY | IPC_NOWAIT | (MSG_NOERROR if noerror else 0)
        self.twin.call(self.one_of(who), "msgrcv", msqid=self.queue(queue), msgsz=size, msgtyp=place, msgflg=flags)

    @rule(who=draw_task, queue=draw_task, uid=st.sampled_from([0, 1000, 1001]), gid=st.sampled_from([0, 1000]),
          mode=modes, qbytes=st.sampled_from([0, 2, 4, 6, 10, 16384, 16385]))  # fmt: skip
    def set(self, who: int, queue: int, uid: int, gid: int, mode: int, qbytes: int) -> None:
        buf = {"msg_perm": {"uid": uid, "gid": gid, "mode": mode}, "msg_qbytes": qbytes}
        self.twin.call(self.one_of(who), "msgctl", msqid=self.queue(queue), cmd=IPC_SET, buf=buf)

    @rule(who=draw_task, queue=draw_task,
          cmd=st.sampled_from([IPC_STAT, MSG_STAT, MSG_STAT_ANY, IPC_INFO, MSG_INFO]))  # fmt: skip
    def look(self, who: int, queue: int, cmd: int) -> None:
        self.twin.call(self.one_of(who), "msgctl", msqid=self.queue(queue), cmd=cmd)
        self.twin.call("root", "proc_sysvipc_msg")

    @rule(who=draw_task, queue=draw_task)
    def remove(self, who: int, queue: int) -> None:
        self.twin.call(self.one_of(who), "msgctl", msqid=self.queue(queue), cmd=IPC_RMID)

    @rule(ident=st.sampled_from([0, 1, 5, 32768, 32769, 3 * 32768 + 1]))
    def choose_the_next_id(self, ident: int) -> None:
        self.twin.call("root", "sysctl", name="kernel.msg_next_id", value=ident)

    @rule(name=st.sampled_from(["msgmax", "msgmnb", "msgmni"]), value=st.sampled_from([0, 1, 3, 8, 16384]))
    def change_a_limit(self, name: str, value: int) -> None:
        self.twin.call("root", "sysctl", name=f"kernel.{name}", value=value)

    @precondition(lambda self: bool(self.twin.asleep))
    @rule(sleeper=draw_task, signo=st.sampled_from([SIGUSR1, SIGUSR2, 0]))
    def interrupt(self, sleeper: int, signo: int) -> None:
        asleep = self.twin.asleep
        self.twin.call("root", "kill", pid=asleep[sleeper % len(asleep)], sig=signo)

    @rule(victim=draw_task, signo=st.sampled_from([9, 15]))
    def replace_a_task(self, victim: int, signo: int) -> None:
        tasks = [name for name in self.twin.tasks if name != "root"]
        name = tasks[victim % len(tasks)]
        self.twin.call("root", "kill", pid=name, sig=signo)
        self.twin.fork("root", name, **TASKS[name])
        self.grow_up(name)


def test_usernel_does_what_linux_does(host_or_none: native.Hub | None) -> None:
    run(SystemV, host_or_none, examples=80, steps=40)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_usernel_does_what_linux_does_for_long(host_or_none: native.Hub | None) -> None:
    run(SystemV, host_or_none, examples=3000, steps=100)

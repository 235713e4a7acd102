"""Random histories of System V calls come to the same on Linux and on usernel, sleepers and their order included."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from hypothesis import strategies as st

from .histories import History, chance, run, weighted
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

types = st.sampled_from([1, 1, 2, 2, 3, 3, 1, 2, 0])
wanted = st.sampled_from([0, 0, 0, 1, 2, 3, -1, -2, -3, LONG_MIN])
sizes = st.sampled_from([0, 1, 2, 3, 4, 5])
rooms = st.sampled_from([8, 8, 8, 2, 0])
modes = st.sampled_from([0o666, 0o666, 0o600, 0o640, 0o622, 0o444])
seldom = st.integers(0, 5).map(lambda number: number == 0)


class SystemV(History):
    """Six tasks that may sleep, and root, on a few small queues."""

    in_order = True
    tasks: ClassVar[dict[str, dict[str, Any]]] = {
        "b": {"uid": 1000, "gid": 1000},
        "c": {"uid": 1000, "gid": 1000},
        "d": {"uid": 1001, "gid": 1001, "groups": [1000]},
        "e": {},
        "f": {},
        "g": {},
    }
    steps = weighted(
        (14, "send", {"who": chance, "queue": chance, "mtype": types, "size": sizes, "nowait": seldom}),
        (12, "receive", {
            "who": chance, "queue": chance, "room": rooms, "mtype": wanted, "nowait": seldom,
            "flags": st.sampled_from([0, 0, MSG_NOERROR, MSG_EXCEPT, MSG_EXCEPT | MSG_NOERROR]),
        }),
        (2, "copy", {"who": chance, "queue": chance, "room": rooms, "place": st.integers(-1, 4), "noerror": seldom}),
        (2, "resize", {"queue": chance, "qbytes": st.sampled_from([0, 3, 5, 7, 10])}),
        (1, "set", {
            "who": chance, "queue": chance, "uid": st.sampled_from([0, 1000, 1001]),
            "gid": st.sampled_from([0, 1000]), "mode": modes, "qbytes": st.sampled_from([4, 6, 16384, 16385]),
        }),
        (2, "look", {
            "who": chance, "queue": chance,
            "cmd": st.sampled_from([IPC_STAT, MSG_STAT, MSG_STAT_ANY, IPC_INFO, MSG_INFO]),
        }),
        (2, "make", {
            "who": chance, "key": st.sampled_from([0, 1, 2]), "mode": modes,
            "flags": st.sampled_from([0, IPC_CREAT, IPC_EXCL | IPC_CREAT]),
        }),
        (1, "remove", {"who": chance, "queue": chance}),
        (1, "choose_id", {"ident": st.sampled_from([0, 1, 5, 32768, 32769, 3 * 32768 + 1])}),
        (1, "change_a_limit", {
            "name": st.sampled_from(["msgmax", "msgmnb", "msgmni"]), "value": st.sampled_from([3, 4, 8, 100, 16384])
        }),
        (3, "interrupt", {"sleeper": chance, "signo": st.sampled_from([SIGUSR1, SIGUSR2, 0])}),
        (1, "replace", {"victim": chance, "signo": st.sampled_from([9, 15])}),
    )  # fmt: skip

    def begin(self) -> None:
        self.stale = [7]
        self.live: list[int] = []
        for name in self.tasks:
            self.bear(name)
        for key in (1, 2):
            self.make(0, key, IPC_CREAT, 0o666)
            self.resize(9 * (key - 1), 6)

    def queue(self, number: int) -> int:
        """A queue that is there, mostly one of the first two; sometimes one that was."""
        if number == 19 or not self.live:
            return self.stale[-1]
        return self.live[min(number // 9, len(self.live) - 1)]

    def make(self, who: int, key: int, flags: int, mode: int) -> None:
        made = self.twin.call(self.one_of(who), "msgget", key=key, msgflg=flags | mode)
        if "ret" in made and made["ret"] not in self.live:
            self.live.append(made["ret"])
            self.resize(9 * (len(self.live) - 1), 6)

    def send(self, who: int, queue: int, mtype: int, size: int, nowait: bool) -> None:
        task = self.one_of(who)
        flags = IPC_NOWAIT if nowait or task == "root" else 0
        self.twin.call(task, "msgsnd", msqid=self.queue(queue), mtype=mtype, data=self.data(size), msgflg=flags)

    def receive(self, who: int, queue: int, room: int, mtype: int, nowait: bool, flags: int) -> None:
        task = self.one_of(who)
        flags |= IPC_NOWAIT if nowait or task == "root" else 0
        self.twin.call(task, "msgrcv", msqid=self.queue(queue), msgsz=room, msgtyp=mtype, msgflg=flags)

    def copy(self, who: int, queue: int, room: int, place: int, noerror: bool) -> None:
        flags = MSG_COPY | IPC_NOWAIT | (MSG_NOERROR if noerror else 0)
        self.twin.call(self.one_of(who), "msgrcv", msqid=self.queue(queue), msgsz=room, msgtyp=place, msgflg=flags)

    def resize(self, queue: int, qbytes: int) -> None:
        self.set(0, queue, 0, 0, 0o666, qbytes)

    def set(self, who: int, queue: int, uid: int, gid: int, mode: int, qbytes: int) -> None:
        buf = {"msg_perm": {"uid": uid, "gid": gid, "mode": mode}, "msg_qbytes": qbytes}
        self.twin.call(self.one_of(who), "msgctl", msqid=self.queue(queue), cmd=IPC_SET, buf=buf)

    def look(self, who: int, queue: int, cmd: int) -> None:
        self.twin.call(self.one_of(who), "msgctl", msqid=self.queue(queue), cmd=cmd)
        self.twin.call("root", "proc_sysvipc_msg")

    def remove(self, who: int, queue: int) -> None:
        msqid = self.queue(queue)
        if "ret" in self.twin.call(self.one_of(who), "msgctl", msqid=msqid, cmd=IPC_RMID):
            self.live.remove(msqid)
            self.stale.append(msqid)

    def choose_id(self, ident: int) -> None:
        self.twin.call("root", "sysctl", name="kernel.msg_next_id", value=ident)

    def change_a_limit(self, name: str, value: int) -> None:
        self.twin.call("root", "sysctl", name=f"kernel.{name}", value=value)


def test_usernel_does_what_linux_does(host_or_none: native.Hub | None) -> None:
    run(SystemV, host_or_none, examples=35, steps=60)


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_usernel_does_what_linux_does_for_long(host_or_none: native.Hub | None) -> None:
    run(SystemV, host_or_none, examples=5000, steps=90)

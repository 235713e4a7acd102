"""Random histories of processes come to the same on Linux and on usernel: parents, groups, waiting, reaping, pidfds."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from hypothesis import strategies as st

from .histories import History, chance, run, weighted
from .linux import (
    P_ALL,
    P_PGID,
    P_PID,
    P_PIDFD,
    PIDFD_SIGNAL_PROCESS_GROUP,
    POLLIN,
    PR_GET_CHILD_SUBREAPER,
    PR_SET_CHILD_SUBREAPER,
    PR_SET_PDEATHSIG,
    SA_NOCLDWAIT,
    SIG_BLOCK,
    SIGCHLD,
    SIGKILL,
    SIGTERM,
    SIGUSR1,
    WALL,
    WCLONE,
    WEXITED,
    WNOHANG,
    WNOWAIT,
)
from .targets import native

MOST = 8
PIDFDS = 3
nowait = st.sampled_from([True, False, False])
users = st.sampled_from([0, 0, 0, 1000, 1001])
signals = st.sampled_from([0, SIGUSR1, SIGTERM, SIGKILL])


class Processes(History):
    """Up to eight tasks, and root, who never sleeps and never ends. Each task is new: a name is never used twice."""

    in_order = True  # an ended task has done all that its end brings with it before another goes on
    tasks: ClassVar[dict[str, dict[str, Any]]] = {}
    steps = weighted(
        (9, "bear_one", {"parent": chance, "uid": users}),
        (5, "exit", {"who": chance, "status": st.integers(0, 3)}),
        (4, "kill", {"who": chance, "whom": chance, "sig": signals}),
        (1, "kill_group", {"who": chance, "whom": chance, "sig": st.sampled_from([0, SIGUSR1, SIGTERM])}),
        (6, "wait4", {
            "who": chance, "whom": chance, "kind": st.sampled_from(["any", "any", "one", "group", "own"]),
            "nowait": nowait, "options": st.sampled_from([0, 0, 0, WALL, WCLONE]),
        }),
        (14, "await_child", {"whom": chance, "by": st.sampled_from(["any", "one", "group", "waitid"])}),
        (5, "waitid", {
            "who": chance, "whom": chance, "idtype": st.sampled_from([P_ALL, P_PID, P_PGID, P_PIDFD]),
            "nowait": nowait, "options": st.sampled_from([0, 0, WNOWAIT]),
        }),
        (3, "setpgid", {"who": chance, "whom": chance, "leader": chance}),
        (1, "setsid", {"who": chance}),
        (2, "adopt", {"who": chance, "wanted": st.integers(0, 1)}),
        (1, "die_with_the_parent", {"who": chance, "sig": st.sampled_from([0, SIGUSR1, SIGTERM])}),
        (1, "leave_to_nobody", {"who": chance, "how": st.integers(0, 2)}),
        (3, "pidfd_open", {"who": chance, "whom": chance}),
        (3, "pidfd_poll", {"who": chance, "fd": st.integers(0, PIDFDS)}),
        (3, "pidfd_send_signal", {
            "who": chance, "fd": st.integers(0, PIDFDS), "sig": signals,
            "flags": st.sampled_from([0, 0, PIDFD_SIGNAL_PROCESS_GROUP]),
        }),
        (3, "look", {"who": chance, "whom": chance}),
    )  # fmt: skip

    def begin(self) -> None:
        self.born = ["root"]
        self.mothers: dict[str, str] = {}
        self.twin.call("root", "setpgid", pid=0, pgid=0)
        self.listen("root", SIGTERM)
        for uid in (0, 0, 1000):
            self.bear_one(0, uid)

    def listen(self, name: str, *more: int) -> None:
        """Its children wait for it; it is interrupted by SIGUSR1."""
        self.twin.call(name, "rt_sigaction", signum=SIGCHLD, act={"sa_handler": "SIG_DFL"})
        for signo in (SIGUSR1, *more):
            self.twin.call(name, "rt_sigaction", signum=signo, act={"sa_handler": "SIG_CATCH"})

    def anybody(self, number: int) -> str:
        """A task that is or was, mostly one of the last."""
        return self.born[-1 - number % min(len(self.born), MOST + 2)]

    def victim(self, number: int) -> str:
        """A task that is or was, but root."""
        found = self.anybody(number)
        return found if found != "root" else self.born[-1]

    def families(self) -> list[tuple[str, str]]:
        """Who can wait, and whom she bore that lives; root is no one to wait."""
        idle = [name for name in self.twin.idle if name != "root"]
        return [(self.mothers[child], child) for child in self.twin.tasks if self.mothers.get(child) in idle]

    def bear_one(self, parent: int, uid: int) -> None:
        if len(self.twin.tasks) > MOST:
            return
        name = f"t{len(self.born)}"
        mother = self.one_of(parent)
        self.twin.fork(mother, name, **({"uid": uid, "gid": uid} if uid and mother == "root" else {}))
        self.born.append(name)
        self.mothers[name] = mother
        self.twin.call(name, "rt_sigaction", signum=SIGTERM, act={"sa_handler": "SIG_DFL"})
        self.listen(name)

    def exit(self, who: int, status: int) -> None:
        name = self.one_of(who)
        if name != "root":
            self.twin.call(name, "exit_group", status=status)

    def kill(self, who: int, whom: int, sig: int) -> None:
        self.twin.call(self.one_of(who), "kill", pid=self.victim(whom), sig=sig)

    def kill_group(self, who: int, whom: int, sig: int) -> None:
        self.twin.call(self.one_of(who), "kill", pid=f"-{self.anybody(whom)}", sig=sig)

    def wait4(self, who: int, whom: int, kind: str, nowait: bool, options: int) -> None:
        name, other = self.one_of(who), self.anybody(whom)
        pid = {"any": -1, "own": 0, "one": other, "group": f"-{other}"}[kind]
        options |= WNOHANG if nowait or name == "root" else 0
        self.twin.call(name, "wait4", pid=pid, options=options)

    def await_child(self, whom: int, by: str) -> None:
        families = self.families()
        if not families:
            return
        mother, child = families[whom % len(families)]
        if by == "waitid":
            self.twin.call(mother, by, idtype=P_PID, id=child, options=WEXITED | WALL)
        else:
            self.twin.call(mother, "wait4", pid={"any": -1, "group": f"-{child}", "one": child}[by], options=WALL)

    def waitid(self, who: int, whom: int, idtype: int, nowait: bool, options: int) -> None:
        name = self.one_of(who)
        which = {P_ALL: 0, P_PIDFD: whom % PIDFDS}.get(idtype, self.anybody(whom))
        options |= WEXITED | (WNOHANG if nowait or name == "root" else 0)
        self.twin.call(name, "waitid", idtype=idtype, id=which, options=options)

    def setpgid(self, who: int, whom: int, leader: int) -> None:
        pid = 0 if whom % 3 else self.anybody(whom)
        pgid = 0 if leader % 3 == 0 else self.anybody(leader)
        name = self.one_of(who)
        if name != "root":
            self.twin.call(name, "setpgid", pid=pid, pgid=pgid)

    def setsid(self, who: int) -> None:
        self.twin.call(self.one_of(who), "setsid")

    def adopt(self, who: int, wanted: int) -> None:
        name = self.one_of(who)
        self.twin.call(name, "prctl", option=PR_SET_CHILD_SUBREAPER, arg2=wanted)
        self.twin.call(name, "prctl", option=PR_GET_CHILD_SUBREAPER)

    def die_with_the_parent(self, who: int, sig: int) -> None:
        name = self.one_of(who)
        if name != "root":
            self.twin.call(name, "prctl", option=PR_SET_PDEATHSIG, arg2=sig)

    def leave_to_nobody(self, who: int, how: int) -> None:
        actions: tuple[dict[str, Any], ...] = (
            {"sa_handler": "SIG_IGN"},
            {"sa_handler": "SIG_DFL", "sa_flags": SA_NOCLDWAIT},
            {"sa_handler": "SIG_DFL"},
        )
        self.twin.call(self.one_of(who), "rt_sigaction", signum=SIGCHLD, act=actions[how])

    def pidfd_open(self, who: int, whom: int) -> None:
        name = self.one_of(who)
        opened = self.twin.call(name, "pidfd_open", pid=self.anybody(whom), flags=0)
        if opened.get("ret", 0) >= PIDFDS:
            self.twin.call(name, "close", fd=opened["ret"] % PIDFDS)

    def pidfd_poll(self, who: int, fd: int) -> None:
        self.twin.call(self.one_of(who), "poll", fds=[{"fd": fd, "events": POLLIN}], timeout=0)

    def pidfd_send_signal(self, who: int, fd: int, sig: int, flags: int) -> None:
        sig = SIGTERM if sig == SIGKILL else sig  # root catches it
        self.twin.call(self.one_of(who), "pidfd_send_signal", pidfd=fd, sig=sig, info=None, flags=flags)

    def look(self, who: int, whom: int) -> None:
        name, other = self.one_of(who), self.anybody(whom)
        self.twin.call(name, "getppid")
        for call in ("getpgid", "getsid"):
            self.twin.call(name, call, pid=other)
        self.twin.call(name, "kill", pid=other, sig=0)
        self.twin.call(name, "rt_sigprocmask", how=SIG_BLOCK, set=None)


def test_usernel_does_what_linux_does(host_or_none: native.Hub | None) -> None:
    run(Processes, host_or_none, examples=20, steps=60)


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_usernel_does_what_linux_does_for_long(host_or_none: native.Hub | None) -> None:
    run(Processes, host_or_none, examples=5000, steps=90)

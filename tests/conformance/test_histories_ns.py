"""Random trees of clone, unshare, setns, exit, setuid and kill come to the same on Linux and on usernel."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from hypothesis import strategies as st

from .histories import History, chance, run, weighted
from .linux import CLONE_NEWUSER, IPC_CREAT, KINDS, SIGCHLD, SIGKILL, SIGTERM
from .targets import native

MOST = 10
users = st.sampled_from([0, 0, 1000, 1001])
kinds = st.sampled_from(sorted(KINDS))
links = st.sampled_from([*sorted(KINDS), "pid_for_children", "time_for_children"])
some_kinds = st.lists(kinds, max_size=3, unique=True).map(lambda names: sum(KINDS[name] for name in names))
maps = st.sampled_from(["0 0 1", "0 1000 1", "0 0 4294967295", "0 1000 1\n1 1001 1", "5 0 2\n", "1000 0 1"])


class Namespaces(History):
    """Up to ten tasks, and root, who stays what it is. A namespace is told by its id, which is never used again."""

    in_order = False
    tasks: ClassVar[dict[str, dict[str, Any]]] = {}
    counted = ("made", "entered", "refused")
    steps = weighted(
        (6, "bear_user", {"uid": users}),
        (8, "clone", {"who": chance, "flags": some_kinds}),
        (8, "unshare", {"who": chance, "flags": some_kinds}),
        (8, "setns", {"who": chance, "whom": chance, "link": links, "exact": st.booleans(), "keep": st.booleans()}),
        (5, "setns_pidfd", {"who": chance, "whom": chance, "flags": some_kinds}),
        (5, "write_map", {
            "who": chance, "whom": chance, "text": maps, "name": st.sampled_from(["uid_map", "uid_map", "gid_map"]),
        }),
        (1, "deny_setgroups", {"who": chance, "whom": chance}),
        (3, "setuid", {"who": chance, "uid": st.sampled_from([0, 1, 5, 1000, 1001])}),
        (2, "exit", {"who": chance}),
        (4, "kill", {"who": chance, "whom": chance, "sig": st.sampled_from([0, 0, SIGTERM, SIGKILL])}),
        (6, "look", {"who": chance, "whom": chance, "link": links}),
        (2, "name", {"who": chance}),
        (2, "meet", {"who": chance, "key": st.integers(1, 2)}),
    )  # fmt: skip

    def begin(self) -> None:
        self.born = ["root"]
        for uid in (0, 1000, 1000):
            self.bear_user(uid)

    def anybody(self, number: int) -> str:
        """A task that is or was, mostly one of the last."""
        return self.born[-1 - number % min(len(self.born), MOST + 2)]

    def count(self, kind: str, answer: dict[str, Any]) -> None:
        self.twin.seen["refused" if "errno" in answer else kind] += 1

    def bear_user(self, uid: int) -> None:
        if len(self.twin.tasks) <= MOST:
            self.born.append(f"t{len(self.born)}")
            self.twin.fork("root", self.born[-1], **({"uid": uid, "gid": uid} if uid else {}))

    def clone(self, who: int, flags: int) -> None:
        if len(self.twin.tasks) > MOST:
            return
        name = f"t{len(self.born)}"
        made = self.twin.clone(self.one_of(who), name, flags & ~KINDS["time"] | SIGCHLD)
        self.count("made", made)
        if "ret" in made:
            self.born.append(name)

    def unshare(self, who: int, flags: int) -> None:
        name = self.one_of(who)
        self.count("made", self.twin.call(name, "unshare", flags=flags & ~CLONE_NEWUSER if name == "root" else flags))

    def setns(self, who: int, whom: int, link: str, exact: bool, keep: bool) -> None:
        name = self.one_of(who)
        if name == "root":
            return
        opened = self.twin.call(name, "proc_ns_open", pid=self.anybody(whom), name=link)
        if "ret" in opened:
            flag = KINDS[link.removesuffix("_for_children")] if exact else 0
            self.count("entered", self.twin.call(name, "setns", fd=opened["ret"], nstype=flag))
            if not keep:
                self.twin.call(name, "close", fd=opened["ret"])

    def setns_pidfd(self, who: int, whom: int, flags: int) -> None:
        name = self.one_of(who)
        opened = self.twin.call(name, "pidfd_open", pid=self.anybody(whom), flags=0)
        if "ret" in opened:
            if name != "root":
                self.count("entered", self.twin.call(name, "setns", fd=opened["ret"], nstype=flags))
            self.twin.call(name, "close", fd=opened["ret"])

    def write_map(self, who: int, whom: int, text: str, name: str) -> None:
        self.twin.call(self.one_of(who), "proc_pid_write", pid=self.anybody(whom), name=name, text=text)

    def deny_setgroups(self, who: int, whom: int) -> None:
        self.twin.call(self.one_of(who), "proc_pid_write", pid=self.anybody(whom), name="setgroups", text="deny")

    def setuid(self, who: int, uid: int) -> None:
        name = self.one_of(who)
        if name != "root":
            self.twin.call(name, "setuid", uid=uid)
            self.twin.call(name, "getresuid")

    def exit(self, who: int) -> None:
        name = self.one_of(who)
        if name != "root":
            self.twin.call(name, "exit_group", status=0)

    def kill(self, who: int, whom: int, sig: int) -> None:
        victim = self.anybody(whom)
        self.twin.call(self.one_of(who), "kill", pid=victim if victim != "root" else self.born[-1], sig=sig)

    def look(self, who: int, whom: int, link: str) -> None:
        name, other = self.one_of(who), self.anybody(whom)
        self.twin.call(name, "getppid")
        self.twin.call(name, "kill", pid=other, sig=0)
        for file in ("uid_map", "gid_map", "setgroups"):
            self.twin.call(name, "proc_pid_read", pid=other, name=file)
        # The numbers in it are those of the namespace whose /proc it is: the host's worlds have one, of their root.
        self.twin.call("root", "proc_pid_read", pid=other, name="status")
        opened = self.twin.call(name, "proc_ns_open", pid=other, name=link)
        if "ret" not in opened:
            return
        self.twin.call(name, "ioctl", fd=opened["ret"], cmd="NS_GET_ID", arg=0)
        for relative in ("NS_GET_USERNS", "NS_GET_PARENT"):
            found = self.twin.call(name, "ioctl", fd=opened["ret"], cmd=relative, arg=0)
            if "ret" in found:
                self.twin.call(name, "ioctl", fd=found["ret"], cmd="NS_GET_ID", arg=0)
                self.twin.call(name, "close", fd=found["ret"])
        self.twin.call(name, "close", fd=opened["ret"])

    def name(self, who: int) -> None:
        name = self.one_of(who)
        self.twin.call(name, "sethostname", name=name)
        self.twin.call(name, "uname")

    def meet(self, who: int, key: int) -> None:
        name = self.one_of(who)
        self.twin.call(name, "msgget", key=key, msgflg=IPC_CREAT | 0o600)
        self.twin.call(name, "proc_sysvipc_msg")


def test_usernel_does_what_linux_does(host_or_none: native.Hub | None) -> None:
    run(Namespaces, host_or_none, examples=15, steps=60)


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_usernel_does_what_linux_does_for_long(host_or_none: native.Hub | None) -> None:
    run(Namespaces, host_or_none, examples=5000, steps=90)

"""A kernel in which anything may be called by anybody; after each step its facts, tables and answers are looked at."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

import usernel
from tests.conformance.targets.invariants import check
from tests.kernel.shadow import Shadow
from tests.syscalls.arguments import Pick, arguments
from usernel.kernel.io_uring.file import UringFile
from usernel.sim import CallHandle
from usernel.syscalls.kinds import BadArgument, Structure
from usernel.syscalls.row import Row
from usernel.syscalls.table import TABLE

Step = tuple[str, dict[str, Any]]

MOST_TASKS = 10
OFTEN = "msgsnd msgrcv msgsnd_batch msgrcv_batch mq_timedsend mq_timedreceive mq_timedsend_batch mq_timedreceive_batch"
SELDOM = {"exit", "exit_group", "execve", "setresuid", "setresgid", "setreuid", "setuid", "capset"}
"""What leaves little of a task to go on with."""
NAMES = [
    *TABLE,
    *(name for name in TABLE if name not in SELDOM),
    *OFTEN.split() * 3,
    *"mq_open msgget fork mq_notify poll kill rt_sigtimedwait msgctl io_uring_setup io_uring_register".split() * 2,
    *["io_uring_enter"] * 6,
]
any_number = st.integers(0, 9)


def call_of(name: str) -> st.SearchStrategy[Step]:
    """A call of a row by somebody, who may hold what it receives."""
    parts = {"who": any_number, "name": st.just(name), "hold": st.booleans(), "args": arguments(TABLE[name])}
    return st.tuples(st.just("call"), st.fixed_dictionaries(parts))


CALLS = {name: call_of(name) for name in TABLE}
OTHERS: list[st.SearchStrategy[Step]] = [
    st.tuples(st.just("settle"), st.fixed_dictionaries({"which": any_number, "commit": st.booleans()})),
    st.tuples(st.just("interrupt"), st.fixed_dictionaries({"which": any_number})),
    st.tuples(st.just("advance"), st.fixed_dictionaries({"ns": st.sampled_from([1, 10**9, 2 * 10**9])})),
    st.tuples(st.just("turn_clock"), st.fixed_dictionaries({"seconds": st.sampled_from([-3, -1, 1, 2])})),
]
steps: st.SearchStrategy[Step] = st.integers(0, 9).flatmap(
    lambda chance: OTHERS[0 if chance else 1] if chance < 2 else OTHERS[chance] if chance < 4 else call
)
call = st.sampled_from(NAMES).flatmap(CALLS.__getitem__)


class World:
    """The tasks and their calls. ``answered`` counts what rows answered: an errno's name, or ``ok``."""

    def __init__(self, seed: int = 0) -> None:
        self.kernel = usernel.Kernel(seed=seed)
        self.shadow = Shadow(self.kernel)
        self.asleep: list[tuple[Row, CallHandle]] = []
        self.holding: list[CallHandle] = []
        self.answered: dict[tuple[str, str], int] = {}
        users: list[dict[str, Any]] = [
            {},
            {"uid": 1000, "gid": 1000},
            {"uid": 1001, "gid": 1000},
            {"unshare": "CLONE_NEWIPC"},
        ]
        for user in users:
            task = self.kernel.fork(**user)
            task.rt_sigaction(10, {"sa_handler": "SIG_CATCH"})
            task.rt_sigaction(12, {"sa_handler": "SIG_CATCH", "sa_flags": "SA_RESTART"})
            task.io_uring_setup(4)
        for task in (self.kernel.task(3), self.kernel.task(6)):
            task.msgget(1, 0o1666)
            task.msgctl(0, "IPC_SET", {"msg_qbytes": 6})
            task.mq_open("a", "O_CREAT | O_RDWR", "0666", {"mq_maxmsg": 2, "mq_msgsize": 4})
            task.proc_ns_open(0, "ipc")
            task.pidfd_open(task.child().pid)

    def live(self, step: Step) -> None:
        """Do one step, and look at what it left."""
        name, how = step
        getattr(self, name)(**how)
        still = [(row, handle) for row, handle in self.asleep if not handle.done]
        for row, handle in self.asleep:
            if handle.done:
                self.ended(row, handle)
        self.asleep = still
        check(self.kernel.model)
        self.shadow.follow()

    def call(self, who: int, name: str, hold: bool, args: dict[str, Any]) -> None:
        tasks = [pid for pid in self.kernel.model.tasks if pid > 2] or [2]
        if name in {"fork", "clone", "clone3"} and len(tasks) >= MOST_TASKS:
            return
        task = self.kernel.task(tasks[who % len(tasks)])
        row = TABLE[name]
        given = [self.resolved(task, args[field.name]) for field in row.args]
        try:
            handle = task.start(name, *given, hold=hold)
        except BadArgument:
            return
        self.asleep.append((row, handle))

    def resolved(self, task: usernel.sim.Task, value: Any) -> Any:
        """What a pick comes to now."""
        if isinstance(value, list):
            return [self.resolved(task, item) for item in value]
        if isinstance(value, tuple):
            return tuple(self.resolved(task, item) for item in value)
        if isinstance(value, dict):
            return {name: self.resolved(task, item) for name, item in value.items()}
        if not isinstance(value, Pick):
            return value
        inside = task._task
        there = {
            "msqid": [queue.perm.id for queue in inside.nsproxy.ipc.msg_ids.by_index.values()],
            "fd": [fd for fd, _ in inside.fds],
            "ring": [fd for fd, file in inside.fds if isinstance(file, UringFile)],
            "pid": [number for number in inside.thread_pid.ns.pids if number > 2],
            "namespace": [ns.inum for ns in self.kernel.model.ns_tree],
        }[value.what]
        return there[value.number % len(there)] if there else value.number

    def ended(self, row: Row, handle: CallHandle) -> None:
        """Look at an answer: its errno is listed, what it hands back is what the row says."""
        if handle.error is not None:
            outcome = handle.error.name
            assert handle.error.number in row.errnos, f"{row.name} answered {outcome}, which its row does not list"
        else:
            outcome = "ok"
            result = handle.outcome()
            assert type(result.ret) is int
            if result.out is not None:
                assert isinstance(row.out, Structure), f"{row.name} handed back {result.out}"
                assert set(result.out) <= {field.name for field in row.out.fields}
                row.spell(result.out)
        self.answered[row.name, outcome] = self.answered.get((row.name, outcome), 0) + 1
        if handle._call.held is not None:
            self.holding.append(handle)

    def settle(self, which: int, commit: bool) -> None:
        if self.holding:
            handle = self.holding.pop(which % len(self.holding))
            if commit:
                handle.commit()
            else:
                handle.abort()

    def interrupt(self, which: int) -> None:
        if self.asleep:
            self.asleep[which % len(self.asleep)][1].interrupt()

    def advance(self, ns: int) -> None:
        self.kernel.advance(ns)

    def turn_clock(self, seconds: int) -> None:
        self.kernel.set_realtime(self.kernel.model.realtime_ns + seconds * 10**9)

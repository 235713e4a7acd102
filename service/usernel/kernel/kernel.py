"""The kernel: the tables of objects; calls in, outcomes, facts and outputs out."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from usernel.abi.errno import Errno
from usernel.abi.signal import SI_KERNEL, SIGKILL

from .call import Block, Call, Clock, Restart, Return, Wake
from .clock import Clocks, Deadlines, Lease, Sleep
from .cred import Cred
from .error import KernelError
from .exit import exit_group
from .facts import Fact, MqFreed
from .fold import FOLDS
from .fork import Fork, fork
from .ns.cgroup import CgroupNamespace
from .ns.ipc import IpcNamespace
from .ns.mnt import MntNamespace
from .ns.net import NetNamespace
from .ns.pid import PidNamespace, alloc_pid
from .ns.time import TimeNamespace
from .ns.tree import NsTree, get_ns
from .ns.user import UserNamespace
from .ns.uts import UtsNamespace
from .nsproxy import NsProxy, enter
from .outputs import Output, SignalDelivered
from .ptrace import may_act_as
from .signal import SigInfo, send_signal
from .task import Task, ThreadGroup

if TYPE_CHECKING:
    from .file import File
    from .ipc.mqueue_inode import MqInode
    from .wait import WaitQueue, Watcher


class Kernel:
    """One kernel. Two of them in one process know nothing of each other.

    ``submit`` lets a call in; it and every call that it woke have run when it returns. What came of it is taken by the
    owner: ``take_finished`` calls, ``take_facts`` for the journal, ``take_outputs``. Both clocks are handed in by
    ``tick``.
    """

    def __init__(self, realtime_ns: int = 0, monotonic_ns: int = 0, *, ephemeral: bool = False) -> None:
        self.ephemeral = ephemeral
        """Whether nothing of it outlives the process, whatever is asked for."""
        self.clocks = Clocks(realtime_ns, monotonic_ns)
        self.deadlines = Deadlines()
        self.tasks: dict[int, Task] = {}
        self.ns_tree = NsTree(ephemeral=ephemeral)
        self.pids = self.ns_tree.initial(PidNamespace).pids
        self.ipc_namespaces: dict[int, IpcNamespace] = {}
        self.user_tasks: dict[int, int] = {}
        """How many tasks each user has, zombies too (RLIMIT_NPROC)."""
        self.mq_charges: dict[int, int] = {}
        self.position = 0
        self.fault: Callable[[Call], KernelError | None] | None = None
        """Asked before each call runs, for tests: the error that the call is to end with, or None."""
        self._facts: list[Fact] = []
        self._outputs: list[tuple[int, Output]] = []
        self._finished: list[Call] = []
        self._ready: deque[tuple[Call, Block, Any]] = deque()
        self._told: deque[Watcher] = deque()
        self._inside = False
        self.last_ino = 0
        """The inode number of the queue that was made last."""
        self.init = self._make_init()
        self.default_task = fork(self, self.init, Fork(comm="usernel", setsid=True, autoreap=True))
        self.default_task.group.unkillable = True

    def _make_init(self) -> Task:
        """Task 1, in the namespaces that are there without anybody having made them."""
        tree = self.ns_tree
        ipc, pid_ns, time = tree.initial(IpcNamespace), tree.initial(PidNamespace), tree.initial(TimeNamespace)
        self.ipc_namespaces[ipc.inum] = ipc
        nsproxy = NsProxy(
            tree.initial(UtsNamespace), ipc, tree.initial(MntNamespace), pid_ns, tree.initial(NetNamespace), time, time,
            tree.initial(CgroupNamespace),
        )  # fmt: skip
        pid = alloc_pid(pid_ns, [1], 0)
        group = ThreadGroup(pid.attach(), pid.attach(), tree.initial(UserNamespace), unkillable=True)
        init = Task(pid, group, Cred(tree.initial(UserNamespace)), enter(nsproxy), "init")
        group.threads[1] = self.tasks[1] = pid_ns.child_reaper = init
        pid.group_members[init] = None
        self.count_task(0, 1)
        for ns in (init.cred.user_ns, pid_ns):
            ns.tasks += 1
            get_ns(ns)
        return init

    # ------------------------------------------------------------------------------------------------------------ time

    @property
    def realtime_ns(self) -> int:
        """CLOCK_REALTIME, as it was last told."""
        return self.clocks.realtime_ns

    @property
    def monotonic_ns(self) -> int:
        """CLOCK_MONOTONIC, as it was last told."""
        return self.clocks.monotonic_ns

    @property
    def seconds(self) -> int:
        """Whole seconds of CLOCK_REALTIME, as System V's times count (``ktime_get_real_seconds``)."""
        return self.clocks.realtime_ns // 1_000_000_000

    def set_clocks(self, realtime_ns: int, monotonic_ns: int) -> None:
        """Tell the time, and act on nothing yet."""
        self.clocks.realtime_ns = realtime_ns
        self.clocks.monotonic_ns = monotonic_ns

    def tick(self, realtime_ns: int, monotonic_ns: int) -> None:
        """Tell the time, and let everything happen that is due by then."""
        self.set_clocks(realtime_ns, monotonic_ns)
        while (due := self.deadlines.pop(self.clocks)) is not None:
            if isinstance(due, Sleep):
                self.wake(due.call, Wake.TIMED_OUT)
            elif isinstance(due, Lease):
                self.exit(due.task, status=0, signo=SIGKILL)
            else:
                due.timer.expire()
            self._settle()

    def next_deadline_in(self) -> int | None:
        """How many nanoseconds from now ``tick`` has something to do, None where nothing is due."""
        return self.deadlines.next_in(self.clocks)

    # ----------------------------------------------------------------------------------------------------------- calls

    def submit(self, call: Call) -> Call:
        """Let a call in: it runs until it is done or parked, and all that it wakes runs too."""
        error = KernelError(Errno.ESRCH, f"task {call.task.pid} has ended") if call.task.exited else None
        if error is None and self.fault is not None:
            error = self.fault(call)
        if error is not None:
            self._finish(call, None, error)
            return call
        self._inside = True
        try:
            self._attempt(call)
        finally:
            self._inside = False
        if self._ready or self._told:
            self._settle()
        return call

    def _attempt(self, call: Call) -> None:
        try:
            outcome = call.attempt(self, call, *call.args)
        except KernelError as error:
            self._finish(call, None, error)
        else:
            self._continue(call, outcome)

    def _run_stage(self, call: Call, block: Block, wake: Any) -> None:
        try:
            outcome = block.stage(self, call, block.entry, wake)
        except KernelError as error:
            self._finish(call, None, error)
        else:
            self._continue(call, outcome)

    def _continue(self, call: Call, outcome: Return | Block) -> None:
        if isinstance(outcome, Block):
            self._park(call, outcome)
        else:
            self._finish(call, outcome, None)

    def _park(self, call: Call, block: Block) -> None:
        if call.task.exited:
            self._run_stage(call, block, Wake.INTERRUPTED)
        elif block.until is not None and block.until <= self.clocks.now(block.clock):
            self._run_stage(call, block, Wake.TIMED_OUT)
        else:
            self._sleep(call, block)

    def _sleep(self, call: Call, block: Block) -> None:
        call.block = block
        call.task.parked[call] = None
        for file in block.files:
            file.refs += 1
        for queue in block.on:
            queue.add(call, block.entry)
        if block.until is not None:
            self.deadlines.add(block.clock, block.until, Sleep(call, block))

    def wake(self, call: Call, outcome: Any) -> None:
        """Take a sleeping call off its queues; it runs, with ``outcome``, before the next call is let in."""
        block = call.block
        if block is None:
            raise AssertionError(f"{call.name} of task {call.task.pid} does not sleep")
        call.block = None
        del call.task.parked[call]
        for queue in block.on:
            queue.remove(call)
        if block.until is not None:
            self.deadlines.voided()
        self._ready.append((call, block, outcome))

    def wake_all(self, queue: WaitQueue) -> None:
        """Wake everybody on a queue, to look again, and tell whoever watches it."""
        for call, _ in queue:
            self.wake(call, Wake.WOKEN)
        self._told.extend(queue.watchers)

    def _settle(self) -> None:
        """Run what was woken, in that order, until nothing more can run; later, where a call is running right now."""
        if self._inside:
            return
        self._inside = True
        try:
            while self._ready or self._told:
                if self._ready:
                    self._resume(*self._ready.popleft())
                else:
                    self._told.popleft().woke()
        finally:
            self._inside = False

    def _resume(self, call: Call, block: Block, outcome: Any) -> None:
        if call.task.exited and isinstance(outcome, Wake):
            outcome = Wake.INTERRUPTED  # killed between its wake-up and its turn
        if outcome is Wake.RESTART:
            self._attempt(call)
        else:
            self._run_stage(call, block, outcome)
        for file in block.files:
            self.put_file(file)

    def _finish(self, call: Call, result: Return | None, error: KernelError | None) -> None:
        call.done = True
        call.result = result
        call.error = error
        call.position = 0 if call.ephemeral else self.position
        self._finished.append(call)
        if call.held is not None:
            call.task.holding[call] = None
            if call.task.exited:
                self.abort(call)

    def interrupt(self, call: Call) -> None:
        """End a sleeping call with EINTR, or with what it has already; nothing where it does not sleep."""
        if call.block is not None:
            self.wake(call, Wake.INTERRUPTED)
            self._settle()

    def interrupt_task(self, task: Task, *, restart: bool) -> None:
        """A handler runs in one of the task's threads: its longest sleeper ends, or restarts by its own rule."""
        call = next(iter(task.parked), None)
        if call is not None:
            restarts = restart and call.restart is Restart.SYS
            self.wake(call, Wake.RESTART if restarts else Wake.INTERRUPTED)

    # ------------------------------------------------------------------------------------------------- hold and commit

    def commit(self, call: Call) -> bool:
        """The receiver gets what the call holds: it leaves its queue. False where it was given back meanwhile.

        The call's position is then that of its commit.
        """
        if call.held is None:
            return call.result is not None
        held, call.held = call.held, None
        del call.task.holding[call]
        held.commit(self, call.task.leader.pid)
        call.position = 0 if call.ephemeral else self.position
        self._settle()
        return True

    def abort(self, call: Call) -> None:
        """Nobody will get what the call holds: it goes back to its place, and the call ends with EINTR."""
        if call.held is None:
            return
        held, call.held = call.held, None
        del call.task.holding[call]
        call.result, call.error = None, KernelError(Errno.EINTR, "the receiver was gone before it had the message")
        held.abort(self)
        self._settle()

    # ------------------------------------------------------------------------------------------------ facts and outputs

    def record(self, fact: Fact, *, ephemeral: bool = False) -> None:
        """Something happened: fold it into the state, and keep it for the journal unless its object is ephemeral."""
        if not ephemeral:
            self.position += 1
            self._facts.append(fact)
        FOLDS[type(fact)](self, fact)

    def emit(self, output: Output, *, ephemeral: bool = False) -> None:
        """Something leaves the kernel beside the results of calls: once the position of now is durable, or at once."""
        self._outputs.append((0 if ephemeral else self.position, output))

    def send_child_signal(self, parent: Task, child: Task, signo: int, code: int, status: int) -> None:
        """Tell a parent of its child."""
        uid = parent.cred.user_ns.uid_map.munged(child.cred.uid)
        info = SigInfo(signo, code, child.nr_in(parent), uid, status)
        send_signal(self, parent, info, force=not child.nr_in(parent))

    def wake_parent(self, parent: Task, child: Task) -> None:
        """Let those look again who wait for such a child (``__wake_up_parent``)."""
        for call, opts in parent.group.wait_chldexit:
            if opts.names(child):
                self.wake(call, Wake.WOKEN)

    def send_kernel_signal(self, task: Task, signo: int) -> None:
        """Signal a process in the kernel's own name (SEND_SIG_PRIV)."""
        send_signal(self, task, SigInfo(signo, SI_KERNEL, 0, 0), force=True)

    def signal_delivered(self, task: Task, info: SigInfo) -> None:
        """A signal reached the handler of a task."""
        self.emit(SignalDelivered(task.pid, info))

    def take_facts(self) -> list[Fact]:
        """The facts since the last time, in order."""
        facts, self._facts = self._facts, []
        return facts

    def take_outputs(self) -> list[tuple[int, Output]]:
        """The outputs since the last time, each with the log position that it waits for."""
        outputs, self._outputs = self._outputs, []
        return outputs

    def take_finished(self) -> list[Call]:
        """The calls that are done since the last time, in the order in which they ended."""
        finished, self._finished = self._finished, []
        return finished

    # --------------------------------------------------------------------------------------------------------- objects

    def task(self, actor: Task, pid: int) -> Task:
        """The task of a pid, for another to act as. ESRCH where there is none, EPERM where that is not allowed."""
        task = self.find_task(actor, pid)
        if task is None or task.exited:
            raise KernelError(Errno.ESRCH, f"no task {pid}")
        if not may_act_as(actor, task):
            raise KernelError(Errno.EPERM, f"task {actor.pid} may not act as task {pid}")
        return task

    def child_of(self, parent: Task, number: int) -> Task:
        """The child that a task has just made, by the number that fork(2) answered."""
        found = self.find_task(parent, number)
        if found is None:
            raise AssertionError(f"task {parent.pid} has made no {number}")
        return found

    def find_task(self, viewer: Task, pid: int) -> Task | None:
        """The task that a pid means in the viewer's pid namespace, a zombie too (``find_task_by_vpid``)."""
        found = viewer.thread_pid.ns.pids.get(pid)
        return found.task if found is not None else None

    def count_task(self, uid: int, count: int) -> None:
        """A user has a task more (1), or less (-1)."""
        left = self.user_tasks.get(uid, 0) + count
        if left:
            self.user_tasks[uid] = left
        else:
            del self.user_tasks[uid]

    def exit(self, task: Task, *, status: int = 0, signo: int = 0) -> None:
        """End a task, by itself with ``status`` or by signal ``signo``."""
        exit_group(self, task, signo or status << 8)
        self._settle()

    def set_lease(self, task: Task, until: int) -> None:
        """Let a task end at ``until`` (ns MONOTONIC), instead of when it was to end before."""
        if task.lease == until:
            return
        self.drop_lease(task)
        task.lease = until
        self.deadlines.add(Clock.MONOTONIC, until, Lease(task, until))

    def drop_lease(self, task: Task) -> None:
        """The end of a task's lease is void: it was renewed, or the task has ended."""
        if task.lease is not None:
            task.lease = None
            self.deadlines.voided()

    def charge(self, uid: int, size: int) -> None:
        """Count bytes of POSIX queues to a user (RLIMIT_MSGQUEUE)."""
        self.mq_charges[uid] = self.mq_charges.get(uid, 0) + size

    def uncharge(self, uid: int, size: int) -> None:
        """Count them no more."""
        left = self.mq_charges[uid] - size
        if left:
            self.mq_charges[uid] = left
        else:
            del self.mq_charges[uid]

    def put_file(self, file: File) -> None:
        """Give up a reference to an open file; with the last one it is closed (``fput``)."""
        file.refs -= 1
        if not file.refs:
            file.release(self)

    def put_inode(self, inode: MqInode) -> None:
        """A queue lost its name or a file; with the last of both it ends (``iput``)."""
        if not inode.files and inode.name is None and self.inode_lives(inode):
            self.record(MqFreed(inode.ns, inode.ino))

    def inode_lives(self, inode: MqInode) -> bool:
        """Whether a queue is still there."""
        ns = self.ipc_namespaces.get(inode.ns)
        return ns is not None and inode.ino in ns.mq_inodes

    def stat(self) -> dict[str, int]:
        """How much there is of everything."""
        namespaces = self.ipc_namespaces.values()
        return {
            "position": self.position, "tasks": len(self.tasks), "namespaces": len(self.ns_tree),
            "ipc_namespaces": len(self.ipc_namespaces),
            "msg_queues": sum(ns.msg_ids.in_use for ns in namespaces),
            "mq_queues": sum(ns.mq_queues_count for ns in namespaces),
            "parked": sum(len(task.parked) for task in self.tasks.values()),
            "holding": sum(len(task.holding) for task in self.tasks.values()),
        }  # fmt: skip

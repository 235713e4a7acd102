"""How tasks are born: clone(2), and fork with everything a door wants of the child at once (``kernel/fork.c``)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from usernel.abi.capability import CAP_SETGID, CAP_SETUID, CAP_SYS_ADMIN, CAP_SYS_RESOURCE
from usernel.abi.errno import Errno
from usernel.abi.resource import RLIMIT_NPROC
from usernel.abi.sched import (
    CLONE_CLEAR_SIGHAND,
    CLONE_DETACHED,
    CLONE_FILES,
    CLONE_FS,
    CLONE_NEW_ALL,
    CLONE_NEWNS,
    CLONE_NEWPID,
    CLONE_NEWUSER,
    CLONE_PARENT,
    CLONE_PIDFD,
    CLONE_SIGHAND,
    CLONE_THREAD,
    CLONE_VM,
)
from usernel.abi.signal import SIG_CATCH, SIGCHLD

from .error import KernelError
from .fdtable import FdTable, open_fd
from .ns.idmap import INVALID_ID
from .ns.pid import Pid, alloc_pid, choose_numbers
from .ns.tree import get_ns
from .nsproxy import Making, NsProxy, check_user_ns, copy_namespaces, enter, make_user_ns
from .pidfd import PidFile
from .task import MAX_THREADS, TASK_COMM_LEN, Task, ThreadGroup

if TYPE_CHECKING:
    from .cred import Cred
    from .kernel import Kernel


@dataclass(frozen=True, slots=True)
class CloneArgs:
    """``struct clone_args``, as far as it means something here. ``set_tid`` names pids, the innermost first."""

    flags: int = 0
    exit_signal: int = SIGCHLD
    set_tid: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class Fork:
    """How a child differs from its parent, beyond what clone(2) knows; None leaves a field as the parent's.

    ``caps`` is the mask of capabilities to keep; ``ttl_ns`` how long it lives unless renewed. It is born in the new
    namespaces of ``unshare``. ``daemon`` makes it a child of init that nobody waits for, ``setsid`` the leader of a
    session of its own; ``pdeathsig`` reaches it when its parent ends; ``autoreap``: nobody waits for it;
    ``share_fds``: it has its parent's descriptors, not copies of them (CLONE_FILES).
    """

    uid: int | None = None
    gid: int | None = None
    groups: Sequence[int] | None = None
    caps: int | None = None
    comm: str | None = None
    unshare: int = 0
    ttl_ns: int | None = None
    daemon: bool = False
    setsid: bool = False
    close_fds: bool = False
    pdeathsig: int = 0
    autoreap: bool = False
    share_fds: bool = False


PLAIN = Fork()


def clone(kernel: Kernel, caller: Task, args: CloneArgs) -> tuple[Task, int | None]:
    """Make a child or a thread; and its pidfd under CLONE_PIDFD (``kernel_clone``).

    EINVAL for flags that exclude each other; EPERM; ENOSPC at limits of namespaces; EAGAIN at RLIMIT_NPROC and where no
    pid is free; ENOMEM where the init of the pid namespace has ended; EEXIST; EMFILE. All or nothing.
    """
    check_flags(caller, args.flags)
    pidfd = caller.fds.unused(caller) if args.flags & CLONE_PIDFD else None
    child = copy_process(kernel, caller, args, PLAIN)
    if pidfd is not None:
        open_fd(caller, PidFile(child.thread_pid, thread=bool(args.flags & CLONE_THREAD)))
    return child, pidfd


def check_flags(caller: Task, flags: int) -> None:
    """EINVAL for flags that exclude each other (``copy_process``)."""
    nsproxy = caller.nsproxy
    wrong = (
        (flags & CLONE_FS and flags & (CLONE_NEWNS | CLONE_NEWUSER), "CLONE_FS with CLONE_NEWNS or CLONE_NEWUSER"),
        (flags & CLONE_THREAD and not flags & CLONE_SIGHAND, "CLONE_THREAD without CLONE_SIGHAND"),
        (flags & CLONE_SIGHAND and not flags & CLONE_VM, "CLONE_SIGHAND without CLONE_VM"),
        (flags & CLONE_PARENT and caller.unkillable, "CLONE_PARENT by an init"),
        (flags & CLONE_THREAD and flags & (CLONE_NEWUSER | CLONE_NEWPID), "CLONE_THREAD with a new namespace"),
        (
            flags & CLONE_THREAD and nsproxy.pid_for_children is not caller.thread_pid.ns,
            "CLONE_THREAD after the children's pid namespace was changed",
        ),
        (flags & CLONE_PIDFD and flags & CLONE_DETACHED, "CLONE_PIDFD with CLONE_DETACHED"),
    )
    for present, what in wrong:
        if present:
            raise KernelError(Errno.EINVAL, what)


def fork(kernel: Kernel, parent: Task, how: Fork) -> Task:
    """Make a child that differs from its parent at once. As ``clone``; EPERM for ids that are not the parent's to give.

    EINVAL for a ttl that is not above 0.
    """
    if how.unshare & ~CLONE_NEW_ALL:
        raise KernelError(Errno.EINVAL, f"{how.unshare & ~CLONE_NEW_ALL:#x} names no kind of namespace")
    if how.ttl_ns is not None and how.ttl_ns <= 0:
        raise KernelError(Errno.EINVAL, "a ttl is more than 0")
    child = copy_process(kernel, parent, CloneArgs(how.unshare | (CLONE_FILES if how.share_fds else 0)), how)
    if how.ttl_ns is not None:
        kernel.set_lease(child, kernel.monotonic_ns + how.ttl_ns)
    return child


def copy_process(kernel: Kernel, parent: Task, args: CloneArgs, how: Fork) -> Task:
    """The new task: everything that may be refused is looked at first, then it is made."""
    flags = args.flags
    cred = _child_cred(parent, how)
    if flags & CLONE_NEWUSER:
        check_user_ns(cred)
    _check_nproc(kernel, parent, cred)
    plan = copy_namespaces(parent, cred if flags & CLONE_NEWUSER else parent.cred, flags)
    above = parent.nsproxy.pid_for_children
    numbers = choose_numbers(parent.cred, above, args.set_tid, fresh=bool(flags & CLONE_NEWPID))
    if flags & CLONE_NEWUSER:
        cred = make_user_ns(kernel, cred)
    nsproxy = _child_nsproxy(kernel, parent, plan, cred if flags & CLONE_NEWUSER else parent.cred, flags)
    pid = alloc_pid(nsproxy.pid_for_children, numbers, len(args.set_tid))
    child = _copy(parent, pid, cred, nsproxy, args, how)
    _adopt(kernel, parent, child, args, how)
    return child


def _child_nsproxy(kernel: Kernel, parent: Task, plan: Making | None, maker: Cred, flags: int) -> NsProxy:
    nsproxy = parent.nsproxy if plan is None else plan.make(kernel, maker.user_ns)
    # A process enters the time namespace that its parent chose for its children; a thread stays (``timens_on_fork``).
    if not flags & CLONE_VM and nsproxy.time is not nsproxy.time_for_children:
        nsproxy = replace(nsproxy, time=nsproxy.time_for_children)
    return nsproxy


def _copy(parent: Task, pid: Pid, cred: Cred, nsproxy: NsProxy, args: CloneArgs, how: Fork) -> Task:
    flags = args.flags
    fds = FdTable() if how.close_fds else parent.fds if flags & CLONE_FILES else parent.fds.copy()
    fs = parent.fs if flags & CLONE_FS else parent.fs.copy()
    fds.users += fds is parent.fds
    fs.users += bool(flags & CLONE_FS)
    signals = parent.signals.copy(shared=bool(flags & CLONE_SIGHAND))
    if flags & CLONE_CLEAR_SIGHAND:
        signals.actions = {signo: act for signo, act in signals.actions.items() if act.sa_handler != SIG_CATCH}
    group = parent.group if flags & CLONE_THREAD else _new_group(parent, pid, args, how)
    comm = (how.comm or parent.comm)[: TASK_COMM_LEN - 1]
    child = Task(pid, group, cred, nsproxy, comm, fds, fs, parent.nice, signals)
    child.pdeathsig = how.pdeathsig
    child.no_new_privs = parent.no_new_privs
    return child


def _new_group(parent: Task, pid: Pid, args: CloneArgs, how: Fork) -> ThreadGroup:
    old = parent.group
    pgrp, session = (pid, pid) if how.setsid else (old.pgrp, old.session)
    group = ThreadGroup(
        pgrp.attach(), session.attach(), old.mm_user_ns, rlimits=list(old.rlimits), exit_signal=args.exit_signal
    )
    group.has_child_subreaper = old.has_child_subreaper or old.child_subreaper
    group.autoreap = how.autoreap or how.daemon
    group.dumpable = old.dumpable
    if args.flags & CLONE_PARENT:
        group.exit_signal = old.exit_signal
    return group


def _adopt(kernel: Kernel, parent: Task, child: Task, args: CloneArgs, how: Fork) -> None:
    """Put the child into the tables, and where it stands among the others."""
    group = child.group
    if child.leader is child:
        elder = kernel.init if how.daemon else parent.parent if args.flags & CLONE_PARENT else parent.leader
        group.parent = elder
        if elder is not None:
            elder.children[child.pid] = child
        group.pgrp.group_members[child] = None
        if child.thread_pid.is_child_reaper:
            child.thread_pid.ns.child_reaper = child
            group.unkillable = True
    group.threads[child.pid] = child
    kernel.tasks[child.pid] = child
    kernel.count_task(child.cred.uid, 1)
    enter(child.nsproxy)
    child.nsproxy.time.frozen = True
    for ns in (child.cred.user_ns, child.thread_pid.ns):
        ns.tasks += 1
        get_ns(ns)


def _child_cred(parent: Task, how: Fork) -> Cred:
    cred, ns = parent.cred, parent.cred.user_ns
    uid = None if how.uid is None else make_kid(ns.uid_map.down(how.uid), how.uid)
    gid = None if how.gid is None else make_kid(ns.gid_map.down(how.gid), how.gid)
    groups = None if how.groups is None else [make_kid(ns.gid_map.down(group), group) for group in how.groups]
    if uid is not None and uid not in (cred.uid, cred.euid, cred.suid) and not cred.ns_capable(ns, CAP_SETUID):
        raise KernelError(Errno.EPERM, f"uid {cred.euid} without CAP_SETUID may not become uid {how.uid}")
    if gid is not None and gid not in (cred.gid, cred.egid, cred.sgid) and not cred.ns_capable(ns, CAP_SETGID):
        raise KernelError(Errno.EPERM, f"gid {cred.egid} without CAP_SETGID may not become gid {how.gid}")
    if groups is not None and not (ns.setgroups_possible and cred.ns_capable(ns, CAP_SETGID)):
        raise KernelError(Errno.EPERM, "other groups want CAP_SETGID")
    return cred if (uid, gid, groups, how.caps) == (None,) * 4 else cred.become(uid, gid, groups, how.caps)


def make_kid(kid: int, ident: int) -> int:
    """A mapped id. EINVAL for one that its user namespace does not map."""
    if kid == INVALID_ID:
        raise KernelError(Errno.EINVAL, f"id {ident} has no mapping in the caller's user namespace")
    return kid


def _check_nproc(kernel: Kernel, parent: Task, cred: Cred) -> None:
    limit = parent.rlimits[RLIMIT_NPROC].cur
    exempt = cred.uid == 0 or parent.cred.capable(CAP_SYS_RESOURCE) or parent.cred.capable(CAP_SYS_ADMIN)
    if not exempt and kernel.user_tasks.get(cred.uid, 0) >= limit:
        raise KernelError(Errno.EAGAIN, f"uid {cred.uid} has {limit} tasks, its RLIMIT_NPROC")
    if len(kernel.tasks) >= MAX_THREADS:
        raise KernelError(Errno.EAGAIN, f"there are {MAX_THREADS} tasks, as many as a kernel has (threads-max)")

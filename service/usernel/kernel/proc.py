"""The files of ``/proc/[pid]`` that tell of and change namespaces, as calls: read whole, or written at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from usernel.abi.capability import CAP_DAC_OVERRIDE, CAP_SYS_TIME
from usernel.abi.errno import Errno
from usernel.abi.signal import SIG_CATCH, SIG_IGN, mask

from .error import KernelError
from .facts import TimeOffsetsSet
from .ns.idmap import INVALID_ID
from .ns.time import CLOCK_BOOTTIME, CLOCK_MONOTONIC, OFFSET_CLOCKS
from .nsfs import proc_ns
from .user_namespace import PAGE_SIZE, shown_map, write_map, write_setgroups

if TYPE_CHECKING:
    from .kernel import Kernel
    from .task import Task

KTIME_SEC_MAX: Final = 9223372036
NSEC_PER_SEC: Final = 1_000_000_000
CLOCK_NAMES: Final = {
    "monotonic": CLOCK_MONOTONIC,
    "1": CLOCK_MONOTONIC,
    "boottime": CLOCK_BOOTTIME,
    "7": CLOCK_BOOTTIME,
}


READ_ONLY: Final = ("status", "cgroup")


def target_of(kernel: Kernel, viewer: Task, pid: int) -> Task:
    """The task of ``/proc/PID``, 0 for ``/proc/self``. ENOENT."""
    found = kernel.find_task(viewer, pid) if pid else viewer.leader
    if found is None:
        raise KernelError(Errno.ENOENT, f"there is no /proc/{pid}")
    return found


def read(kernel: Kernel, viewer: Task, pid: int, name: str) -> str:
    """The text of a file of ``/proc/PID``, or what a link in its ``ns`` reads. ENOENT, EACCES."""
    target = target_of(kernel, viewer, pid)
    if name.startswith("ns/"):
        return proc_ns(viewer, target, name.removeprefix("ns/")).link
    if name not in FILES:
        raise KernelError(Errno.ENOENT, f"there is no {name!r} here; there are {', '.join(FILES)}, and ns/")
    return FILES[name](viewer, target)


def write(kernel: Kernel, writer: Task, pid: int, name: str, text: str) -> int:
    """Write a file of ``/proc/PID``. ENOENT; EACCES for whom it is not; and what the file itself says."""
    target = target_of(kernel, writer, pid)
    if name not in FILES:
        raise KernelError(Errno.ENOENT, f"there is no {name!r} here")
    _may_write(writer, target, name)
    ns = target.cred.user_ns
    if name in ("uid_map", "gid_map", "projid_map"):
        write_map(kernel, writer.cred, ns, name, text)
    elif name == "setgroups":
        write_setgroups(kernel, writer.cred, ns, text)
    elif name == "timens_offsets":
        return write_timens_offsets(kernel, writer, target, text)
    elif target.group is writer.group:
        target.comm = text.removesuffix("\n")[:15]
    else:
        raise KernelError(Errno.EINVAL, "comm is written by the process itself")
    return len(text.encode())


def _may_write(writer: Task, target: Task, name: str) -> None:
    """Whether the file may be opened to write: its owner is the task's user, or root where that hides its state."""
    cred = writer.cred
    hidden = target.group.mm_user_ns.root_uid
    owner = target.cred.euid if target.group.dumpable else 0 if hidden == INVALID_ID else hidden
    mapped = cred.user_ns.uid_map.up(owner) != INVALID_ID
    regardless = mapped and cred.ns_capable(cred.user_ns, CAP_DAC_OVERRIDE)
    if (cred.fsuid != owner or name in READ_ONLY) and not regardless:
        raise KernelError(Errno.EACCES, f"the file belongs to uid {owner}, or is only read")
    if name in READ_ONLY:
        raise KernelError(Errno.EINVAL, f"{name} is only read")


# ------------------------------------------------------------------------------------------------------ what they tell


def _map_file(which: str) -> Callable[[Task, Task], str]:
    return lambda viewer, target: shown_map(viewer.cred.user_ns, target.cred.user_ns, which)


def _setgroups(viewer: Task, target: Task) -> str:
    return "allow\n" if target.cred.user_ns.setgroups_allowed else "deny\n"


def _comm(viewer: Task, target: Task) -> str:
    return f"{target.comm}\n"


def _cgroup(viewer: Task, target: Task) -> str:
    return f"0::{viewer.nsproxy.cgroup.shown('/')}\n"


def _timens_offsets(viewer: Task, target: Task) -> str:
    offsets = target.nsproxy.time_for_children.offsets_ns
    lines = ((name, *divmod(offsets[name], NSEC_PER_SEC)) for name in OFFSET_CLOCKS.values())
    return "".join(f"{name:<10s} {seconds:10d} {ns:9d}\n" for name, seconds, ns in lines)


def _status(viewer: Task, target: Task) -> str:
    """The lines of ``/proc/[pid]/status`` that have a meaning here, in its order (``proc_pid_status``)."""
    cred, maps, ns = target.cred, viewer.cred.user_ns, viewer.thread_pid.ns
    uids = "\t".join(str(maps.uid_map.munged(kid)) for kid in (cred.uid, cred.euid, cred.suid, cred.fsuid))
    gids = "\t".join(str(maps.gid_map.munged(kid)) for kid in (cred.gid, cred.egid, cred.sgid, cred.fsgid))
    groups = "".join(f"{maps.gid_map.munged(group)} " for group in cred.groups)
    parent = target.parent
    group = target.group
    numbers = {
        "NStgid": target.leader.thread_pid, "NSpid": target.thread_pid, "NSpgid": group.pgrp, "NSsid": group.session,
    }  # fmt: skip
    lines = [
        f"Name:\t{target.comm}", f"Umask:\t{target.umask:04o}",
        "State:\t" + STATES[target.state],
        f"Tgid:\t{target.nr_in(viewer)}", "Ngid:\t0", f"Pid:\t{target.thread_pid.nr_in(ns)}",
        f"PPid:\t{parent.nr_in(viewer) if parent else 0}", "TracerPid:\t0", f"Uid:\t{uids}", f"Gid:\t{gids}",
        f"FDSize:\t{max(64, len(target.fds))}", f"Groups:\t{groups or ' '}",
        *(f"{name}:\t" + "\t".join(str(nr) for level, nr in pid.numbers if level.within(ns))
          for name, pid in numbers.items()),
        "Kthread:\t0", f"Threads:\t{len(group.threads)}", *_signal_lines(target),
        f"CapInh:\t{cred.cap_inheritable:016x}", f"CapPrm:\t{cred.cap_permitted:016x}",
        f"CapEff:\t{cred.cap_effective:016x}", f"CapBnd:\t{cred.cap_bset:016x}", f"CapAmb:\t{cred.cap_ambient:016x}",
        f"NoNewPrivs:\t{int(target.no_new_privs)}",
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


STATES: Final = {"Z": "Z (zombie)", "T": "T (stopped)", "S": "S (sleeping)"}


def _signal_lines(target: Task) -> list[str]:
    signals, shared = target.signals, target.group.shared_pending
    handlers = {signo: action.sa_handler for signo, action in signals.actions.items()}
    sets = {
        "SigPnd": (info.si_signo for info in signals.pending),
        "ShdPnd": (info.si_signo for info in shared),
        "SigBlk": iter(signals.blocked),
        "SigIgn": (signo for signo, handler in handlers.items() if handler == SIG_IGN),
        "SigCgt": (signo for signo, handler in handlers.items() if handler == SIG_CATCH),
    }
    return [f"{name}:\t{mask(frozenset(members)):016x}" for name, members in sets.items()]


FILES: Final[Mapping[str, Callable[[Task, Task], str]]] = {
    "uid_map": _map_file("uid_map"),
    "gid_map": _map_file("gid_map"),
    "projid_map": _map_file("projid_map"),
    "setgroups": _setgroups,
    "status": _status,
    "cgroup": _cgroup,
    "timens_offsets": _timens_offsets,
    "comm": _comm,
}


# ------------------------------------------------------------------------------------------------------------- offsets


def write_timens_offsets(kernel: Kernel, writer: Task, target: Task, text: str) -> int:
    """Set the offsets of the time namespace of a task's children, before anybody is in it (``timens_offsets_write``).

    Two lines are read at most; returns how many bytes that were. EINVAL; ESRCH; EPERM without CAP_SYS_TIME; ERANGE for
    a clock that would run below 0 or out; EACCES once frozen.
    """
    if len(text.encode()) >= PAGE_SIZE:
        raise KernelError(Errno.EINVAL, f"offsets are written at once, in less than {PAGE_SIZE} bytes")
    lines = text.removesuffix("\n").split("\n")
    read = lines[: len(OFFSET_CLOCKS)]
    offsets = [_parse_offset(line) for line in read]
    if target.exited:
        raise KernelError(Errno.ESRCH, f"task {target.pid} has ended")
    ns = target.nsproxy.time_for_children
    if not writer.cred.ns_capable(ns.user_ns, CAP_SYS_TIME):
        raise KernelError(Errno.EPERM, "offsets want CAP_SYS_TIME in the owner of the time namespace")
    for _, offset_ns in offsets:
        seconds = (kernel.monotonic_ns + offset_ns) // NSEC_PER_SEC
        if abs(offset_ns) > KTIME_SEC_MAX * NSEC_PER_SEC or not 0 <= seconds <= KTIME_SEC_MAX // 2:
            raise KernelError(Errno.ERANGE, "the clock would run below 0, or out of its range")
    if ns.frozen:
        raise KernelError(Errno.EACCES, "tasks are in the time namespace already")
    merged = ns.offsets_ns | {OFFSET_CLOCKS[clock]: offset_ns for clock, offset_ns in offsets}
    kernel.record(TimeOffsetsSet(ns.inum, merged["monotonic"], merged["boottime"]))
    return len(text.encode()) if len(read) == len(lines) else sum(len(line.encode()) + 1 for line in read)


def _parse_offset(line: str) -> tuple[int, int]:
    words = line.split()
    try:
        clock, seconds, ns = CLOCK_NAMES[words[0]], int(words[1]), int(words[2])
    except (KeyError, IndexError, ValueError):
        raise KernelError(Errno.EINVAL, f"{line!r} is not a clock, seconds and nanoseconds") from None
    if not 0 <= ns < NSEC_PER_SEC:
        raise KernelError(Errno.EINVAL, f"{line!r} is not a clock, seconds and nanoseconds")
    return clock, seconds * NSEC_PER_SEC + ns

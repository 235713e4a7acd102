"""The calls about namespaces, and the files of ``/proc/[pid]`` about them: parse, check, act."""

from __future__ import annotations

from typing import Final

from usernel.abi.errno import Errno
from usernel.abi.fcntl import O_LARGEFILE
from usernel.abi.names import Names
from usernel.abi.nsfs import NSFS_IOCTLS
from usernel.abi.pidfd import INFO_MASK, PIDFD_IOCTLS
from usernel.abi.sched import CLONE_FLAGS, KINDS, UNSHARE_FLAGS
from usernel.kernel import nsfs, nsproxy, proc, sysctl
from usernel.kernel import utsname as kernel_utsname
from usernel.kernel.call import Call, Return
from usernel.kernel.error import KernelError
from usernel.kernel.fdtable import open_fd
from usernel.kernel.kernel import Kernel
from usernel.kernel.ns import pins

from .kinds import BOOL, INT, LONG, TEXT, UINT, ULONG, Enumeration, Field, Flags, ListOf, Numbers, Structure
from .msg import LIMIT, check_limit
from .row import Row, errnos

U32: Final = 0xFFFFFFFF


def sys_unshare(kernel: Kernel, call: Call, flags: int) -> Return:
    """unshare(2)."""
    nsproxy.unshare(kernel, call.task, flags)
    return Return(0)


def sys_setns(kernel: Kernel, call: Call, fd: int, nstype: int) -> Return:
    """setns(2)."""
    nsfs.setns(kernel, call.task, fd, nstype & U32)
    return Return(0)


def sys_ioctl(kernel: Kernel, call: Call, fd: int, cmd: int, arg: int) -> Return:
    """ioctl(2) on descriptors of namespaces and processes."""
    return nsfs.ioctl(kernel, call.task, fd, cmd & U32, arg)


def sys_proc_ns_open(kernel: Kernel, call: Call, pid: int, name: str) -> Return:
    """open(2) of /proc/PID/ns/NAME."""
    ns = nsfs.proc_ns(call.task, proc.target_of(kernel, call.task, pid), name)
    call.task.fds.unused(call.task)
    return Return(open_fd(call.task, nsfs.NsFile(ns, kernel.seconds, O_LARGEFILE)))


def sys_proc_pid_read(kernel: Kernel, call: Call, pid: int, name: str) -> Return:
    """A file of /proc/PID, whole."""
    text = proc.read(kernel, call.task, pid, name)
    return Return(len(text), {"text": text})


def sys_proc_pid_write(kernel: Kernel, call: Call, pid: int, name: str, text: str) -> Return:
    """One write(2) to a file of /proc/PID."""
    return Return(proc.write(kernel, call.task, pid, name, text))


def sys_sethostname(kernel: Kernel, call: Call, name: str) -> Return:
    """sethostname(2)."""
    kernel_utsname.set_name(kernel, call.task, "nodename", name)
    return Return(0)


def sys_setdomainname(kernel: Kernel, call: Call, name: str) -> Return:
    """setdomainname(2)."""
    kernel_utsname.set_name(kernel, call.task, "domainname", name)
    return Return(0)


def sys_uname(kernel: Kernel, call: Call) -> Return:
    """uname(2)."""
    return Return(0, kernel_utsname.uname(call.task))


def sys_clock_gettime(kernel: Kernel, call: Call, clockid: int) -> Return:
    """clock_gettime(2)."""
    tv_sec, tv_nsec = divmod(kernel_utsname.clock_gettime(kernel, call.task, clockid), 10**9)
    return Return(0, {"tv_sec": tv_sec, "tv_nsec": tv_nsec})


def sys_sysctl(kernel: Kernel, call: Call, name: str, value: int | None) -> Return:
    """Read and write a number of a namespace, as a file under /proc/sys."""
    ns = sysctl.namespace_of(call.task, name)
    if value is not None:
        sysctl.write(kernel, call.task.cred, ns, name, value)
    return Return(0, {"value": ns.sysctl(name)})


def sys_ns_list(kernel: Kernel, call: Call, kind: str | None, after: int, limit: int) -> Return:
    """The namespaces that the caller may see."""
    if kind is not None and kind not in KINDS:
        raise KernelError(Errno.EINVAL, f"{kind!r} is no kind of namespace; there are {', '.join(KINDS)}")
    page = pins.page(kernel, call.task, kind, after, check_limit(limit) + 1)
    items = [ns.stat() for ns in page[:limit]]
    return Return(len(items), {"namespaces": items, "next": page[limit - 1].inum if len(page) > limit else None})


def sys_ns_stat(kernel: Kernel, call: Call, inum: int) -> Return:
    """A namespace by its inode number."""
    return Return(0, pins.visible(kernel, call.task, inum).stat())


def sys_ns_pin(kernel: Kernel, call: Call, inum: int, pinned: bool) -> Return:
    """Keep a namespace without tasks in it, or no more."""
    pins.pin(kernel, call.task, inum, pinned=pinned)
    return Return(0)


def sys_ns_sysctl(kernel: Kernel, call: Call, inum: int, name: str, value: int) -> Return:
    """Write a number of a namespace from outside."""
    ns = pins.visible(kernel, call.task, inum)
    if name not in ns.SYSCTLS:
        raise KernelError(Errno.ENOENT, f"a {ns.name} namespace has no sysctl {name!r}")
    sysctl.write(kernel, call.task.cred, ns, name, value)
    return Return(0)


def sys_ns_open(kernel: Kernel, call: Call, inum: int) -> Return:
    """A descriptor of a namespace by its inode number."""
    ns = pins.visible(kernel, call.task, inum)
    call.task.fds.unused(call.task)
    return Return(open_fd(call.task, nsfs.NsFile(ns, kernel.seconds)))


IOCTLS: Final = Names("ioctl_cmd", {**NSFS_IOCTLS.values, **PIDFD_IOCTLS.values}, one=True)
MNT_NS_INFO: Final = Structure("mnt_ns_info", tuple(Field(name, ULONG) for name in ("size", "nr_mounts", "mnt_ns_id")))
PIDFD_INFO: Final = Structure(
    "pidfd_info",
    (
        Field("mask", Flags(INFO_MASK, ULONG)),
        Field("cgroupid", ULONG, None),
        *(Field(name, UINT, None) for name in "pid tgid ppid ruid rgid euid egid suid sgid fsuid fsgid".split()),
        Field("exit_code", INT, None),
    ),
)
IOCTL_OUT: Final = Structure(
    "ioctl_out",
    (
        Field("uid", UINT, None),
        Field("ns_id", ULONG, None),
        Field("mnt_ns_info", MNT_NS_INFO, None),
        Field("pidfd_info", PIDFD_INFO, None),
    ),
)
UTSNAME: Final = Structure(
    "utsname",
    tuple(Field(name, TEXT) for name in "sysname nodename release version machine domainname".split()),
)
NAMESPACE_FIELDS: Final[tuple[Field, ...]] = (
    Field("inum", UINT),
    Field("ns_id", ULONG),
    Field("type", TEXT),
    Field("link", TEXT, doc="what the link in /proc/[pid]/ns reads"),
    Field("parent", TEXT, None),
    Field("owner", TEXT, None, "the user namespace in which capabilities over it count"),
    Field("uid", UINT),
    Field("tasks", INT),
    Field("refs", INT, doc="what keeps it: tasks, descriptors, namespaces below, pins"),
    Field("pinned", BOOL),
    Field("sysctls", Numbers(), doc="its limits by their names under /proc/sys"),
    Field("level", INT, None, "how deep below the initial one"),
    Field("uid_map", ListOf(ListOf(UINT)), None, "of a user namespace: first, lower, count"),
    Field("gid_map", ListOf(ListOf(UINT)), None),
    Field("setgroups", TEXT, None),
    Field("pids", INT, None, "of a pid namespace: how many numbers are taken"),
    Field("child_reaper", INT, None, "the pid of its init"),
    Field("nodename", TEXT, None, "of a UTS namespace"),
    Field("domainname", TEXT, None),
    Field("offsets_ns", Numbers(), None, "of a time namespace"),
    Field("msg_queues", INT, None, "of an IPC namespace"),
    Field("mq_queues", INT, None),
    Field("durability", TEXT, None, "of its new queues, where they ask for none"),
    Field("mounts", ListOf(TEXT), None, "of a mount namespace"),
    Field("interfaces", ListOf(TEXT), None, "of a network namespace"),
    Field("root", TEXT, None, "of a cgroup namespace"),
)
NAMESPACE: Final = Structure("namespace", NAMESPACE_FIELDS)
NUMBERS: Final = Structure("sysctl", (Field("value", LONG),))
NAME: Final = Field("name", TEXT)
PID: Final = Field("pid", INT, 0, "0 for the caller")
INUM: Final = Field("inum", UINT, doc="the inode number")
PROC_ERRNOS: Final = "EACCES EINVAL ENOENT EPERM ERANGE ESRCH"
SEEN_ERRNOS: Final = "ENOENT EPERM"

ROWS: Final = (
    Row(
        "unshare", "Move to new namespaces.", "unshare(2)", (Field("flags", Flags(UNSHARE_FLAGS, ULONG)),),
        errnos("EINVAL ENOSPC EPERM"), sys_unshare,
    ),
    Row(
        "setns", "Enter a namespace, or several of a process.", "setns(2)",
        (Field("fd", INT), Field("nstype", Flags(CLONE_FLAGS, ULONG), 0)), errnos("EBADF EINVAL EPERM ESRCH EUSERS"),
        sys_setns,
    ),
    Row(
        "ioctl", "Ask a descriptor of a namespace or of a process.", "ioctl_nsfs(2)",
        (Field("fd", INT), Field("cmd", Enumeration(IOCTLS)), Field("arg", LONG, 0)),
        errnos("EACCES EBADF EINVAL EMFILE ENOENT ENOTTY EPERM ESRCH"), sys_ioctl, IOCTL_OUT,
        partial="NS_GET_*, NS_MNT_GET_*, PIDFD_GET_*",
    ),
    Row(
        "sethostname", "Set the host name.", "sethostname(2)", (NAME,), errnos("EINVAL EPERM"), sys_sethostname,
    ),
    Row(
        "setdomainname", "Set the domain name.", "setdomainname(2)", (NAME,), errnos("EINVAL EPERM"),
        sys_setdomainname,
    ),
    Row("uname", "The names of the system.", "uname(2)", (), frozenset(), sys_uname, UTSNAME),
    Row(
        "clock_gettime", "The time on a clock.", "clock_gettime(2)", (Field("clockid", INT),), errnos("EINVAL"),
        sys_clock_gettime, Structure("clock", (Field("tv_sec", LONG), Field("tv_nsec", LONG))),
        partial="CLOCK_REALTIME, CLOCK_MONOTONIC and CLOCK_BOOTTIME",
    ),
    Row(
        "proc_ns_open", "Open /proc/PID/ns/NAME; returns a descriptor.", "namespaces(7)", (PID, NAME),
        errnos("EACCES EMFILE ENOENT"), sys_proc_ns_open,
    ),
    Row(
        "proc_pid_read", "Read a file of /proc/PID, or a link in its ns.", "proc(5)", (PID, NAME),
        errnos("EACCES ENOENT"), sys_proc_pid_read, Structure("proc_file", (Field("text", TEXT),)),
        partial="uid_map gid_map projid_map setgroups status cgroup timens_offsets comm, ns/; no memory in status",
    ),
    Row(
        "proc_pid_write", "Write a file of /proc/PID; returns how many bytes.", "proc(5)",
        (PID, NAME, Field("text", TEXT)), errnos(PROC_ERRNOS), sys_proc_pid_write,
        partial="uid_map gid_map projid_map setgroups timens_offsets comm",
    ),
    Row(
        "sysctl", "Read and write a number of a namespace.", "proc(5)",
        (Field("name", TEXT, doc="kernel.msgmnb, fs.mqueue.msg_max, user.max_ipc_namespaces, ..."),
         Field("value", LONG, None)),
        errnos("EACCES EINVAL ENOENT EPERM"), sys_sysctl, NUMBERS,
    ),
    Row(
        "ns_list", "The namespaces that the caller may see.", "namespaces(7)",
        (Field("type", TEXT, None, "ipc, user, ...; null for all"), Field("after", UINT, 0, "the last seen"), LIMIT),
        errnos("EINVAL"), sys_ns_list,
        Structure("ns_list", (Field("namespaces", ListOf(NAMESPACE)), Field("next", UINT, None))),
    ),
    Row("ns_stat", "A namespace.", "namespaces(7)", (INUM,), errnos("ENOENT"), sys_ns_stat, NAMESPACE),
    Row(
        "ns_open", "Open a namespace by its number; returns a descriptor.", "namespaces(7)", (INUM,),
        errnos("EMFILE ENOENT"), sys_ns_open,
    ),
    Row(
        "ns_pin", "Keep a namespace without tasks in it, or no more.", "namespaces(7)", (INUM, Field("pinned", BOOL)),
        errnos(SEEN_ERRNOS), sys_ns_pin,
    ),
    Row(
        "ns_sysctl", "Write a number of a namespace from outside.", "proc(5)",
        (INUM, Field("name", TEXT), Field("value", LONG)), errnos("EACCES EINVAL ENOENT EPERM"), sys_ns_sysctl,
    ),
)  # fmt: skip

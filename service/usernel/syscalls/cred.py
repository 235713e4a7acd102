"""The calls about whose a task is and what it may do: parse, check, act."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from usernel.abi.capability import CAPABILITY_SETS
from usernel.kernel import capability, setuid
from usernel.kernel.call import Call, Return
from usernel.kernel.kernel import Kernel
from usernel.kernel.task import Task

from .kinds import INT, UINT, ULONG, Field, Flags, ListOf, Structure
from .row import Row, errnos


def _getter(name: str, summary: str, shown: Callable[[Task], int]) -> Row:
    def act(kernel: Kernel, call: Call) -> Return:
        return Return(shown(call.task))

    return Row(name, summary, f"{name}(2)", (), frozenset(), act)


def _uid(task: Task, kid: int) -> int:
    return task.cred.user_ns.uid_map.munged(kid)


def _gid(task: Task, kid: int) -> int:
    return task.cred.user_ns.gid_map.munged(kid)


def sys_getresuid(kernel: Kernel, call: Call) -> Return:
    """getresuid(2)."""
    cred, task = call.task.cred, call.task
    return Return(0, {"ruid": _uid(task, cred.uid), "euid": _uid(task, cred.euid), "suid": _uid(task, cred.suid)})


def sys_getresgid(kernel: Kernel, call: Call) -> Return:
    """getresgid(2)."""
    cred, task = call.task.cred, call.task
    return Return(0, {"rgid": _gid(task, cred.gid), "egid": _gid(task, cred.egid), "sgid": _gid(task, cred.sgid)})


def sys_getgroups(kernel: Kernel, call: Call) -> Return:
    """getgroups(2)."""
    groups = [_gid(call.task, kid) for kid in call.task.cred.groups]
    return Return(len(groups), {"groups": groups})


def sys_setuid(kernel: Kernel, call: Call, uid: int) -> Return:
    """setuid(2)."""
    setuid.setuid(kernel, call.task, uid)
    return Return(0)


def sys_setgid(kernel: Kernel, call: Call, gid: int) -> Return:
    """setgid(2)."""
    setuid.setgid(kernel, call.task, gid)
    return Return(0)


def sys_setreuid(kernel: Kernel, call: Call, ruid: int, euid: int) -> Return:
    """setreuid(2)."""
    setuid.setreuid(kernel, call.task, ruid, euid)
    return Return(0)


def sys_setregid(kernel: Kernel, call: Call, rgid: int, egid: int) -> Return:
    """setregid(2)."""
    setuid.setregid(kernel, call.task, rgid, egid)
    return Return(0)


def sys_setresuid(kernel: Kernel, call: Call, ruid: int, euid: int, suid: int) -> Return:
    """setresuid(2)."""
    setuid.setresuid(kernel, call.task, ruid, euid, suid)
    return Return(0)


def sys_setresgid(kernel: Kernel, call: Call, rgid: int, egid: int, sgid: int) -> Return:
    """setresgid(2)."""
    setuid.setresgid(kernel, call.task, rgid, egid, sgid)
    return Return(0)


def sys_setgroups(kernel: Kernel, call: Call, groups: Sequence[int]) -> Return:
    """setgroups(2)."""
    setuid.setgroups(kernel, call.task, groups)
    return Return(0)


def sys_setfsuid(kernel: Kernel, call: Call, uid: int) -> Return:
    """setfsuid(2)."""
    return Return(setuid.setfsuid(kernel, call.task, uid))


def sys_setfsgid(kernel: Kernel, call: Call, gid: int) -> Return:
    """setfsgid(2)."""
    return Return(setuid.setfsgid(kernel, call.task, gid))


def sys_capget(kernel: Kernel, call: Call, pid: int) -> Return:
    """capget(2), version 3."""
    return Return(0, capability.capget(kernel, call.task, pid))


def sys_capset(kernel: Kernel, call: Call, effective: int, permitted: int, inheritable: int) -> Return:
    """capset(2) of the caller, version 3."""
    capability.capset(kernel, call.task, effective, permitted, inheritable)
    return Return(0)


CAPS: Final = Flags(CAPABILITY_SETS, ULONG)
SETID: Final = errnos("EINVAL EPERM")


def _ids(*names: str) -> tuple[Field, ...]:
    return tuple(Field(name, UINT, doc="-1 leaves it" if len(names) > 1 else "") for name in names)


ROWS: Final = (
    _getter("getuid", "The real uid.", lambda task: _uid(task, task.cred.uid)),
    _getter("geteuid", "The effective uid.", lambda task: _uid(task, task.cred.euid)),
    _getter("getgid", "The real gid.", lambda task: _gid(task, task.cred.gid)),
    _getter("getegid", "The effective gid.", lambda task: _gid(task, task.cred.egid)),
    Row(
        "getresuid", "Real, effective and saved uid.", "getresuid(2)", (), frozenset(), sys_getresuid,
        Structure("resuid", _ids("ruid", "euid", "suid")),
    ),
    Row(
        "getresgid", "Real, effective and saved gid.", "getresgid(2)", (), frozenset(), sys_getresgid,
        Structure("resgid", _ids("rgid", "egid", "sgid")),
    ),
    Row(
        "getgroups", "The supplementary groups; returns how many.", "getgroups(2)", (), frozenset(), sys_getgroups,
        Structure("groups", (Field("groups", ListOf(UINT)),)),
    ),
    Row("setuid", "Set the effective uid, or all.", "setuid(2)", _ids("uid"), SETID, sys_setuid),
    Row("setgid", "Set the effective gid, or all.", "setgid(2)", _ids("gid"), SETID, sys_setgid),
    Row("setreuid", "Set real and effective uid.", "setreuid(2)", _ids("ruid", "euid"), SETID, sys_setreuid),
    Row("setregid", "Set real and effective gid.", "setregid(2)", _ids("rgid", "egid"), SETID, sys_setregid),
    Row(
        "setresuid", "Set real, effective and saved uid.", "setresuid(2)", _ids("ruid", "euid", "suid"), SETID,
        sys_setresuid,
    ),
    Row(
        "setresgid", "Set real, effective and saved gid.", "setresgid(2)", _ids("rgid", "egid", "sgid"), SETID,
        sys_setresgid,
    ),
    Row(
        "setgroups", "Set the supplementary groups.", "setgroups(2)", (Field("groups", ListOf(UINT)),), SETID,
        sys_setgroups,
    ),
    Row("setfsuid", "Set the uid of file access; returns the old one.", "setfsuid(2)", _ids("uid"), frozenset(),
        sys_setfsuid),
    Row("setfsgid", "Set the gid of file access; returns the old one.", "setfsgid(2)", _ids("gid"), frozenset(),
        sys_setfsgid),
    Row(
        "capget", "The capabilities of a task.", "capget(2)", (Field("pid", INT, 0, "0 for the caller"),),
        errnos("EINVAL ESRCH"), sys_capget,
        Structure("capabilities", tuple(Field(name, CAPS) for name in ("effective", "permitted", "inheritable"))),
    ),
    Row(
        "capset", "Set the caller's capabilities.", "capset(2)",
        tuple(Field(name, CAPS) for name in ("effective", "permitted", "inheritable")), errnos("EPERM"), sys_capset,
    ),
)  # fmt: skip

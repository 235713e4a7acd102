"""The calls that change whose a task is: setuid(2) and its family, setgroups(2) (``kernel/sys.c``, ``groups.c``)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from usernel.abi.capability import CAP_SETGID, CAP_SETUID
from usernel.abi.errno import Errno

from .error import KernelError
from .ns.idmap import INVALID_ID, IdMap
from .nsproxy import commit_creds

if TYPE_CHECKING:
    from .cred import Cred
    from .kernel import Kernel
    from .task import Task

UNCHANGED = INVALID_ID
"""-1, which leaves an id as it is."""
NGROUPS_MAX = 65536


def _kid(id_map: IdMap, ident: int) -> int:
    kid = id_map.down(ident)
    if kid == INVALID_ID:
        raise KernelError(Errno.EINVAL, f"id {ident} has no mapping in the caller's user namespace")
    return kid


def _kids(id_map: IdMap, idents: Sequence[int]) -> list[int | None]:
    return [None if ident == UNCHANGED else _kid(id_map, ident) for ident in idents]


def _check(cred: Cred, capability: int, kid: int | None, own: Sequence[int]) -> None:
    if kid is not None and kid not in own and not cred.ns_capable(cred.user_ns, capability):
        name = "CAP_SETUID" if capability == CAP_SETUID else "CAP_SETGID"
        raise KernelError(Errno.EPERM, f"another id than one's own wants {name}")


def _commit_uids(kernel: Kernel, task: Task, **ids: int) -> None:
    changed = replace(task.cred, **_typed(ids))
    commit_creds(kernel, task, changed.fixed_up(task.cred))


def _typed(ids: dict[str, int]) -> dict[str, Any]:
    return dict(ids)


def setuid(kernel: Kernel, task: Task, uid: int) -> None:
    """Set the effective uid, and with CAP_SETUID all: setuid(2). EINVAL, EPERM."""
    old = task.cred
    kid = _kid(old.user_ns.uid_map, uid)
    if old.ns_capable(old.user_ns, CAP_SETUID):
        _commit_uids(kernel, task, uid=kid, suid=kid, euid=kid, fsuid=kid)
        return
    _check(old, CAP_SETUID, kid, (old.uid, old.suid))
    _commit_uids(kernel, task, euid=kid, fsuid=kid)


def setgid(kernel: Kernel, task: Task, gid: int) -> None:
    """Set the effective gid, and with CAP_SETGID all: setgid(2). EINVAL, EPERM."""
    old = task.cred
    kid = _kid(old.user_ns.gid_map, gid)
    if old.ns_capable(old.user_ns, CAP_SETGID):
        commit_creds(kernel, task, replace(old, gid=kid, sgid=kid, egid=kid, fsgid=kid))
        return
    _check(old, CAP_SETGID, kid, (old.gid, old.sgid))
    commit_creds(kernel, task, replace(old, egid=kid, fsgid=kid))


def setreuid(kernel: Kernel, task: Task, ruid: int, euid: int) -> None:
    """Set the real and the effective uid; the saved one may follow: setreuid(2). EINVAL, EPERM."""
    old = task.cred
    real, effective = _kids(old.user_ns.uid_map, (ruid, euid))
    _check(old, CAP_SETUID, real, (old.uid, old.euid))
    _check(old, CAP_SETUID, effective, (old.uid, old.euid, old.suid))
    new_euid = old.euid if effective is None else effective
    saved = real is not None or (effective is not None and effective != old.uid)
    ids = {"uid": old.uid if real is None else real, "euid": new_euid, "fsuid": new_euid}
    _commit_uids(kernel, task, **ids, suid=new_euid if saved else old.suid)


def setregid(kernel: Kernel, task: Task, rgid: int, egid: int) -> None:
    """Set the real and the effective gid; the saved one may follow: setregid(2). EINVAL, EPERM."""
    old = task.cred
    real, effective = _kids(old.user_ns.gid_map, (rgid, egid))
    _check(old, CAP_SETGID, real, (old.gid, old.egid))
    _check(old, CAP_SETGID, effective, (old.gid, old.egid, old.sgid))
    new_egid = old.egid if effective is None else effective
    saved = new_egid if real is not None or (effective is not None and effective != old.gid) else old.sgid
    gid = old.gid if real is None else real
    commit_creds(kernel, task, replace(old, gid=gid, egid=new_egid, sgid=saved, fsgid=new_egid))


def setresuid(kernel: Kernel, task: Task, ruid: int, euid: int, suid: int) -> None:
    """Set real, effective and saved uid: setresuid(2). EINVAL, EPERM."""
    old = task.cred
    kids = _kids(old.user_ns.uid_map, (ruid, euid, suid))
    for kid in kids:
        _check(old, CAP_SETUID, kid, (old.uid, old.euid, old.suid))
    uid, effective, saved = (before if kid is None else kid for kid, before in zip(kids, _uids(old), strict=True))
    _commit_uids(kernel, task, uid=uid, euid=effective, suid=saved, fsuid=effective)


def _uids(cred: Cred) -> tuple[int, int, int]:
    return cred.uid, cred.euid, cred.suid


def setresgid(kernel: Kernel, task: Task, rgid: int, egid: int, sgid: int) -> None:
    """Set real, effective and saved gid: setresgid(2). EINVAL, EPERM."""
    old = task.cred
    before = (old.gid, old.egid, old.sgid)
    kids = _kids(old.user_ns.gid_map, (rgid, egid, sgid))
    for kid in kids:
        _check(old, CAP_SETGID, kid, before)
    gid, effective, saved = (was if kid is None else kid for kid, was in zip(kids, before, strict=True))
    commit_creds(kernel, task, replace(old, gid=gid, egid=effective, sgid=saved, fsgid=effective))


def setfsuid(kernel: Kernel, task: Task, uid: int) -> int:
    """Set the uid that files are opened with, if that is allowed: setfsuid(2). Returns the old one either way."""
    old = task.cred
    kid = old.user_ns.uid_map.down(uid)
    own = (old.uid, old.euid, old.suid, old.fsuid)
    if kid != INVALID_ID and (kid in own or old.ns_capable(old.user_ns, CAP_SETUID)):
        commit_creds(kernel, task, replace(old, fsuid=kid).fs_fixed_up(old))
    return old.user_ns.uid_map.munged(old.fsuid)


def setfsgid(kernel: Kernel, task: Task, gid: int) -> int:
    """Set the gid that files are opened with, if that is allowed: setfsgid(2). Returns the old one either way."""
    old = task.cred
    kid = old.user_ns.gid_map.down(gid)
    own = (old.gid, old.egid, old.sgid, old.fsgid)
    if kid != INVALID_ID and (kid in own or old.ns_capable(old.user_ns, CAP_SETGID)):
        commit_creds(kernel, task, replace(old, fsgid=kid))
    return old.user_ns.gid_map.munged(old.fsgid)


def setgroups(kernel: Kernel, task: Task, groups: Sequence[int]) -> None:
    """Set the supplementary groups: setgroups(2). EPERM, also where ``/proc/[pid]/setgroups`` denies it; EINVAL."""
    old = task.cred
    if not (old.ns_capable(old.user_ns, CAP_SETGID) and old.user_ns.setgroups_possible):
        raise KernelError(Errno.EPERM, "other groups want CAP_SETGID, and a user namespace that allows them")
    if len(groups) > NGROUPS_MAX:
        raise KernelError(Errno.EINVAL, f"{NGROUPS_MAX} groups at most")
    kids = tuple(sorted(_kid(old.user_ns.gid_map, group) for group in groups))
    commit_creds(kernel, task, replace(old, groups=kids))

"""Who may look into another task, and act as it (``kernel/ptrace.c``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from usernel.abi.capability import CAP_SYS_PTRACE

if TYPE_CHECKING:
    from .task import Task


def ptrace_may_access(caller: Task, target: Task, *, fscreds: bool) -> bool:
    """Whether a task may read another's state (``__ptrace_may_access``, PTRACE_MODE_READ).

    ``fscreds``: by the ids and capabilities that files are opened with, else by the real ids and permitted ones.
    """
    if caller.group is target.group:
        return True
    mine, its = caller.cred, target.cred
    uid, gid = (mine.fsuid, mine.fsgid) if fscreds else (mine.uid, mine.gid)
    privileged = mine.ns_capable(its.user_ns, CAP_SYS_PTRACE)
    same = {its.uid, its.euid, its.suid} == {uid} and {its.gid, its.egid, its.sgid} == {gid}
    if not same and not privileged:
        return False
    hidden = not target.exited and not target.group.dumpable
    if hidden and not mine.ns_capable(target.group.mm_user_ns, CAP_SYS_PTRACE):
        return False
    caps = mine.cap_effective if fscreds else mine.cap_permitted
    return privileged or (mine.user_ns is its.user_ns and not its.cap_permitted & ~caps)


def may_act_as(actor: Task, target: Task) -> bool:
    """Whether a task may act as another: itself, a descendant, or one whose ids are its own, or by CAP_SYS_PTRACE."""
    ancestor: Task | None = target
    while ancestor is not None:
        if ancestor.group is actor.group:
            return True
        ancestor = ancestor.parent
    mine, its = actor.cred, target.cred
    same_uid = {its.uid, its.euid, its.suid} == {mine.uid}
    same_gid = {its.gid, its.egid, its.sgid} == {mine.gid}
    return (same_uid and same_gid) or mine.ns_capable(its.user_ns, CAP_SYS_PTRACE)

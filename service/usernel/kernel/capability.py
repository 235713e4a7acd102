"""capget(2), capset(2), and what prctl(2) does to capabilities (``kernel/capability.c``, ``security/commoncap.c``)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from usernel.abi import prctl as abi
from usernel.abi.capability import CAP_FULL_SET, CAP_LAST_CAP, CAP_SETPCAP
from usernel.abi.errno import Errno

from .error import KernelError
from .nsproxy import commit_creds

if TYPE_CHECKING:
    from .call import Out
    from .cred import Cred
    from .kernel import Kernel
    from .task import Task


def capget(kernel: Kernel, task: Task, pid: int) -> Out:
    """The capabilities of a task. EINVAL, ESRCH."""
    if pid < 0:
        raise KernelError(Errno.EINVAL, f"{pid} is no pid")
    target = kernel.find_task(task, pid) if pid else task
    if target is None:
        raise KernelError(Errno.ESRCH, f"no task {pid}")
    cred = target.cred
    return {
        "effective": cred.cap_effective, "permitted": cred.cap_permitted, "inheritable": cred.cap_inheritable,
    }  # fmt: skip


def capset(kernel: Kernel, task: Task, effective: int, permitted: int, inheritable: int) -> None:
    """Set the caller's capabilities (``cap_capset``). EPERM for any that it may not have."""
    old = task.cred
    effective, permitted, inheritable = (mask & CAP_FULL_SET for mask in (effective, permitted, inheritable))
    capped = not old.ns_capable(old.user_ns, CAP_SETPCAP)
    if capped and inheritable & ~(old.cap_inheritable | old.cap_permitted):
        raise KernelError(Errno.EPERM, "inheriting what is not permitted wants CAP_SETPCAP")
    if inheritable & ~(old.cap_inheritable | old.cap_bset):
        raise KernelError(Errno.EPERM, "the bounding set does not hold what is to be inherited")
    if permitted & ~old.cap_permitted:
        raise KernelError(Errno.EPERM, "nobody adds to what is permitted")
    if effective & ~permitted:
        raise KernelError(Errno.EPERM, "only what is permitted can be in effect")
    ambient = old.cap_ambient & permitted & inheritable
    sets = (inheritable, permitted, effective, ambient)
    commit_creds(kernel, task, _with(old, *sets))


def _with(cred: Cred, inheritable: int, permitted: int, effective: int, ambient: int) -> Cred:
    return replace(
        cred, cap_inheritable=inheritable, cap_permitted=permitted, cap_effective=effective, cap_ambient=ambient
    )


def capbset_read(task: Task, number: int) -> int:
    """Whether the bounding set holds a capability: PR_CAPBSET_READ. EINVAL."""
    return int(bool(task.cred.cap_bset & _mask(number)))


def capbset_drop(kernel: Kernel, task: Task, number: int) -> None:
    """Take a capability out of the bounding set: PR_CAPBSET_DROP. EPERM, EINVAL."""
    if not task.cred.ns_capable(task.cred.user_ns, CAP_SETPCAP):
        raise KernelError(Errno.EPERM, "PR_CAPBSET_DROP wants CAP_SETPCAP")
    commit_creds(kernel, task, replace(task.cred, cap_bset=task.cred.cap_bset & ~_mask(number)))


def cap_ambient(kernel: Kernel, task: Task, what: int, number: int) -> int:
    """Look at, raise or lower an ambient capability, or clear them: PR_CAP_AMBIENT. EINVAL, EPERM."""
    old = task.cred
    if what == abi.PR_CAP_AMBIENT_CLEAR_ALL:
        if number:
            raise KernelError(Errno.EINVAL, "PR_CAP_AMBIENT_CLEAR_ALL takes no capability")
        commit_creds(kernel, task, replace(old, cap_ambient=0))
        return 0
    mask = _mask(number)
    if what == abi.PR_CAP_AMBIENT_IS_SET:
        return int(bool(old.cap_ambient & mask))
    if what not in (abi.PR_CAP_AMBIENT_RAISE, abi.PR_CAP_AMBIENT_LOWER):
        raise KernelError(Errno.EINVAL, f"{what} is nothing that PR_CAP_AMBIENT does")
    if what == abi.PR_CAP_AMBIENT_RAISE and not old.cap_permitted & old.cap_inheritable & mask:
        raise KernelError(Errno.EPERM, "an ambient capability is permitted and inheritable")
    raised = old.cap_ambient | mask if what == abi.PR_CAP_AMBIENT_RAISE else old.cap_ambient & ~mask
    commit_creds(kernel, task, replace(old, cap_ambient=raised))
    return 0


def _mask(number: int) -> int:
    if not 0 <= number <= CAP_LAST_CAP:
        raise KernelError(Errno.EINVAL, f"{number} is no capability")
    return 1 << number


def after_exec(cred: Cred) -> Cred:
    """The credentials of a program without file capabilities that a task executes (``cap_bprm_creds_from_file``)."""
    root = cred.user_ns.root_uid
    permitted = cred.cap_ambient
    if root in (cred.uid, cred.euid):
        permitted |= cred.cap_bset | cred.cap_inheritable
    effective = permitted if cred.euid == root else cred.cap_ambient
    return replace(
        cred, cap_permitted=permitted, cap_effective=effective, keep_caps=False, suid=cred.euid, fsuid=cred.euid,
        sgid=cred.egid, fsgid=cred.egid,
    )  # fmt: skip

"""prctl(2): the small switches of a process (``kernel/sys.c``)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from usernel.abi import prctl as abi
from usernel.abi.errno import Errno
from usernel.abi.signal import NSIG

from .call import Return
from .capability import cap_ambient, capbset_drop, capbset_read
from .error import KernelError
from .nsproxy import commit_creds
from .task import TASK_COMM_LEN

if TYPE_CHECKING:
    from .kernel import Kernel
    from .task import Task


def prctl(kernel: Kernel, task: Task, option: int, arg2: int | str, arg3: int) -> Return:
    """Read or set a switch. EINVAL for an unknown option or argument; EPERM for capabilities."""
    if option == abi.PR_SET_NAME:
        task.comm = str(arg2)[: TASK_COMM_LEN - 1]
        return Return(0)
    if isinstance(arg2, str):
        raise KernelError(Errno.EINVAL, "only a name is a string")
    if option in READ:
        return _read(task, option, arg2 or arg3)
    if option == abi.PR_CAPBSET_READ:
        return Return(capbset_read(task, arg2))
    if option == abi.PR_CAPBSET_DROP:
        capbset_drop(kernel, task, arg2)
        return Return(0)
    if option == abi.PR_CAP_AMBIENT:
        return Return(cap_ambient(kernel, task, arg2, arg3))
    _set(kernel, task, option, arg2, arg3)
    return Return(0)


READ = (
    abi.PR_GET_PDEATHSIG, abi.PR_GET_DUMPABLE, abi.PR_GET_KEEPCAPS, abi.PR_GET_NAME, abi.PR_GET_CHILD_SUBREAPER,
    abi.PR_GET_NO_NEW_PRIVS,
)  # fmt: skip


def _read(task: Task, option: int, given: int) -> Return:
    if option == abi.PR_GET_NO_NEW_PRIVS and given:
        raise KernelError(Errno.EINVAL, "PR_GET_NO_NEW_PRIVS takes no argument")
    if option == abi.PR_GET_NAME:
        return Return(0, {"name": task.comm})
    if option == abi.PR_GET_PDEATHSIG:
        return Return(0, {"value": task.pdeathsig})
    if option == abi.PR_GET_CHILD_SUBREAPER:
        return Return(0, {"value": int(task.group.child_subreaper)})
    if option == abi.PR_GET_DUMPABLE:
        return Return(int(task.group.dumpable))
    return Return(int(task.cred.keep_caps if option == abi.PR_GET_KEEPCAPS else task.no_new_privs))


def _set(kernel: Kernel, task: Task, option: int, value: int, arg3: int) -> None:
    if option == abi.PR_SET_PDEATHSIG and 0 <= value <= NSIG:
        task.pdeathsig = value
    elif option == abi.PR_SET_DUMPABLE and value in (0, 1):
        task.group.dumpable = bool(value)
    elif option == abi.PR_SET_KEEPCAPS and value in (0, 1):
        commit_creds(kernel, task, replace(task.cred, keep_caps=bool(value)))
    elif option == abi.PR_SET_CHILD_SUBREAPER:
        _set_subreaper(task, subreaper=bool(value))
    elif option == abi.PR_SET_NO_NEW_PRIVS and (value, arg3) == (1, 0):
        task.no_new_privs = True
    else:
        raise KernelError(Errno.EINVAL, f"prctl has no option {option}, or not with {value}")


def _set_subreaper(task: Task, *, subreaper: bool) -> None:
    """Adopt orphans among the descendants, or no more; they keep having had one (``set_child_subreaper``)."""
    task.group.child_subreaper = subreaper
    below = list(task.children.values()) if subreaper else []
    while below:
        child = below.pop()
        if not child.group.has_child_subreaper:
            child.group.has_child_subreaper = True
            below += child.children.values()

"""execve(2), as far as it means something without a program to run (``fs/exec.c``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from usernel.abi.errno import Errno
from usernel.abi.signal import SIG_IGN
from usernel.abi.stat import PATH_MAX

from .capability import after_exec
from .error import KernelError
from .exit import do_exit
from .fdtable import close_on_exec
from .signal import SigAction
from .task import TASK_COMM_LEN

if TYPE_CHECKING:
    from .kernel import Kernel
    from .task import Task


def execve(kernel: Kernel, task: Task, path: str) -> None:
    """Become another program: its name, without descriptors marked close-on-exec, caught signals and other threads.

    ENOENT for an empty path, ENAMETOOLONG. Whether there is such a file is not looked at: there are no files yet.
    """
    if not path:
        raise KernelError(Errno.ENOENT, "the path is empty")
    if len(path.encode()) >= PATH_MAX:
        raise KernelError(Errno.ENAMETOOLONG, f"a path of {len(path.encode())} bytes")
    for thread in list(task.group.threads.values()):
        if thread is not task:
            do_exit(kernel, thread, 0)
    if task.fds.users > 1:
        task.fds.users -= 1
        task.fds = task.fds.copy()
    close_on_exec(kernel, task)
    actions = task.signals.actions
    task.signals.actions = {signo: SigAction(SIG_IGN) for signo, act in actions.items() if act.sa_handler == SIG_IGN}
    task.comm = path.rpartition("/")[2][: TASK_COMM_LEN - 1]
    task.cred = after_exec(task.cred)
    task.group.dumpable = (task.cred.uid, task.cred.gid) == (task.cred.euid, task.cred.egid)
    task.group.mm_user_ns = task.cred.user_ns
    task.group.executed = True

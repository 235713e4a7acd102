"""``usernel.Kernel``: the kernel in process, for tests. Deterministic: a clock you hold, faults from a seed.

    k = usernel.Kernel(seed=7)
    p = k.fork(uid=1000)
    q = p.msgget(0x1234, "IPC_CREAT | 0600")
    p.msgsnd(q, 1, b"hello")
    receiver = p.start("msgrcv", q)        # a call that may sleep
    assert receiver.out == {"mtype": 1, "data": b"hello"}

A task has a method for every row of the table. What a row hands back beside its number makes the result a ``Return``
(``.ret``, ``.out``); other rows answer the number. Errors are ``KernelError``, an ``OSError``.
"""

from .call import CallHandle, WouldSleep
from .kernel import Kernel
from .task import Task

__all__ = ["CallHandle", "Kernel", "Task", "WouldSleep"]

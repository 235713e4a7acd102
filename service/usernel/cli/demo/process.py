"""``usernel.Kernel``: the kernel in process, for tests."""

from __future__ import annotations

from typing import Final

from usernel.sim import Kernel

from .tour import Tour

HOUR: Final = 3600 * 10**9


async def chapter(tour: Tour) -> None:
    """Show the kernel in process: its clock is held, its faults are injected."""
    tour.chapter("In process, for tests: usernel.Kernel(seed=7)")
    kernel = Kernel(seed=7)
    task = kernel.fork(uid=1000)
    mqdes = task.mq_open("timers", "O_CREAT | O_RDWR", 0o600)
    at = kernel.model.realtime_ns // 10**9 + 3600
    waiting = task.start("mq_timedreceive", mqdes, abs_timeout=(at, 0))
    kernel.advance(HOUR - 1)
    before = waiting.done
    kernel.advance(1)
    name = waiting.error.name if waiting.error is not None else None
    tour.show("an hour's mq_timedreceive, one nanosecond before its end and at it", [before, name],
              [False, "ETIMEDOUT"])  # fmt: skip
    kernel.fault("msgget", "ENOSPC")
    refused = task.start("msgget", 1, "IPC_CREAT").error
    tour.show("a fault was injected into msgget", refused.name if refused is not None else None, "ENOSPC")

"""What leaves the kernel beside the results of calls. Each leaves when its log position is durable."""

from __future__ import annotations

from dataclasses import dataclass

from .signal import SigInfo


@dataclass(frozen=True, slots=True)
class MqNotified:
    """SIGEV_THREAD: a message arrived for the registrant ``pid``; ``removed`` where its registration ended instead."""

    pid: int
    ino: int
    name: str | None
    sigev_value: int
    removed: bool


@dataclass(frozen=True, slots=True)
class SignalDelivered:
    """A signal reached the handler that task ``pid`` has installed for it."""

    pid: int
    info: SigInfo


@dataclass(frozen=True, slots=True)
class TaskExited:
    """A task ended: by ``exit_group(2)`` with ``status``, or killed by signal ``signo``."""

    pid: int
    status: int
    signo: int


Output = MqNotified | SignalDelivered | TaskExited

"""Time namespaces: offsets of CLOCK_MONOTONIC and CLOCK_BOOTTIME (``time_namespaces(7)``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from usernel.abi.sched import CLONE_NEWTIME

from .namespace import Namespace

if TYPE_CHECKING:
    from ..facts import NamespaceCreated, TimeOffsetsSet
    from ..kernel import Kernel
    from .user import UserNamespace

CLOCK_MONOTONIC: Final = 1
CLOCK_BOOTTIME: Final = 7
OFFSET_CLOCKS: Final = {CLOCK_MONOTONIC: "monotonic", CLOCK_BOOTTIME: "boottime"}


class TimeNamespace(Namespace):
    """A time namespace. ``frozen`` once a task is in it: its offsets can be set no more."""

    kind = CLONE_NEWTIME

    def __init__(self, fact: NamespaceCreated, owner: UserNamespace | None, source: TimeNamespace | None) -> None:
        super().__init__(fact, owner)
        self.offsets_ns: dict[str, int] = dict(source.offsets_ns) if source else {"monotonic": 0, "boottime": 0}
        self.frozen = source is None

    def durable(self) -> dict[str, Any]:
        """And its offsets."""
        return {**super().durable(), "offsets_ns": dict(self.offsets_ns)}

    def stat(self) -> dict[str, Any]:
        """And its offsets."""
        return {**super().stat(), "offsets_ns": dict(self.offsets_ns)}


def fold_offsets(kernel: Kernel, fact: TimeOffsetsSet) -> None:
    """Offsets were written, in nanoseconds."""
    kernel.ns_tree.time(fact.ns).offsets_ns = {"monotonic": fact.monotonic_ns, "boottime": fact.boottime_ns}

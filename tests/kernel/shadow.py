"""A kernel that knows another's history by its facts alone, and has to come to the same durable state."""

from __future__ import annotations

import usernel
from usernel.kernel.durable import durable_state
from usernel.kernel.fold import FOLDS
from usernel.kernel.kernel import Kernel
from usernel.kernel.snapshot import Snapshot


class Shadow:
    """Folds what happened since the last look into a kernel of its own, and compares."""

    def __init__(self, of: usernel.Kernel) -> None:
        self._of = of
        self._kernel = Kernel()
        self._folded = 0

    def follow(self) -> None:
        """Fail where the durable state is another than the facts tell: a change without a fact, or a wrong fold."""
        facts = self._of.facts
        while self._folded < len(facts):
            fact = facts[self._folded]
            FOLDS[type(fact)](self._kernel, fact)
            self._folded += 1
        state = durable_state(self._of.model)
        assert durable_state(self._kernel) == state, "the facts tell another story"
        assert durable_state(restored(self._of.model)) == state, "a snapshot tells another story"


def restored(kernel: Kernel) -> Kernel:
    """A kernel out of a snapshot of another."""
    made = Kernel()
    for part in Snapshot(kernel).parts():
        for fact in part:
            FOLDS[type(fact)](made, fact)
    return made

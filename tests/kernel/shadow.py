"""A kernel that knows another's history by its facts alone, and has to come to the same durable state."""

from __future__ import annotations

import usernel
from usernel.kernel.durable import durable_state
from usernel.kernel.fold import FOLDS
from usernel.kernel.kernel import Kernel


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
        assert durable_state(self._kernel) == durable_state(self._of.model), "the facts tell another story"

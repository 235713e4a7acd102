"""What the state machines of both families share: a world on the host (where it can answer) and one on usernel."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any, ClassVar

from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test
from usernel.kernel import kernel as model
from usernel.kernel.durable import durable_state
from usernel.kernel.fold import FOLDS

from .linux import SA_RESTART, SIGUSR1, SIGUSR2
from .targets import kernel, native
from .twin import Twin


class History(RuleBasedStateMachine):
    """A history of calls of several tasks. Each step is made on the host and on usernel, and has to come to the same;
    usernel's invariants are checked at every step, and its facts folded into a fresh kernel at the end.
    """

    hub: ClassVar[native.Hub | None] = None
    in_order: ClassVar[bool] = True

    def __init__(self) -> None:
        super().__init__()
        self._stack = ExitStack()
        self.ours = self._stack.enter_context(kernel.world())
        drivers: dict[str, Any] = {"usernel": self.ours}
        if self.hub is not None:
            drivers = {"linux": self._stack.enter_context(native.world(self.hub, in_order=self.in_order)), **drivers}
        self.twin = Twin(drivers)

    def grow_up(self, name: str) -> None:
        """Let a task catch two signals: SIGUSR1 interrupts, SIGUSR2 has SA_RESTART."""
        self.twin.call(name, "rt_sigaction", signum=SIGUSR1, act={"sa_handler": "SIG_CATCH"})
        self.twin.call(name, "rt_sigaction", signum=SIGUSR2, act={"sa_handler": "SIG_CATCH", "sa_flags": SA_RESTART})

    def teardown(self) -> None:
        try:
            replayed = model.Kernel()
            for fact in self.ours.kernel.facts:
                FOLDS[type(fact)](replayed, fact)
            assert durable_state(replayed) == durable_state(self.ours.kernel.model), "the facts tell another story"
        finally:
            self._stack.close()


def run(machine: type[History], hub: native.Hub | None, *, examples: int, steps: int) -> None:
    """Run so many histories, each of so many steps at most."""
    machine.hub = hub
    checks = tuple(HealthCheck)
    chosen = settings(
        max_examples=examples, stateful_step_count=steps, deadline=None, suppress_health_check=checks, print_blob=True
    )
    run_state_machine_as_test(machine, settings=chosen)

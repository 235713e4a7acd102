"""What random histories of both families share: a world on the host (where it can answer) and one on usernel."""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any, ClassVar, Final

from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st

from .linux import SA_RESTART, SIGUSR1, SIGUSR2
from .targets import kernel, native
from .twin import Twin

Step = tuple[str, dict[str, Any]]
"""A method of the history, and its arguments."""

chance = st.integers(0, 19)
"""Which task, which queue, which descriptor: taken modulo what there is."""


def weighted(*choices: tuple[int, str, dict[str, st.SearchStrategy[Any]]]) -> st.SearchStrategy[Step]:
    """A step: each choice as often as its weight says."""
    alternatives: list[st.SearchStrategy[Step]] = [st.just(("rest", {}))]  # what a step that does not matter shrinks to
    for weight, name, arguments in choices:
        alternatives += [st.tuples(st.just(name), st.fixed_dictionaries(arguments))] * weight
    return st.integers(0, len(alternatives) - 1).flatmap(lambda index: alternatives[index])


class History:
    """A history of calls of several tasks. Each step is made on the host and on usernel and has to come to the same.

    ``tasks`` are those beside root, who never sleeps, with how they are forked; ``steps`` is a strategy of one step.
    """

    in_order: ClassVar[bool]
    tasks: ClassVar[Mapping[str, dict[str, Any]]]
    steps: ClassVar[st.SearchStrategy[Step]]
    counted: ClassVar[tuple[str, ...]] = ("sleeps", "woken")

    def __init__(self, twin: Twin) -> None:
        self.twin = twin
        self.sent = 0

    @abstractmethod
    def begin(self) -> None:
        """Make what the history starts with."""

    def bear(self, name: str) -> None:
        """Fork a task that catches two signals: SIGUSR1 interrupts, SIGUSR2 has SA_RESTART."""
        self.twin.fork("root", name, **self.tasks[name])
        self.twin.call(name, "rt_sigaction", signum=SIGUSR1, act={"sa_handler": "SIG_CATCH"})
        self.twin.call(name, "rt_sigaction", signum=SIGUSR2, act={"sa_handler": "SIG_CATCH", "sa_flags": SA_RESTART})

    def one_of(self, number: int) -> str:
        """A task that can make a call; root seldom, unless all others sleep."""
        idle = [name for name in self.twin.idle if name != "root"]
        return idle[number % len(idle)] if idle and number else "root"

    def data(self, size: int) -> bytes:
        """So many bytes that no other message of this history has."""
        self.sent += 1
        return (b"%d:" % self.sent * 4)[:size]

    def rest(self) -> None:
        """Do nothing."""

    def interrupt(self, sleeper: int, signo: int) -> None:
        """Signal one who sleeps."""
        asleep = self.twin.asleep
        if asleep:
            self.twin.call("root", "kill", pid=asleep[sleeper % len(asleep)], sig=signo)

    def replace(self, victim: int, signo: int) -> None:
        """Kill one, asleep or not, and let another take its place."""
        tasks = [name for name in self.twin.tasks if name != "root"]
        name = tasks[victim % len(tasks)]
        self.twin.call("root", "kill", pid=name, sig=signo)
        self.bear(name)


CHANCES: Final = 3
"""How many times as many histories are lived where the first had little of something: few of them vary much."""


def live(history: type[History], hub: native.Hub | None, steps: list[Step]) -> Twin:
    """One history: its invariants and its facts are checked at every step (by the target)."""
    with ExitStack() as stack:
        ours = stack.enter_context(kernel.world())
        drivers: dict[str, Any] = {"usernel": ours}
        if hub is not None:
            drivers = {"linux": stack.enter_context(native.world(hub, in_order=history.in_order)), **drivers}
        twin = Twin(drivers)
        one = history(twin)
        one.begin()
        for name, arguments in steps:
            getattr(one, name)(**arguments)
        return twin


def run(history: type[History], hub: native.Hub | None, *, examples: int, steps: int) -> None:
    """Live so many histories of about so many steps. What is to happen in them is counted, so that none is idle."""
    seen: Counter[str] = Counter()

    @settings(
        max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True,
        phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
    )  # fmt: skip
    @given(st.lists(history.steps, min_size=steps * 2 // 3, max_size=steps * 4 // 3))
    def one(chosen: list[Step]) -> None:
        note(f"{len(chosen)} steps")
        seen.update(live(history, hub, chosen).seen)

    lived = 0
    while lived < CHANCES * examples and (not lived or min(seen[kind] for kind in history.counted) <= lived):
        one()
        lived += examples
    assert min(seen[kind] for kind in history.counted) > lived, f"{lived} histories say little: {seen}"

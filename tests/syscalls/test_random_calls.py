"""Any call by any task, in any order: listed errnos only, no other exception, and every change is a fact."""

from __future__ import annotations

from collections import Counter

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.syscalls.world import Step, World, steps
from usernel.syscalls.table import TABLE

PHASES = [Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink]


def test_rows_answer_listed_errnos_only_and_facts_tell_it_all() -> None:
    answered: Counter[tuple[str, str]] = Counter()

    @settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck), phases=PHASES, print_blob=True)
    @given(st.lists(steps, min_size=40, max_size=80))
    def one(history: list[Step]) -> None:
        world = World()
        for step in history:
            world.live(step)
        answered.update(world.answered)

    one()
    done = {name for name, outcome in answered if outcome == "ok"}
    assert len(done) > 0.7 * len(TABLE), f"these never succeeded: {set(TABLE) - done}"
    assert len(answered) > 100, "the histories say little"

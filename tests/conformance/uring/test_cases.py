"""Every case of the rings, on every target that there is, comes to what Linux answered."""

from __future__ import annotations

import pytest

from .. import golden as traces
from . import case, golden, targets
from .runner import Runner

CASES = list(case.load())
TARGETS = targets.load()
REFUSALS = {name: target.refusal() for name, target in TARGETS.items()}


def test_golden_files_hold_the_cases_and_nothing_else() -> None:
    recorded = {f"{module}.{name}" for module in golden.modules() for name in golden.module(module)["cases"]}
    assert recorded == set(CASES)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("target", TARGETS)
def test_case(target: str, name: str, asked: Runner) -> None:
    if REFUSALS[target]:
        pytest.skip(f"this machine cannot be asked: {REFUSALS[target]}")
    expected = golden.trace(name)
    assert expected is not None, f"{name} is not recorded: python -m tests.conformance.uring.record"
    different = traces.difference(expected, asked.trace(target, name))
    if different:
        pytest.fail(f"Linux (-) and this target (+) part at {different}", pytrace=False)

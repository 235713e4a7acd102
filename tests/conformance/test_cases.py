"""Every case on every target comes to what Linux answered."""

from __future__ import annotations

import pytest

from . import golden, quiet, scenario
from .scenario import Case
from .targets import doors, kernel, native

CASES = scenario.load()
every_case = pytest.mark.parametrize("of", CASES.values(), ids=list(CASES))


def compare(of: Case, driver: scenario.Driver) -> None:
    """Run a case, and fail with the first step at which it came to something else than Linux did."""
    expected = golden.trace(of)
    assert expected is not None, f"{of.group}.{of.name} is not recorded: python -m tests.conformance.record {of.group}"
    trace: list[scenario.Entry] = []
    failure: Exception | None = None
    try:
        of.run(driver, trace)
    except Exception as error:  # noqa: BLE001 - a step that came out wrong shows first; what it led to, after
        failure = error
    different = golden.difference(expected, golden.as_json(trace))
    if different:
        raised = f"\nand then {failure!r}" if failure else ""
        pytest.fail(f"Linux (-) and this target (+) part at {different}{raised}", pytrace=False)
    if failure is not None:
        raise failure


def test_golden_files_hold_the_cases_and_nothing_else() -> None:
    recorded = {f"{path.stem}.{name}" for path in golden.DIRECTORY.glob("*.json") for name in golden.names(path.stem)}
    assert recorded == set(CASES)


@every_case
def test_native(of: Case, hub: native.Hub) -> None:
    if f"{of.group}.{of.name}" in quiet.COUNTED:
        quiet.wait()
    with native.world(hub, in_order=of.in_order) as driver:
        compare(of, driver)


@every_case
def test_kernel(of: Case) -> None:
    with kernel.world() as driver:
        compare(of, driver)


@every_case
def test_rest(of: Case) -> None:
    with doors.world("rest") as driver:
        compare(of, driver)


@every_case
@pytest.mark.parametrize("subprotocol", ["usernel.v1.json", "usernel.v1.msgpack"])
def test_websocket(of: Case, subprotocol: str) -> None:
    with doors.world(subprotocol) as driver:
        compare(of, driver)

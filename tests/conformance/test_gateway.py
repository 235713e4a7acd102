"""Unmodified programs under ``usernel run``: what their queue calls come to is what Linux answered."""

from __future__ import annotations

import pytest

from usernel.gateway.run import SERVED

from . import golden, scenario
from .scenario import Case
from .targets import gateway, native
from .test_cases import compare

SHOWN_IN_PROC = {"sysctl", "proc_sysvipc_msg"}


def calls(of: Case) -> set[str]:
    """The calls that a case makes, as they are recorded."""
    return {entry["call"] for entry in golden.trace(of) or [] if "call" in entry}


CASES = {name: of for name, of in scenario.load().items() if calls(of) & set(SERVED)}
SELECTED = {name: of for name, of in CASES.items() if not calls(of) & SHOWN_IN_PROC}


@pytest.mark.parametrize("of", SELECTED.values(), ids=list(SELECTED))
def test_gateway(of: Case, hub: native.Hub) -> None:
    with gateway.world(hub, in_order=of.in_order) as driver:
        compare(of, driver)

"""The targets of the cases, and a line at the end that says what was compared with what."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from . import golden, scenario
from .targets import native


@pytest.fixture(scope="session")
def hub() -> Iterator[native.Hub]:
    """The processes that ask the host's kernel."""
    reason = native.refusal()
    if reason:
        pytest.skip(f"this machine's kernel cannot be asked: {reason}")
    with native.hub() as made:
        yield made


@pytest.fixture
def host_or_none(request: pytest.FixtureRequest) -> native.Hub | None:
    """The same, or None where it cannot be asked: a history is then held to usernel's own invariants alone."""
    return None if native.refusal() else request.getfixturevalue("hub")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say whether Linux itself answered in this run, or only the golden files."""
    reports = [report for kind in terminalreporter.stats.values() for report in kind if hasattr(report, "nodeid")]
    if not any("tests/conformance" in report.nodeid for report in reports):
        return
    groups = {case.group for case in scenario.load().values()}
    kernels = sorted({f"Linux {golden.group(name)['kernel']} {golden.group(name)['machine']}" for name in groups})
    reason = native.refusal()
    system = os.uname()
    asked = f"not asked ({reason})" if reason else f"Linux {system.release} {system.machine}, asked in this run"
    terminalreporter.write_line(f"conformance: golden files of {', '.join(kernels)}; this host: {asked}")

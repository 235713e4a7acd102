"""A part of CPython's own tests of asyncio; ``python -m tests.aio.asyncio_suite`` runs them all."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
import uvloop

import usernel
from tests.aio.asyncio_suite import FAILED, PACKAGE, PASSED, Outcomes, _worse, compare, modules, run_module

EPOLL = f"{PACKAGE}.test_events.EPollEventLoopTests"
HANG = [f"{EPOLL}.test_add_signal_handler", f"{EPOLL}.test_bidirectional_pty"]
"""They hang on uvloop's loop, and each would cost half a minute."""

pytestmark = pytest.mark.skipif(not modules(), reason="this Python came without its tests")


@pytest.mark.parametrize(
    ("module", "only", "without", "least"),
    [
        ("test_events", [EPOLL], HANG, 50),
        ("test_runners", [], [], 20),
        ("test_timeouts", [], [], 15),
        ("test_threads", [], [], 5),
        ("test_streams", [], [], 50),
    ],
)
def test_what_passes_on_uvloops_loop_passes_on_ours(
    module: str, only: Sequence[str], without: Sequence[str], least: int
) -> None:
    compared = compare(module, only, without, silence=20)
    assert not compared.worse, [compared.ours.why.get(test) for test in compared.worse]
    passed = [test for test, outcome in compared.ours.of.items() if outcome == PASSED]
    assert len(passed) >= least
    assert set(compared.ours.of) == set(compared.theirs.of)


def test_the_loop_in_question_is_what_the_tests_make() -> None:
    """A test that asks for no uvloop fails on both: nothing would be said of either otherwise."""
    selector = f"{PACKAGE}.test_sendfile.EPollEventLoopTests.test_sock_sendfile_success"
    for loop in ("uvloop", "usernel"):
        outcomes = run_module(loop, "test_sendfile", [selector])
        assert outcomes.of == {selector: FAILED}
        assert "NotImplementedError" in outcomes.why[selector]


def test_what_is_missing_or_fails_is_worse() -> None:
    theirs = Outcomes({"a": PASSED, "b": PASSED, "c": FAILED, "d": PASSED})
    assert _worse(theirs, Outcomes({"a": PASSED, "b": FAILED, "c": FAILED})) == ["b", "d"]
    assert issubclass(usernel.EventLoop, uvloop.Loop)
    assert not issubclass(usernel.EventLoop, asyncio.BaseEventLoop)

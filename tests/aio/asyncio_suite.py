"""``python -m tests.aio.asyncio_suite [MODULE]...``: CPython's own tests of asyncio, on uvloop's loop and on ours.

Each module of ``test.test_asyncio`` runs in a process of its own on one loop and then on the other: whatever the tests
make as "the" event loop, by policy or as ``asyncio.SelectorEventLoop``, is the loop in question. A test that uvloop's
fails says nothing of ours (uvloop has no selector to look into, and words of its own for errors); one that passes there
must pass here. What differs runs again, for the tests measure time and a busy machine fails some. A test that hangs
ends its process, and the rest of its module goes on in the next.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import json
import os
import pkgutil
import select
import signal
import subprocess
import sys
import time
import unittest
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PACKAGE = "test.test_asyncio"
LOOPS = ("uvloop", "usernel")
NOT_OURS = frozenset({"test_windows_events", "test_windows_utils", "test_proactor_events"})
"""Modules of another system's loops."""
SILENCE_S = 30.0
"""After so long without an outcome a test hangs."""
AGAIN = 2
"""How often what differs runs again. It differs where it differs every time."""
PASSED, FAILED, SKIPPED, HUNG = "passed", "failed", "skipped", "hung"


# --------------------------------------------------------------------------------------------------- one run of a loop


def modules() -> list[str]:
    """The names of CPython's modules of tests; none where this Python came without them."""
    try:
        package = importlib.import_module(PACKAGE)
    except ImportError:
        return []
    found = [module.name for module in pkgutil.iter_modules(package.__path__)]
    return [name for name in found if name.startswith("test_") and name not in NOT_OURS]


def factory(name: str) -> Callable[[], asyncio.AbstractEventLoop]:
    """What makes the loops of a run."""
    if name == "uvloop":
        import uvloop

        return uvloop.new_event_loop
    import usernel

    return usernel.new_event_loop


def make_all_loops(make: Callable[[], asyncio.AbstractEventLoop]) -> None:
    """From now on, whatever asks asyncio for an event loop gets one of these."""
    kind = type(loop := make())
    loop.close()

    class Loop(kind):  # type: ignore[misc, valid-type]
        """What is said of a selector is not heard, and each test's end finds no executor of its own to shut down."""

        _default_executor = None

        def __init__(self, _selector: object = None) -> None:
            super().__init__()

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        policy = type(asyncio.get_event_loop_policy())
    policy._loop_factory = Loop  # type: ignore[attr-defined]
    asyncio.SelectorEventLoop = Loop  # type: ignore[misc, assignment]
    if hasattr(asyncio, "EventLoop"):
        asyncio.EventLoop = Loop


class Told(unittest.TestResult):
    """A result that is written down, test by test, as it comes."""

    def __init__(self, pipe: int) -> None:
        super().__init__()
        self._pipe = pipe
        self._outcome = PASSED
        self._why = ""

    def _tell(self, **said: str) -> None:
        os.write(self._pipe, json.dumps(said).encode() + b"\n")

    def startTest(self, test: unittest.TestCase) -> None:  # noqa: N802 - unittest's names
        super().startTest(test)
        self._outcome, self._why = PASSED, ""
        self._tell(test=test.id(), outcome=HUNG)

    def stopTest(self, test: unittest.TestCase) -> None:  # noqa: N802
        self._tell(test=test.id(), outcome=self._outcome, why=self._why)
        super().stopTest(test)

    def _failed(self, test: unittest.TestCase, error: Any) -> None:
        self._outcome, self._why = FAILED, self._exc_info_to_string(error, test)[-2000:]  # type: ignore[attr-defined]

    def addError(self, test: unittest.TestCase, err: Any) -> None:  # noqa: N802
        self._failed(test, err)
        if not isinstance(test, unittest.TestCase):  # setUpClass or setUpModule
            self._tell(test=str(test), outcome=FAILED, why=self._why)

    def addFailure(self, test: unittest.TestCase, err: Any) -> None:  # noqa: N802
        self._failed(test, err)

    def addSubTest(self, test: unittest.TestCase, subtest: unittest.TestCase, err: Any) -> None:  # noqa: N802
        if err is not None:
            self._failed(test, err)

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:  # noqa: N802
        self._outcome = SKIPPED

    def addUnexpectedSuccess(self, test: unittest.TestCase) -> None:  # noqa: N802
        self._outcome, self._why = FAILED, "an unexpected success"


def tests_of(suite: unittest.TestSuite) -> Iterator[unittest.TestCase]:
    """The tests in a suite of suites."""
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from tests_of(test)
        else:
            yield test


def run_child(loop: str, module: str, pipe: int) -> None:
    """In a process of its own: a module's tests, or those below the names on standard input; none with a ``-``."""
    words = sys.stdin.read().split()
    only, without = [f"{word}." for word in words if word[0] != "-"], {word[1:] for word in words if word[0] == "-"}
    from test import support

    support.use_resources = ["cpu", "walltime"]  # type: ignore[attr-defined]
    make_all_loops(factory(loop))
    suite = unittest.defaultTestLoader.loadTestsFromName(f"{PACKAGE}.{module}")
    chosen = [
        test for test in tests_of(suite)
        if test.id() not in without and (not only or f"{test.id()}.".startswith(tuple(only)))
    ]  # fmt: skip
    unittest.TestSuite(chosen).run(Told(pipe))
    os._exit(0)  # threads that a test left behind are no outcome


# -------------------------------------------------------------------------------------------------- both, side by side


@dataclass(slots=True)
class Outcomes:
    """What became of each test of a module, and why."""

    of: dict[str, str] = field(default_factory=dict)
    why: dict[str, str] = field(default_factory=dict)

    def hear(self, line: bytes) -> None:
        """Write down what a child said."""
        said = json.loads(line)
        self.of[said["test"]] = said["outcome"]
        self.why[said["test"]] = said.get("why") or ""

    @property
    def running(self) -> list[str]:
        """The test that has begun and not ended."""
        return [test for test, outcome in self.of.items() if outcome == HUNG]


def run_module(
    loop: str, module: str, only: Sequence[str] = (), without: Sequence[str] = (), silence: float = SILENCE_S
) -> Outcomes:
    """Run a module's tests on a loop, in as many processes as it takes: each goes on behind what hung."""
    outcomes = Outcomes()
    while True:
        seen = len(outcomes.of)
        words = [*only, *(f"-{test}" for test in (*without, *outcomes.of))]
        if _one_process(loop, module, words, outcomes, silence) or len(outcomes.of) == seen:
            return outcomes


def _one_process(loop: str, module: str, words: Sequence[str], outcomes: Outcomes, silence: float) -> bool:
    """Hear one child out; whether it came to its end."""
    here, there = os.pipe()
    command = [sys.executable, "-m", "tests.aio.asyncio_suite", "--child", loop, module, str(there)]
    child = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, pass_fds=[there],
        cwd=Path(__file__).resolve().parents[2], start_new_session=True,
    )  # fmt: skip
    os.close(there)
    try:
        assert child.stdin is not None
        child.stdin.write("\n".join(words).encode())
        child.stdin.close()
        rest, deadline = b"", time.monotonic() + silence
        while time.monotonic() < deadline:
            if not select.select([here], [], [], 0.2)[0]:
                continue
            block = os.read(here, 1 << 16)
            if not block:
                return child.wait() == 0 and not outcomes.running
            *lines, rest = (rest + block).split(b"\n")
            for line in lines:
                outcomes.hear(line)
            deadline = time.monotonic() + silence
        return False
    finally:
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)  # and what its tests have left behind
        child.wait()
        os.close(here)


@dataclass(frozen=True, slots=True)
class Compared:
    """One module on both loops."""

    module: str
    theirs: Outcomes
    ours: Outcomes
    worse: Sequence[str]
    """Tests that uvloop's loop passes and ours does not, however often they ran."""
    unsteady: Sequence[str]
    """Those that did so once."""

    def __str__(self) -> str:
        counted = [", ".join(f"{n} {what}" for what, n in sorted(Counter(side.of.values()).items())) or "no test"
                   for side in (self.theirs, self.ours)]  # fmt: skip
        return f"{self.module}: uvloop {counted[0]}; usernel {counted[1]}"


def compare(module: str, only: Sequence[str] = (), without: Sequence[str] = (), silence: float = SILENCE_S) -> Compared:
    """Run a module's tests, or those below some names but for others, on both loops."""
    theirs, ours = (run_module(loop, module, only, without, silence) for loop in LOOPS)
    first = worse = _worse(theirs, ours)
    for _ in range(AGAIN):
        if worse:
            worse = _worse(*(run_module(loop, module, worse, silence=silence) for loop in LOOPS))
    return Compared(module, theirs, ours, worse, [test for test in first if test not in worse])


def _worse(theirs: Outcomes, ours: Outcomes) -> list[str]:
    fine = {PASSED, SKIPPED}
    return [
        test for test, outcome in theirs.of.items()
        if outcome in fine and ours.of.get(test, "missing") not in {outcome, PASSED}
    ]  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare all modules, or those that are named; 1 where ours fails what uvloop's passes."""
    parser = argparse.ArgumentParser(prog="python -m tests.aio.asyncio_suite", description=__doc__)
    parser.add_argument("modules", nargs="*", metavar="MODULE")
    parser.add_argument("--silence", type=float, default=SILENCE_S, help="seconds after which a test hangs")
    parser.add_argument("--failures", action="store_true", help="name what neither passes, too")
    options = parser.parse_args(arguments)
    results = []
    for module in options.modules or modules():
        results.append(compare(module, silence=options.silence))
        print(results[-1], flush=True)
        for test in results[-1].worse:
            print(f"  worse: {test}\n{results[-1].ours.why.get(test, '')}", flush=True)
        for test in results[-1].unsteady:
            print(f"  unsteady: {test}", flush=True)
        if options.failures:
            _print_failures(results[-1])
    tests = sum(len(result.ours.of) for result in results)
    passed = sum(outcome == PASSED for result in results for outcome in result.ours.of.values())
    worse = sum(len(result.worse) for result in results)
    print(f"{len(results)} modules, {tests} tests: ours passes {passed}; {worse} pass on uvloop's and not on ours")
    return 1 if worse or not tests else 0


def _print_failures(result: Compared) -> None:
    for test, outcome in result.ours.of.items():
        if outcome in {FAILED, HUNG} and test not in result.worse:
            why = result.ours.why.get(test, "").strip().splitlines()
            print(f"  {outcome} on both: {test}: {why[-1] if why else ''}", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        run_child(sys.argv[2], sys.argv[3], int(sys.argv[4]))
    sys.exit(main())

"""Ask this machine's io_uring and write the golden files: ``python -m tests.conformance.uring.record [module ...]``.

Each case is run many times first: one that does not come to the same each time is not recorded.
"""

from __future__ import annotations

import json
import sys

from .. import golden as traces
from . import golden
from .case import load
from .runner import Runner, broken, runner
from .targets import native

TIMES = 20


def steady(asked: Runner, case: str) -> list[golden.Entry]:
    """The trace of a case that is the same each time."""
    first = asked.trace("native", case)
    if broken(first):
        raise SystemExit(f"{case} does not come to its end: {json.dumps(first[-1])}")
    for time in range(1, TIMES):
        again = asked.trace("native", case)
        if again != first:
            raise SystemExit(f"{case} differs the {time + 1}. time at {traces.difference(first, again)}")
    return first


def record(modules: list[str]) -> int:
    """Record the named modules of cases, or all. Returns the number of cases."""
    names = list(load())
    unknown = set(modules) - {name.partition(".")[0] for name in names}
    if unknown:
        raise SystemExit(f"no such modules of cases: {', '.join(sorted(unknown))}")
    found: dict[str, dict[str, list[golden.Entry]]] = {}
    with runner() as asked:
        for name in names:
            module, _, case = name.partition(".")
            if not modules or module in modules:
                found.setdefault(module, {})[case] = steady(asked, name)
    for module, cases in found.items():
        golden.write(module, cases)
    return sum(len(cases) for cases in found.values())


if __name__ == "__main__":
    reason = native.unable()
    if reason:
        raise SystemExit(f"this machine cannot be asked: {reason}")
    print(f"{record(sys.argv[1:])} cases recorded in {golden.DIRECTORY}")

"""Ask this machine's kernel again and write the golden files: ``python -m tests.conformance.record [group ...]``."""

from __future__ import annotations

import sys

from . import golden
from .scenario import load
from .targets import native


def record(groups: list[str]) -> int:
    """Record the named groups of cases, or all. Returns the number of cases."""
    cases = load()
    unknown = set(groups) - {case.group for case in cases.values()}
    if unknown:
        raise SystemExit(f"no such groups of cases: {', '.join(sorted(unknown))}")
    traces: dict[str, dict[str, list[golden.Entry]]] = {}
    with native.hub() as hub:
        for case in cases.values():
            if groups and case.group not in groups:
                continue
            with native.world(hub, in_order=case.in_order) as driver:
                try:
                    case.run(driver, traces.setdefault(case.group, {}).setdefault(case.name, []))
                except Exception as error:
                    error.add_note(f"in {case.group}.{case.name}")
                    raise
    for group, found in traces.items():
        golden.write(group, found)
    return sum(len(found) for found in traces.values())


if __name__ == "__main__":
    reason = native.refusal()
    if reason:
        raise SystemExit(f"this machine cannot be asked: {reason}")
    print(f"{record(sys.argv[1:])} cases recorded in {golden.DIRECTORY}")

"""The golden files: what Linux answered, one file a group of cases."""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

from .scenario import Case, Entry

DIRECTORY = Path(__file__).parent / "golden"


@cache
def group(name: str) -> dict[str, Any]:
    """A golden file: ``kernel``, ``machine`` and ``cases`` by name."""
    path = DIRECTORY / f"{name}.json"
    if not path.exists():
        return {"kernel": "none", "machine": "none", "cases": {}}
    return dict(json.loads(path.read_text(encoding="utf-8")))


def names(name: str) -> list[str]:
    """The cases of a golden file."""
    return list(group(name)["cases"])


def trace(of: Case) -> list[Entry] | None:
    """What Linux answered in a case, None where it has not been recorded."""
    return group(of.group)["cases"].get(of.name)


def write(name: str, cases: dict[str, list[Entry]]) -> None:
    """Write a golden file: an entry a line, so that a change shows as what it is."""
    system = os.uname()
    lines = [f'{{"kernel": {json.dumps(system.release)}, "machine": {json.dumps(system.machine)}, "cases": {{']
    for index, (title, entries) in enumerate(cases.items()):
        comma = "," if index else ""
        rows = ",\n  ".join(json.dumps(entry, ensure_ascii=True) for entry in entries)
        lines.append(f"{comma}{json.dumps(title)}: [\n  {rows}\n]")
    lines.append("}}\n")
    (DIRECTORY / f"{name}.json").write_text("\n".join(lines), encoding="utf-8")


def as_json(entries: list[Entry]) -> list[Entry]:
    """A trace as it is after a way through a file."""
    return list(json.loads(json.dumps(entries)))


def difference(expected: list[Entry], found: list[Entry], *, before: int = 6) -> str:
    """Where two traces part, with what came before; empty where they are the same."""
    for index in range(max(len(expected), len(found))):
        want = expected[index] if index < len(expected) else None
        have = found[index] if index < len(found) else None
        if want != have:
            shown = [f"  {json.dumps(entry)}" for entry in expected[max(0, index - before) : index]]
            return "\n".join([f"step {index}:", *shown, f"- {json.dumps(want)}", f"+ {json.dumps(have)}"])
    return ""

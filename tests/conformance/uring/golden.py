"""The golden files: what Linux's rings answered, one file a module of cases."""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

Entry = dict[str, Any]
DIRECTORY = Path(__file__).parent / "golden"


@cache
def module(name: str) -> dict[str, Any]:
    """A golden file: ``kernel``, ``machine`` and ``cases`` by name."""
    path = DIRECTORY / f"{name}.json"
    if not path.exists():
        return {"kernel": "none", "machine": "none", "cases": {}}
    return dict(json.loads(path.read_text(encoding="utf-8")))


def modules() -> list[str]:
    """The modules that are recorded."""
    return sorted(path.stem for path in DIRECTORY.glob("*.json"))


def kernels() -> set[str]:
    """The kernels that the golden files are of."""
    return {module(name)["kernel"] for name in modules()}


def trace(full_name: str) -> list[Entry] | None:
    """What Linux answered in a case, None where it has not been recorded."""
    name, _, case = full_name.partition(".")
    found: list[Entry] | None = module(name)["cases"].get(case)
    return found


def write(name: str, cases: dict[str, list[Entry]]) -> None:
    """Write a golden file: an entry a line, so that a change shows as what it is."""
    system = os.uname()
    lines = [f'{{"kernel": {json.dumps(system.release)}, "machine": {json.dumps(system.machine)}, "cases": {{']
    for index, (title, entries) in enumerate(cases.items()):
        rows = ",\n  ".join(json.dumps(entry) for entry in entries)
        lines.append(f"{',' if index else ''}{json.dumps(title)}: [\n  {rows}\n]")
    lines.append("}}\n")
    (DIRECTORY / f"{name}.json").write_text("\n".join(lines), encoding="utf-8")

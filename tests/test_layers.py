"""What may load what, where import-linter cannot look: at run time, and by the name of a module."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = (ROOT / "service" / "usernel", ROOT / "clients" / "python" / "usernel_client")
HEAVY = {"aiohttp", "pydantic", "msgspec", "uvloop", "click", "rich", "prometheus_client"}
RAW_MEMORY = {"ctypes", "_ctypes", "mmap", "fcntl"}
NUMBERS_ONLY = {"flock", "LOCK_EX", "LOCK_NB", "LOCK_SH", "LOCK_UN", "fcntl", "F_GETFL", "F_SETFL"}
"""What of fcntl hands no memory to the kernel."""
PURE = ("abi", "kernel", "syscalls")
IMPURE = {"asyncio", "time", "random", "os", "socket", "threading", "aiohttp", "pydantic", "msgspec"}


def modules_after(statement: str) -> set[str]:
    """The top-level modules that a fresh interpreter has loaded after `statement`."""
    program = f"import sys, json; {statement}; print(json.dumps(sorted({{m.partition('.')[0] for m in sys.modules}})))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    return set(json.loads(done.stdout))


def imported_by(source: Path) -> Iterator[tuple[int, str]]:
    """Every import in a file, also those inside functions: line and the top-level module."""
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"), str(source))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name.partition(".")[0]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.lineno, node.module.partition(".")[0]


def only_numbers(source: Path) -> bool:
    """Whether a file asks nothing of fcntl that takes memory: it locks files, it sets their flags."""
    nodes = list(ast.walk(ast.parse(source.read_text(encoding="utf-8"), str(source))))
    named = [node for node in nodes if isinstance(node, ast.Name) and node.id == "fcntl"]
    asked = [node.attr for node in nodes if isinstance(node, ast.Attribute) and node.value in named]
    imported = [node for node in nodes if isinstance(node, ast.ImportFrom) and node.module == "fcntl"]
    return not imported and len(asked) == len(named) and set(asked) <= NUMBERS_ONLY


def sources() -> list[Path]:
    return sorted(path for package in PACKAGES for path in package.rglob("*.py"))


@pytest.mark.parametrize("statement", ["import usernel", "import usernel; usernel.Kernel(seed=1)"])
def test_import_usernel_loads_nothing_heavy(statement: str) -> None:
    assert modules_after(statement) & HEAVY == set()


def test_the_client_loads_nothing_of_the_service() -> None:
    assert "usernel" not in modules_after("import usernel_client")


def test_raw_memory_only_in_modules_named_unsafe() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line} {module}"
        for path in sources()
        if not path.stem.endswith("_unsafe")
        for line, module in imported_by(path)
        if module in RAW_MEMORY and not (module == "fcntl" and only_numbers(path))
    ]
    assert found == []


def test_the_pure_layers_import_nothing_impure() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line} {module}"
        for layer in PURE
        for path in sorted((PACKAGES[0] / layer).rglob("*.py"))
        for line, module in imported_by(path)
        if module in IMPURE
    ]
    assert found == []


def test_no_module_grows_past_five_hundred_lines() -> None:
    found = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8").count("\n") for path in sources()}
    assert {path: lines for path, lines in found.items() if lines > 500} == {}


def test_no_module_has_a_name_that_says_nothing() -> None:
    empty_words = {"util", "utils", "helper", "helpers", "common", "misc", "base", "manager", "service"}
    assert [str(path) for path in sources() if path.stem in empty_words] == []


def test_both_packages_say_that_they_are_typed() -> None:
    assert [str(package) for package in PACKAGES if not (package / "py.typed").is_file()] == []

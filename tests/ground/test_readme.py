"""The README's two commands are found by the same script that .ci/run uses, and are what a newcomer can type."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
SCRIPT = ROOT / ".ci" / "readme_command.py"


def readme_command() -> Callable[[str, str], str]:
    found: Callable[[str, str], str] = runpy.run_path(str(SCRIPT))["readme_command"]
    return found


@pytest.mark.parametrize("name", ["main", "test"])
def test_the_commands_make_their_own_environment(name: str) -> None:
    done = subprocess.run([sys.executable, str(SCRIPT), name], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout.startswith("python3 -m venv .venv && ")
    assert done.stdout.count("\n") == 1


def test_a_missing_or_doubled_block_is_an_error() -> None:
    block = "<!-- ci: main -->\n```sh\ntrue\n```\n"
    assert readme_command()("main", block) == "true\n"
    for text in ("", block.replace("main", "test"), block + block):
        with pytest.raises(ValueError, match="not one"):
            readme_command()("main", text)


def test_the_in_process_example_does_what_it_says() -> None:
    examples = re.findall(
        r"^```python\n(import usernel\n.*?)^```$", README.read_text("utf-8"), re.DOTALL | re.MULTILINE
    )
    assert len(examples) == 1
    exec(compile(examples[0], "README.md", "exec"), {})


def test_the_ci_script_can_be_run() -> None:
    script = ROOT / ".ci" / "run"
    assert script.stat().st_mode & 0o111
    assert subprocess.run(["bash", "-n", str(script)], check=False, timeout=30).returncode == 0

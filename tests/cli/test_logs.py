"""The service's log on stderr, for people and for programs."""

from __future__ import annotations

import json
import logging
import re
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from datetime import datetime

import pytest

from usernel.cli.logs import configure
from usernel.version import __version__

from .command import ended, serving

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d"
log = logging.getLogger("usernel.tests")
Stderr = Callable[[], str]


@pytest.fixture
def stderr(capsys: pytest.CaptureFixture[str]) -> Iterator[Stderr]:
    """What stands on stderr; the logging of the tests is as it was afterwards."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    root.handlers.clear()
    yield lambda: capsys.readouterr().err
    logging.captureWarnings(False)
    root.handlers[:], root.level = before


def after_time(line: str) -> str:
    found = re.match(f"{TIME} (.*)", line, re.DOTALL)
    assert found is not None, line
    return found[1]


def test_a_line_for_people_has_the_time_the_level_the_message_and_what_it_is_about(stderr: Stderr):
    configure("text", "info")
    log.info("recovered", extra={"position": 12, "seconds": 0.5, "data_dir": None})
    log.debug("not told")
    assert after_time(stderr()) == "INFO recovered position=12 seconds=0.5 data_dir=None\n"


@pytest.mark.parametrize(
    ("value", "shown"),
    [("a b", '"a b"'), ("a=b", '"a=b"'), ('"', r'"\""'), ("", '""'), ("a\nINFO b", r'"a\nINFO b"'),
     ("\x1b[31m", r'"\u001b[31m"'), ("/srv/ü", "/srv/ü"), ("\udcff", r'"\udcff"')],
)  # fmt: skip
def test_no_value_is_torn_apart_begins_a_line_or_commands_a_terminal(stderr: Stderr, value: str, shown: str):
    configure("text", "info")
    log.info("x", extra={"value": value})
    assert after_time(stderr()) == f"INFO x value={shown}\n"


def test_no_message_begins_a_line_or_commands_a_terminal(stderr: Stderr):
    configure("text", "info")
    log.error("%s failed", "/a\nINFO all is well\x1b[2J")
    assert after_time(stderr()) == "ERROR /a\\nINFO all is well\\x1b[2J failed\n"


def test_an_object_for_programs_has_the_same_fields(stderr: Stderr):
    configure("json", "info")
    log.warning("recovered\n%d", 7, extra={"position": 12, "seconds": 0.5, "data_dir": None})
    (line,) = stderr().splitlines()
    shown = json.loads(line)
    assert datetime.fromisoformat(shown.pop("timestamp")).tzinfo is not None
    assert shown == {"level": "WARNING", "logger": "usernel.tests", "message": "recovered\n7",
                     "position": 12, "seconds": 0.5, "data_dir": None}  # fmt: skip


@pytest.mark.parametrize("kind", ["text", "json"])
def test_a_bug_is_told_with_its_traceback(stderr: Stderr, kind: str):
    configure(kind, "error")
    try:
        raise LookupError("nowhere")
    except LookupError:
        log.exception("a completion failed")
    text = stderr()
    traceback = json.loads(text)["exc_info"] if kind == "json" else text.partition("\n")[2]
    assert traceback.startswith("Traceback (most recent call last):\n")
    assert traceback.rstrip().endswith("LookupError: nowhere")
    if kind == "text":
        assert after_time(text.partition("\n")[0]) == "ERROR a completion failed"


@pytest.mark.parametrize(("level", "told"), [("debug", 4), ("info", 3), ("warning", 2), ("error", 1)])
def test_what_is_less_grave_than_the_level_is_not_told(stderr: Stderr, level: str, told: int):
    configure("text", level)
    for name in ("debug", "info", "warning", "error"):
        getattr(log, name)("x")
    assert len(stderr().splitlines()) == told


def test_warnings_of_python_are_lines_of_the_log(stderr: Stderr):
    configure("json", "info")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(False)
        logging.captureWarnings(True)
        warnings.warn("this will end", DeprecationWarning, stacklevel=1)
    shown = json.loads(stderr())
    assert (shown["level"], shown["logger"], "this will end" in shown["message"]) == ("WARNING", "py.warnings", True)


def test_the_service_tells_of_its_start_and_its_end(tmp_path):
    data = str(tmp_path / "data")
    with serving("--data-dir", data, "--log", "json") as (process, line):
        process.terminate()
        done = ended(process)
    assert done.out == ""
    told = list(map(json.loads, done.err.splitlines()))
    assert [shown["message"] for shown in told] == ["started", "recovered", "stopping", "stopped"]
    started, recovered, stopping, stopped = told
    assert (started["version"], started["data_dir"], started["url"]) == (__version__, data, line.split()[-1])
    assert (recovered["facts"], recovered["position"], recovered["seconds"] < 5) == (0, 0, True)
    assert (stopping["signal"], 0 <= stopped["seconds"] < 10) == ("SIGTERM", True)


BROKEN = """
import usernel.compose
from usernel.cli.main import main

async def broken(*_):
    raise LookupError("nowhere")

usernel.compose.serve = broken
main(["serve", "--ephemeral", "--log", "json"])
"""


def test_a_bug_that_ends_the_service_is_in_its_log():
    done = subprocess.run([sys.executable, "-c", BROKEN], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    shown = json.loads(done.stderr)
    assert (shown["level"], shown["message"]) == ("ERROR", "the service ended by a bug")
    assert shown["exc_info"].endswith("LookupError: nowhere")


def test_quiet_it_tells_of_nothing_that_goes_well():
    with serving("--ephemeral", "--log-level", "warning") as (process, _):
        process.terminate()
        assert ended(process).err == ""

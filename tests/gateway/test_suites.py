"""Programs that others wrote: the packages' own tests, util-linux, stress-ng, multiprocessing."""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path

import pytest

from tests.clients.compat.suites import INJECTED, SDISTS, Sdist, fetched

from .running import on_host_apart, program, trapped

RAN = {"sysv_ipc": 34, "posix_ipc": 44}
QUEUES = "tests.test_message_queues"
needs = {name: pytest.mark.skipif(shutil.which(name) is None, reason=f"no {name}") for name in ("stress-ng", "lsipc")}


@pytest.fixture(scope="module", params=SDISTS, ids=lambda sdist: sdist.name)
def sdist(request: pytest.FixtureRequest) -> Sdist:
    made: Sdist = request.param
    pytest.importorskip(made.name)
    return made


@pytest.mark.timeout(300)
def test_the_packages_own_tests_pass(sdist: Sdist, tmp_path: Path):
    place = fetched(sdist, tmp_path)
    done = trapped([sys.executable, str(INJECTED), "none", str(place), QUEUES], cwd=place, seconds=60)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["failed"], told["run"]) == ({}, RAN[sdist.name]), done.stderr


def test_util_linux():
    script = """
ipcmk -Q -p 0640; ipcmk -Q >/dev/null
ipcs -q | awk 'NF == 6 && $2 ~ /^[0-9]/ {print $2, $4, $5, $6}'
ipcs -q -i 0 | grep -c "mode=0640"
key=$(ipcs -q | awk '$2 == 1 {print $1}')
ipcrm -Q $key && ipcrm -q 0 && ipcs -q | grep -c 0x
ipcrm -q 0 || echo gone
"""
    done = trapped(["sh", "-c", script], "--proc")
    assert done.stdout.splitlines() == ["Message queue id: 0", "0 640 0 0", "1 644 0 0", "1", "0", "gone"]


@needs["lsipc"]
def test_lsipc():
    done = trapped(["sh", "-c", "ipcmk -Q >/dev/null; lsipc -q --noheadings -o ID,PERMS,MSGS; lsipc -q -i 0"], "--proc")
    assert done.stdout.splitlines()[0].split() == ["0", "rw-r--r--", "0"]
    assert re.search(r"Message queue size:\s+16384|Maximum bytes:|Bytes used:|bytes", done.stdout), done.stdout


@needs["stress-ng"]
@pytest.mark.parametrize("stressor", ["msg", "mq"])
def test_stress_ng(stressor: str, tmp_path: Path):
    words = ["stress-ng", f"--{stressor}", "1", f"--{stressor}-ops", "1000", "--verify", "--timeout", "30"]
    done = trapped(words, cwd=tmp_path, seconds=50)
    assert (done.returncode, "successful run completed" in done.stderr + done.stdout) == (0, True), done.stderr


def test_multiprocessing():
    host, ours = on_host_apart(program("multiprocess")), trapped(program("multiprocess"))
    assert (ours.stdout, ours.stderr, ours.returncode) == (host.stdout, "", 0)

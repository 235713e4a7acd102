"""Programs print what they are answered, once on the host and once under ``usernel run``: the answers are the same."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.command import serving

from .running import on_host, program, trapped

pytestmark = pytest.mark.timeout(60)
FAMILIES = pytest.mark.parametrize("family", ["sysv", "posix"])


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving("--data-dir", str(tmp_path_factory.mktemp("data"))) as (_, line):
        yield line.split()[-1]


@FAMILIES
def test_with_a_kernel_of_its_own(family: str):
    host, ours = on_host(program(family)), trapped(program(family))
    assert (ours.stdout, ours.stderr, ours.returncode) == (host.stdout, host.stderr, 0)


@FAMILIES
def test_with_a_service(family: str, url: str):
    host, ours = on_host(program(family)), trapped(program(family), "--url", url)
    assert (ours.stdout, ours.stderr, ours.returncode) == (host.stdout, host.stderr, 0)


def test_ipcs_finds_its_queues_by_proc():
    script = "ipcmk -Q && ipcs -q && cat /proc/sys/kernel/msgmax && ipcrm -q 0 && ipcs -q"
    shown = trapped(["sh", "-c", script], "--proc")
    assert shown.stderr == ""
    assert [line.split()[1] for line in shown.stdout.splitlines() if line.startswith("0x")] == ["0"]
    assert "\n8192\n" in shown.stdout


def test_a_limit_is_written_by_proc():
    script = "echo 100 > /proc/sys/kernel/msgmnb; sleep 0.1; cat /proc/sys/kernel/msgmnb"
    assert trapped(["sh", "-c", script], "--proc").stdout == "100\n"
    assert Path("/proc/sys/kernel/msgmnb").read_text("ascii") != "100\n"


def test_another_ipc_namespace_of_the_host_is_another_of_ours():
    script = "ipcmk -Q; unshare --ipc sh -c 'ipcmk -Q; ipcmk -Q'; ipcmk -Q"
    ids = [line.split()[-1] for line in trapped(["sh", "-c", script]).stdout.splitlines()]
    assert ids == ["0", "0", "1", "1"]

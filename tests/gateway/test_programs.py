"""Programs print what they are answered, once on the host and once under ``usernel run``: the answers are the same."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.command import serving

from .running import on_host_apart, program, trapped

pytestmark = pytest.mark.timeout(60)
COMPARED = ("sysv", "posix", "errors", "descriptors", "interrupts", "processes")


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving("--data-dir", str(tmp_path_factory.mktemp("data"))) as (_, line):
        yield line.split()[-1]


@functools.cache
def answers(name: str) -> str:
    """What the host answers a program."""
    done = on_host_apart(program(name))
    assert (done.stderr, done.returncode) == ("", 0)
    return done.stdout


@pytest.mark.parametrize("name", COMPARED)
def test_with_a_kernel_of_its_own(name: str):
    ours = trapped(program(name))
    assert (ours.stdout, ours.stderr, ours.returncode) == (answers(name), "", 0)


@pytest.mark.parametrize("name", COMPARED)
def test_with_a_service(name: str, url: str):
    ours = trapped(program(name), "--url", url)
    assert (ours.stdout, ours.stderr, ours.returncode) == (answers(name), "", 0)


@pytest.mark.parametrize("where", ["embedded", "service"])
def test_what_has_no_name_goes_with_its_last_descriptor(where: str, url: str):
    ours = trapped(program("last_close"), *(("--url", url) if where == "service" else ()))
    assert ours.stdout.splitlines() == [
        "there 0 EMFILE",
        "unlinked 0 ENOENT EMFILE",
        "open (0, b'kept') EMFILE 0",
        "in a child too 0 (0, b'x')",
        "freed True 0 0",
    ]
    assert (ours.stderr, ours.returncode) == ("", 0)


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


@pytest.mark.parametrize("where", ["embedded", "service"])
def test_a_receiver_that_is_killed_loses_no_message(where: str, url: str):
    """Also in the moment in which it is sent, where Linux itself loses some."""
    ours = trapped(program("killing"), *(("--url", url) if where == "service" else ()))
    assert (ours.stdout, ours.stderr) == ("System V 0\nPOSIX 0\n", "")

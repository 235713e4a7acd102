"""``--uid``: who a program is in the kernel of its queues, when it is not who it is on its host; and ``--task``."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.command import serving
from usernel.abi.capability import CAP_FULL_SET
from usernel.gateway.backend import Identity, Login
from usernel_client import KernelError, SyncClient

from .running import trapped
from .test_unprivileged import NOBODY

pytestmark = pytest.mark.timeout(60)
OWNER = """
import os, sysv_ipc
queue = sysv_ipc.MessageQueue(0x7E60, sysv_ipc.IPC_CREAT, mode=0o600)
print(queue.uid, queue.gid, os.getuid())
"""
LARGER = """
import sysv_ipc
queue = sysv_ipc.MessageQueue(None, sysv_ipc.IPC_CREX)
try: queue.max_size = 1 << 20; print(queue.max_size)
except sysv_ipc.PermissionsError: print("EPERM")
"""
MADE = ["sh", "-c", "ipcmk -Q -p 600 >/dev/null && awk 'NR == 2 {print $8, $9, $10, $11}' /proc/sysvipc/msg"]
"""For ordinary users, who cannot run this interpreter everywhere."""
CHANGED = """
import os, sysv_ipc
sysv_ipc.MessageQueue(0x7E61, sysv_ipc.IPC_CREAT, mode=0o600)
os.seteuid(65534)
try: sysv_ipc.MessageQueue(0x7E61, mode=0o600); print("open")
except sysv_ipc.PermissionsError: print("EACCES")
os.seteuid(0)
print(sysv_ipc.MessageQueue(0x7E61, mode=0o600).uid)
"""
needs_root = pytest.mark.skipif(os.getuid() != 0, reason="only root changes its ids")


def python(text: str) -> list[str]:
    return [sys.executable, "-c", text]


def who(uid: int = 1000, *, euid: int | None = None, caps: int = 0) -> Identity:
    effective = uid if euid is None else euid
    uids = (uid, effective, uid, effective)
    return Identity(7, "it", uids, (100,) * 4, (4, 27), caps, caps, 1, initial=True, umask=0, mq_bytes=0)


def test_it_is_that_user_alone_with_the_capabilities_of_root_or_none():
    root, user = Login(0, 0, 1000, 100).seen(who()), Login(5, 6, 0, 100).seen(who(0, caps=CAP_FULL_SET))
    assert (root.uids, root.gids, root.groups) == ((0,) * 4, (0,) * 4, ())
    assert root.cap_effective == root.cap_permitted == CAP_FULL_SET
    assert (user.uids, user.gids, user.groups) == ((5,) * 4, (6,) * 4, ())
    assert user.cap_effective == user.cap_permitted == 0


def test_what_it_changes_on_its_host_is_followed():
    changed = Login(5, 6, 0, 100).seen(who(0, euid=33))
    assert changed.uids == (5, 33, 5, 33)
    kept = Login(0, 0, 1000, 101).seen(who(1000, euid=33, caps=1))
    assert (kept.cap_effective, kept.cap_permitted, kept.gids, kept.groups) == (1, CAP_FULL_SET, (100,) * 4, (4, 27))


def test_with_a_kernel_of_its_own():
    done = trapped(python(OWNER), "--uid", "1000")
    assert (done.stdout, done.stderr) == (f"1000 1000 {os.getuid()}\n", "")
    assert trapped(python(OWNER), "--uid", "1000", "--gid", "7").stdout == f"1000 7 {os.getuid()}\n"
    assert trapped(python(LARGER), "--uid", "1000").stdout == "EPERM\n"


@needs_root
def test_a_program_that_changes_its_ids_becomes_another_here_too():
    assert trapped(python(CHANGED), "--uid", "1000").stdout == "EACCES\n1000\n"


def test_an_ordinary_user_is_root_of_a_kernel_of_its_own():
    done = trapped(MADE, "--proc", "--uid", "0", cwd="/tmp", uid=NOBODY)
    assert (done.stdout, done.stderr) == ("0 0 0 0\n", "")


@pytest.fixture(scope="module")
def service() -> Iterator[tuple[str, Path]]:
    """Its URL, and the socket by which it knows its peers: in a place that other users may enter."""
    with tempfile.TemporaryDirectory() as made:
        place = Path(made)
        place.chmod(0o755)
        with serving("--ephemeral", "--uds", str(place / "socket")) as (_, line):
            (place / "socket").chmod(0o666)
            yield line.split()[-1].rstrip(")"), place / "socket"


def test_with_a_service(service: tuple[str, Path]):
    url, _ = service

    def run(command: list[str], uid: int) -> tuple[str, str]:
        done = trapped(command, "--url", url, "--proc", "--uid", str(uid), cwd="/tmp", uid=NOBODY)
        return done.stdout, done.stderr

    for remover in (1000, 0):
        with SyncClient(url) as client:
            run(["ipcmk", "-Q", "-p", "600"], 1000)
            (queue,) = client.call("msg_list", after=-1, limit=10).out["queues"]
            assert [queue["msg_perm"][name] for name in ("uid", "gid", "cuid", "cgid")] == [1000] * 4
            msqid = str(queue["msqid"])
            assert "permission denied" in run(["ipcrm", "-q", msqid], 7)[1]
            assert run(["ipcrm", "-q", msqid], remover) == ("", "")


@needs_root
def test_a_service_lets_nobody_be_who_it_may_not_be(service: tuple[str, Path]):
    _, socket = service
    url = f"unix://{socket}"
    done = trapped(["true"], "--url", url, "--uid", "0", cwd="/tmp", uid=NOBODY)
    assert (done.returncode, done.stdout) == (125, "")
    assert done.stderr.startswith("usernel: the service lets nobody here be user 0: ")
    assert trapped(["true"], "--url", url, "--uid", "65534", cwd="/tmp", uid=NOBODY).returncode == 0


def test_it_acts_as_the_child_of_a_task(service: tuple[str, Path]):
    url, _ = service
    with SyncClient(url) as client:
        task = client.fork(unshare=["CLONE_NEWIPC"])
        assert trapped(python(OWNER), "--url", url, "--task", str(task.pid)).returncode == 0
        assert task.msgget(0x7E60).stat()["msg_perm"]["cuid"] == os.getuid()
        with pytest.raises(KernelError):
            client.msgget(0x7E60)
        gone = trapped(python(OWNER), "--url", url, "--task", "99999")
        assert (gone.returncode, gone.stdout) == (125, "")


def test_a_group_without_a_user_is_refused():
    done = trapped(["true"], "--gid", "7")
    assert (done.returncode, "--uid" in done.stderr) == (2, True)

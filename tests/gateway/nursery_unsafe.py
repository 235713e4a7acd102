"""A nursery of ``usernel run``: ``python -m tests.gateway.nursery_unsafe FD``, asked over the socket FD.

Everything is loaded once and each run is a fork, which starts in no time; also one of a user who could not read this
interpreter, or one to which the host refuses pidfd_getfd(2), as Docker's default profile does.
"""

from __future__ import annotations

import ctypes
import encodings.idna  # noqa: F401 - as those below
import json
import os
import platform
import socket
import struct
import sys
import traceback
from typing import Any, NoReturn

import aiohttp  # noqa: F401 - these are loaded before the fork, not after each
import uvloop  # noqa: F401

import usernel.gateway.run  # noqa: F401
import usernel_client  # noqa: F401
from usernel.abi.seccomp import (
    BPF_JEQ_K,
    BPF_LD_W_ABS,
    BPF_RET_K,
    SECCOMP_DATA_NR,
    SECCOMP_NUMBER,
    SECCOMP_RET_ALLOW,
    SECCOMP_SET_MODE_FILTER,
    SOCK_FILTER,
)
from usernel.cli.main import main as command
from usernel.gateway.pipe_unsafe import PIDFD_GETFD

REQUEST = 100_000
STREAMS = 3
PR_SET_DUMPABLE, PR_SET_NO_NEW_PRIVS = 4, 38
FAIL_WITH_EPERM = 0x0005_0001


def refuse(number: int) -> None:
    """Let a system call fail with EPERM, here and in whatever is forked."""
    libc = ctypes.CDLL(None, use_errno=True)
    code = b"".join((
        SOCK_FILTER.pack(BPF_LD_W_ABS, 0, 0, SECCOMP_DATA_NR),
        SOCK_FILTER.pack(BPF_JEQ_K, 0, 1, number),
        SOCK_FILTER.pack(BPF_RET_K, 0, 0, FAIL_WITH_EPERM),
        SOCK_FILTER.pack(BPF_RET_K, 0, 0, SECCOMP_RET_ALLOW),
    ))  # fmt: skip
    kept = ctypes.create_string_buffer(code, len(code))
    fprog = struct.pack("@HP", len(code) // SOCK_FILTER.size, ctypes.addressof(kept))
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    assert libc.syscall(SECCOMP_NUMBER[platform.machine()], SECCOMP_SET_MODE_FILTER, 0, fprog) == 0


def become(uid: int) -> None:
    """Be an ordinary user, who never was root."""
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)


def settle(request: dict[str, Any], fds: list[int]) -> None:
    """Be where and who was asked for, in a session of its own."""
    if os.isatty(fds[0]):
        for fd in fds[1:]:
            os.close(fd)
        os.login_tty(fds[0])
    else:
        os.setsid()
        for standard, fd in enumerate(fds):
            os.dup2(fd, standard)
            os.close(fd)
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    if request["uid"] is not None:
        become(request["uid"])
    if request["no_getfd"]:
        refuse(PIDFD_GETFD)


def be_command(request: dict[str, Any], fds: list[int]) -> NoReturn:
    """Never return into what was forked, whatever happens."""
    status = 1
    try:
        settle(request, fds)
        command(request["words"], prog_name="usernel")
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 0
    except BaseException:  # noqa: BLE001 - whatever it is, it is the run's last word
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def answer(peer: socket.socket, asked: bytes, fds: list[int]) -> int:
    request = json.loads(asked)
    if "reap" in request:
        return os.waitstatus_to_exitcode(os.waitpid(request["reap"], 0)[1])
    pid = os.fork()
    if pid == 0:
        peer.close()
        be_command(request, fds)
    for fd in fds:
        os.close(fd)
    return pid


def main() -> None:
    """Fork whenever asked to, until nobody asks any more."""
    with socket.socket(fileno=int(sys.argv[1])) as peer:
        while True:
            asked, fds, _, _ = socket.recv_fds(peer, REQUEST, STREAMS)
            if not asked:
                return
            peer.send(str(answer(peer, asked, fds)).encode())


if __name__ == "__main__":
    main()

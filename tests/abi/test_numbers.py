"""Every number of abi/ is the one in the uapi headers; those that no header has are named."""

from __future__ import annotations

import errno
import os
from importlib import import_module
from pkgutil import iter_modules

import pytest

from usernel import abi
from usernel.abi.errno import Errno, strerror
from usernel.abi.names import Names
from usernel.abi.unistd import NUMBERS

from .headers import UNISTD, golden, host, host_calls

MODULES = [import_module(f"usernel.abi.{module.name}") for module in iter_modules(abi.__path__)]
ASKED = set(
    # made by _IO(), or newer than many an installed header: the host itself answers to them in tests/conformance
    "NS_GET_USERNS NS_GET_PARENT NS_GET_NSTYPE NS_GET_OWNER_UID NS_GET_MNTNS_ID NS_GET_ID NS_GET_PID_FROM_PIDNS "
    "NS_GET_TGID_FROM_PIDNS NS_GET_PID_IN_PIDNS NS_GET_TGID_IN_PIDNS NS_MNT_GET_INFO NS_MNT_GET_NEXT NS_MNT_GET_PREV "
    "MNT_NS_INFO_SIZE PIDFD_GET_INFO PIDFD_INFO_SIZE PIDFD_INFO_PID PIDFD_INFO_CREDS PIDFD_INFO_CGROUPID "
    "PIDFD_INFO_EXIT PIDFD_INFO_COREDUMP PIDFD_THREAD PIDFD_SIGNAL_THREAD PIDFD_SIGNAL_THREAD_GROUP "
    "PIDFD_SIGNAL_PROCESS_GROUP PIDFD_SELF_THREAD PIDFD_SELF_THREAD_GROUP "
    "PIDFD_GET_CGROUP_NAMESPACE PIDFD_GET_IPC_NAMESPACE PIDFD_GET_MNT_NAMESPACE PIDFD_GET_NET_NAMESPACE "
    "PIDFD_GET_PID_NAMESPACE PIDFD_GET_PID_FOR_CHILDREN_NAMESPACE PIDFD_GET_TIME_NAMESPACE "
    "PIDFD_GET_TIME_FOR_CHILDREN_NAMESPACE PIDFD_GET_USER_NAMESPACE PIDFD_GET_UTS_NAMESPACE "
    "SECCOMP_IOCTL_NOTIF_RECV SECCOMP_IOCTL_NOTIF_SEND SECCOMP_IOCTL_NOTIF_ADDFD SECCOMP_IOCTL_NOTIF_SET_FLAGS "
    "SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP".split()
)
INTERNAL = set(
    # include/linux/ipc_namespace.h, ipc/util.h, ipc/mqueue.c and friends: numbers that Linux has and no header exports
    "CAP_FULL_SET CLONE_LEGACY_FLAGS CLONE_NEW_ALL CREATION_FLAGS DEFAULT_PRIO DFLT_MSG DFLT_MSGMAX DFLT_MSGSIZE "
    "DFLT_MSGSIZEMAX DFLT_QUEUESMAX DIRENT_SIZE FILENT_SIZE F_DUPFD_CLOEXEC HARD_MSGMAX HARD_MSGSIZEMAX "
    "IPCID_SEQ_MAX IPCMNI IPCMNI_IDX_MASK IPCMNI_SEQ_SHIFT IPC_MIN_CYCLE MAX_NICE MAY_EXEC MAY_READ MAY_WRITE "
    "MIN_MSGMAX MIN_MSGSIZEMAX MIN_NICE MQUEUE_MAGIC MSGSEG NSIG O_ASYNC SETFL_MASK SIG_CATCH SIG_DFL SIG_IGN "
    "SIZEOF_MSG_MSG SIZEOF_POSIX_MSG_TREE_NODE S_IALLUGO S_IRUGO S_IRWXUGO S_IWUGO WALL WCLONE WNOTHREAD "
    # of classic BPF, as or-ed together; of the kernel's own; and usernel's own words
    "BPF_JEQ_K BPF_LD_W_ABS BPF_RET_K SECCOMP_DATA_NR SECCOMP_DATA_ARCH ERESTARTSYS ERESTARTNOHAND "
    "durable ephemeral".split()
) | {f"SIGRT{number}" for number in range(32, 65)} | ASKED  # fmt: skip


def spelled() -> dict[str, int]:
    """Every name and its number; capabilities by their numbers, not by their bits."""
    numbers: dict[str, int] = {}
    for module in MODULES:
        for name, value in vars(module).items():
            if isinstance(value, Names) and value.title != "capabilities":
                numbers |= value.values
            elif (
                name.isupper()
                and not name.startswith("_")
                and type(value) is int
                and not (name.startswith("CAP_") and name not in INTERNAL | {"CAP_LAST_CAP"})
            ):
                numbers[name] = value
    return numbers | {errno.name: int(errno) for errno in Errno}


def test_every_number_is_that_of_the_headers() -> None:
    recorded = golden()["numbers"]
    ours = {name: number for name, number in spelled().items() if name not in INTERNAL}
    assert {name: number & (1 << 64) - 1 for name, number in ours.items()} == {
        name: number & (1 << 64) - 1 for name, number in recorded.items() if name not in INTERNAL
    }


def test_the_recorded_numbers_are_the_hosts() -> None:
    installed = host()
    recorded = golden()["numbers"]
    assert {name: number for name, number in recorded.items() if installed.get(name, number) != number} == {}


@pytest.mark.parametrize("machine", UNISTD)
def test_every_call_has_the_number_of_the_headers(machine: str) -> None:
    column = list(UNISTD).index(machine)
    assert {name: pair[column] for name, pair in NUMBERS.items() if pair[column] is not None} == golden()[machine]


@pytest.mark.parametrize("machine", UNISTD)
def test_the_recorded_calls_are_the_hosts(machine: str) -> None:
    assert host_calls(machine) in ({}, golden()[machine])


def test_errnos_are_those_of_this_python() -> None:
    here = {name: getattr(errno, name) for name in dir(errno) if name.startswith("E")}
    ours = {item.name: int(item) for item in Errno}
    assert {name: number for name, number in here.items() if ours.get(name, number) != number} == {}
    assert {int(item) for item in Errno} >= set(errno.errorcode)


def test_strerror_is_libcs() -> None:
    assert [strerror(number) for number in range(1, 140)] == [os.strerror(number) for number in range(1, 140)]

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
INTERNAL = set(
    # include/linux/ipc_namespace.h, ipc/util.h, ipc/mqueue.c and friends: numbers that Linux has and no header exports
    "CAP_FULL_SET DEFAULT_PRIO DFLT_MSG DFLT_MSGMAX DFLT_MSGSIZE DFLT_MSGSIZEMAX DFLT_QUEUESMAX "
    "DIRENT_SIZE FILENT_SIZE HARD_MSGMAX HARD_MSGSIZEMAX IPCID_SEQ_MAX IPCMNI IPCMNI_IDX_MASK IPCMNI_SEQ_SHIFT "
    "IPC_MIN_CYCLE MAX_NICE MAY_EXEC MAY_READ MAY_WRITE MIN_MSGMAX MIN_MSGSIZEMAX MIN_NICE MQUEUE_MAGIC MSGSEG NSIG "
    "SIG_CATCH SIZEOF_MSG_MSG SIZEOF_POSIX_MSG_TREE_NODE S_IALLUGO S_IRUGO S_IRWXUGO S_IWUGO SIG_DFL SIG_IGN".split()
) | {f"SIGRT{number}" for number in range(32, 65)}  # fmt: skip


def spelled() -> dict[str, int]:
    """Every name and its number; capabilities by their numbers, not by their bits."""
    numbers: dict[str, int] = {}
    for module in MODULES:
        for name, value in vars(module).items():
            if isinstance(value, Names):
                numbers |= value.values
            elif (
                name.isupper()
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

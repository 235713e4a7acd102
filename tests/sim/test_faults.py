"""Calls that end with an errno because a test says so."""

from __future__ import annotations

import pytest

import usernel
from usernel.abi.errno import Errno


def struck(kernel: usernel.Kernel, count: int, name: str = "getpid") -> str:
    """Which of so many calls a fault struck: ``x``, and ``.`` for the others."""
    task = kernel.fork()
    return "".join("x" if task.start(name).error is not None else "." for _ in range(count))


@pytest.mark.parametrize(
    ("after", "times", "shape"),
    [(0, 1, "x...."), (2, 1, "..x.."), (1, 2, ".xx.."), (1, None, ".xxxx"), (0, 0, "....."), (5, 1, ".....")],
)
def test_a_fault_strikes_after_so_many_calls_so_many_times(after: int, times: int | None, shape: str) -> None:
    kernel = usernel.Kernel()
    kernel.fault("getpid", "EPERM", after=after, times=times)
    assert struck(kernel, 5) == shape


@pytest.mark.parametrize(("chance", "least", "most"), [(0.0, 0, 0), (0.3, 40, 80), (1.0, 200, 200)])
def test_a_fault_strikes_by_chance(chance: float, least: int, most: int) -> None:
    kernel = usernel.Kernel(seed=3)
    kernel.fault("getpid", "EPERM", times=None, chance=chance)
    assert least <= struck(kernel, 200).count("x") <= most


def test_a_fault_strikes_its_own_call_only() -> None:
    kernel = usernel.Kernel()
    kernel.fault("getppid", "EPERM", times=None)
    assert struck(kernel, 3) == "..."
    assert struck(kernel, 3, "getppid") == "xxx"


def test_the_first_fault_that_strikes_decides() -> None:
    kernel = usernel.Kernel()
    task = kernel.fork()
    kernel.fault("getpid", "EPERM")
    kernel.fault("getpid", Errno.ENOMEM)
    found = [task.start("getpid").error for _ in range(3)]
    assert [error and error.name for error in found] == ["EPERM", "ENOMEM", None]


def test_faults_can_be_taken_out() -> None:
    kernel = usernel.Kernel()
    kernel.fault("getpid", "EPERM", times=None)
    kernel.faults.clear()
    assert struck(kernel, 3) == "..."


def test_a_call_that_a_fault_struck_did_nothing() -> None:
    kernel = usernel.Kernel()
    task = kernel.fork()
    msqid = task.msgget(1, 0o1600)
    facts = len(kernel.facts)
    kernel.fault("msgsnd", "EIDRM")
    assert task.start("msgsnd", msqid, 1, b"x").error is not None
    assert len(kernel.facts) == facts
    task.msgsnd(msqid, 1, b"y")
    assert task.msgrcv(msqid).out["data"] == b"y"


def test_an_errno_that_is_none_is_refused() -> None:
    with pytest.raises(KeyError):
        usernel.Kernel().fault("getpid", "ENOTHING")

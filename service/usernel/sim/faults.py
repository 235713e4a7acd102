"""Faults, chosen by the test or drawn from the seed."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from usernel.abi.errno import Errno
from usernel.kernel.call import Call
from usernel.kernel.error import KernelError


@dataclass(slots=True)
class Fault:
    """One rule: which calls end with which errno."""

    call: str
    errno: Errno
    after: int
    times: int | None
    chance: float


class Faults:
    """The rules of a kernel, asked before each call; the first that strikes decides."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._rules: list[Fault] = []

    def add(self, call: str, errno: Errno, after: int, times: int | None, chance: float) -> None:
        """Put in a rule."""
        self._rules.append(Fault(call, errno, after, times, chance))

    def clear(self) -> None:
        """Take out every rule."""
        self._rules.clear()

    def __call__(self, call: Call) -> KernelError | None:
        """The error that a call is to end with, if a rule strikes."""
        for rule in self._rules:
            if rule.call == call.name and self._strikes(rule):
                return KernelError(rule.errno, f"a fault was injected into {call.name}")
        return None

    def _strikes(self, rule: Fault) -> bool:
        if rule.after > 0:
            rule.after -= 1
            return False
        if rule.times == 0 or self._random.random() >= rule.chance:
            return False
        if rule.times is not None:
            rule.times -= 1
        return True

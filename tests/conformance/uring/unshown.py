"""A number that a step of a trace does not show: one that differs from machine to machine."""

from __future__ import annotations


class Unshown:
    """Stands for a number where one is wanted."""

    def __init__(self, value: int) -> None:
        self._value = value

    def __index__(self) -> int:
        return self._value

    def __int__(self) -> int:
        return self._value

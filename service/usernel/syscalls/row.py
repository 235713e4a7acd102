"""A row of the table: all that is known of one system call, said once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from usernel.abi.errno import Errno
from usernel.abi.unistd import NUMBERS
from usernel.kernel.call import Attempt, Restart

from .kinds import BadArgument, Field, Structure, parse_field


@dataclass(frozen=True, slots=True)
class Row:
    """One system call: its name, what it takes, what it may answer, and the function that does it.

    ``out`` is what it hands back beside its number. ``errnos`` are all that it may end with; another is a bug. ``man``
    names the page that describes it. ``partial`` is the sentence that says what is missing, empty where it is whole.
    """

    name: str
    summary: str
    man: str
    args: tuple[Field, ...]
    errnos: frozenset[Errno]
    act: Attempt
    out: Structure | None = None
    restart: Restart = Restart.NOHAND
    partial: str = ""

    @property
    def number(self) -> int | None:
        """The call's number on x86_64; None for one that Linux has not."""
        return NUMBERS[self.name][0] if self.name in NUMBERS else None

    @property
    def number_aarch64(self) -> int | None:
        """The call's number on aarch64, where it has one."""
        return NUMBERS[self.name][1] if self.name in NUMBERS else None

    @property
    def support(self) -> str:
        """How much of the call is there: ``whole`` or ``partial``."""
        return "partial" if self.partial else "whole"

    def bind(self, args: Sequence[Any], named: Mapping[str, Any]) -> list[Any]:
        """The kernel's arguments out of a Python call's. Raises ``BadArgument``, with the argument's name."""
        if len(args) > len(self.args):
            raise BadArgument(f"{self.name} takes {len(self.args)} arguments, not {len(args)}")
        given = dict(zip((field.name for field in self.args), args, strict=False))
        for name, value in named.items():
            if name in given or name not in {field.name for field in self.args}:
                raise BadArgument(f"{self.name} has no argument {name!r}, or has it already")
            given[name] = value
        return [parse_field(field, given) for field in self.args]

    def spell(self, out: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
        """What it hands back, with numbers that have names spelled out."""
        if out is None or self.out is None or self.out.plain:
            return out
        return self.out.spell(out)


def errnos(names: str) -> frozenset[Errno]:
    """Errnos by their names, blanks between."""
    return frozenset(Errno[name] for name in names.split())

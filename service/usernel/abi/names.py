"""How numbers of an ABI are spelled: sets of flags and enumerations, by their uapi names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Names:
    """The uapi names of one argument: flags that are or-ed together, or one value out of several.

    ``title`` names the set in the OpenAPI document; ``values`` maps each name to its number.
    """

    title: str
    values: Mapping[str, int]
    one: bool = False
    by_value: Mapping[int, str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_value", {value: name for name, value in reversed(list(self.values.items()))})

    def number(self, name: str | int) -> int:
        """The number of one name; a number stands for itself. KeyError with the name where there is none such."""
        return name if isinstance(name, int) else self.values[name]

    def union(self, names: Iterable[str | int]) -> int:
        """The or of several names and numbers."""
        value = 0
        for name in names:
            value |= self.number(name)
        return value

    def spell(self, value: int) -> list[str | int]:
        """The names whose bits stand in ``value``, then what has no name as a number."""
        spelled: list[str | int] = []
        for name, bits in self.values.items():
            if bits and value & bits == bits:
                spelled.append(name)
                value &= ~bits
        return [*spelled, value] if value else spelled

    def name(self, value: int) -> str | int:
        """The one name of a value, or the value where it has none."""
        return self.by_value.get(value, value)


def prefixed(scope: Mapping[str, object], prefix: str) -> dict[str, int]:
    """The numbers of a module (its ``globals()``) whose names begin so, in the order of their definition."""
    return {name: value for name, value in scope.items() if name.startswith(prefix) and isinstance(value, int)}

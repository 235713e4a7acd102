"""Maps between the ids of a user namespace and those of the initial one (``struct uid_gid_map``)."""

from __future__ import annotations

from typing import Final, NamedTuple

OVERFLOW_ID: Final = 65534
"""What an id without a mapping is shown as (``/proc/sys/kernel/overflowuid``)."""
INVALID_ID: Final = 0xFFFFFFFF
"""``(uid_t) -1``: nobody."""


class Extent(NamedTuple):
    """``length`` ids from ``first`` on are those from ``lower`` on below."""

    first: int
    lower: int
    length: int


class IdMap:
    """A map whose lower ids are those of the initial user namespace (kuid_t, kgid_t)."""

    __slots__ = ("extents",)

    def __init__(self, extents: tuple[Extent, ...] = ()) -> None:
        self.extents = extents

    def down(self, ident: int) -> int:
        """The kernel's id of one seen in the namespace (``map_id_down``); INVALID_ID where there is none."""
        for first, lower, count in self.extents:
            if first <= ident < first + count:
                return lower + ident - first
        return INVALID_ID

    def up(self, kid: int) -> int:
        """What the namespace calls a kernel's id (``map_id_up``); INVALID_ID where it has no name."""
        for first, lower, count in self.extents:
            if lower <= kid < lower + count:
                return first + kid - lower
        return INVALID_ID

    def munged(self, kid: int) -> int:
        """The same, with the overflow id where it has no name (``from_kuid_munged``)."""
        found = self.up(kid)
        return OVERFLOW_ID if found == INVALID_ID else found

    def down_range(self, first: int, count: int) -> int:
        """The kernel's first id of a range that lies in one extent (``map_id_range_down``); INVALID_ID elsewhere."""
        for start, lower, length in self.extents:
            if start <= first and first + count <= start + length:
                return lower + first - start
        return INVALID_ID

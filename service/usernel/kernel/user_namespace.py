"""The files ``/proc/[pid]/{uid_map,gid_map,projid_map,setgroups}`` and their rules (``kernel/user_namespace.c``)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from usernel.abi.capability import CAP_SETFCAP, CAP_SETGID, CAP_SETUID, CAP_SYS_ADMIN
from usernel.abi.errno import Errno

from .error import KernelError
from .facts import IdMapSet, SetgroupsDenied
from .ns.idmap import INVALID_ID, Extent, IdMap
from .ns.user import UserNamespace

if TYPE_CHECKING:
    from .cred import Cred
    from .kernel import Kernel

PAGE_SIZE: Final = 4096
UID_GID_MAP_MAX_EXTENTS: Final = 340
U32: Final = 0xFFFFFFFF
SETID: Final = {"uid_map": CAP_SETUID, "gid_map": CAP_SETGID, "projid_map": 0}
"""What a map of ids that are not one's own wants over the parent; project ids want nothing."""
BLANKS: Final = " \t\n\v\f\r\xa0"


def shown_map(reader: UserNamespace, ns: UserNamespace, which: str) -> str:
    """The text of a map: lower ids as the reader's user namespace calls them, in one's own as the parent does."""
    lower = ns.parent if reader is ns and ns.parent is not None else reader
    names: IdMap = getattr(lower, which)
    extents: tuple[Extent, ...] = getattr(ns, which).extents
    return "".join(f"{first:10d} {names.up(kid):10d} {count:10d}\n" for first, kid, count in extents)


@dataclass(slots=True)
class _Line:
    """What is left of a line of a map."""

    text: str

    def skip_spaces(self) -> None:
        self.text = self.text.lstrip(BLANKS)

    def number(self) -> int:
        """``simple_strtoul``: digits up to whatever follows; none is 0."""
        digits = len(self.text) - len(self.text.lstrip("0123456789"))
        value, self.text = int(self.text[:digits] or 0), self.text[digits:]
        return value & U32

    def blank(self) -> None:
        """EINVAL where no blank follows."""
        if self.text[:1] not in BLANKS or not self.text:
            raise KernelError(Errno.EINVAL, "a line of a map is three numbers")
        self.skip_spaces()


def parse_map(text: str) -> tuple[Extent, ...]:
    """The extents of a map. EINVAL for junk, empty or overlapping ranges, ones that wrap, and more than 340."""
    extents: list[Extent] = []
    lines = text.split("\0", 1)[0].split("\n")
    if lines[-1] == "" and len(lines) > 1:
        lines.pop()
    for index, line in enumerate(lines):
        extent = _parse_line(_Line(line))
        if any(_overlap(extent, other) for other in extents):
            raise KernelError(Errno.EINVAL, f"the range {extent.first} overlaps another")
        if len(extents) + 1 >= UID_GID_MAP_MAX_EXTENTS and index + 1 < len(lines):
            raise KernelError(Errno.EINVAL, f"{UID_GID_MAP_MAX_EXTENTS} lines at most")
        extents.append(extent)
    return tuple(extents)


def _parse_line(line: _Line) -> Extent:
    line.skip_spaces()
    first = line.number()
    line.blank()
    lower = line.number()
    line.blank()
    count = line.number()
    if line.text.strip(BLANKS):
        raise KernelError(Errno.EINVAL, f"{line.text!r} stands behind a line's three numbers")
    if INVALID_ID in (first, lower) or first + count & U32 <= first or lower + count & U32 <= lower:
        raise KernelError(Errno.EINVAL, f"{first} {lower} {count} is no range of ids")
    return Extent(first, lower, count)


def _overlap(one: Extent, other: Extent) -> bool:
    return any(
        start < begin + other.length and begin < start + one.length
        for start, begin in ((one.first, other.first), (one.lower, other.lower))
    )


def write_map(kernel: Kernel, cred: Cred, ns: UserNamespace, which: str, text: str) -> None:
    """Write a map, once (``map_write``). EPERM; EINVAL.

    The writer is in the namespace or its parent, has CAP_SYS_ADMIN in it, and CAP_SETUID or CAP_SETGID over the
    parent; without them whoever made the namespace maps one id, its own (a gid once setgroups is denied).
    """
    parent = ns.parent
    if parent is None or cred.user_ns not in (ns, parent):
        raise KernelError(Errno.EPERM, "a map is written from inside its user namespace, or from its parent")
    if len(text.encode()) >= PAGE_SIZE:
        raise KernelError(Errno.EINVAL, f"a map is written at once, in less than {PAGE_SIZE} bytes")
    old: IdMap = getattr(ns, which)
    if old.extents:
        raise KernelError(Errno.EPERM, f"the {which} has been written")
    if SETID[which] and not cred.ns_capable(ns, CAP_SYS_ADMIN):
        raise KernelError(Errno.EPERM, "writing a map wants CAP_SYS_ADMIN in the user namespace")
    extents = parse_map(text)
    if not _permitted(cred, ns, parent, which, extents):
        raise KernelError(Errno.EPERM, f"uid {cred.euid} may not map these ids")
    below: IdMap = getattr(parent, which)
    kids = [Extent(first, below.down_range(lower, count), count) for first, lower, count in extents]
    if any(extent.lower == INVALID_ID for extent in kids):
        raise KernelError(Errno.EPERM, "the parent does not map these ids")
    kernel.record(IdMapSet(ns.inum, which, tuple((first, lower, count) for first, lower, count in kids)))


def _permitted(cred: Cred, ns: UserNamespace, parent: UserNamespace, which: str, extents: tuple[Extent, ...]) -> bool:
    """``new_idmap_permitted``."""
    if which == "uid_map" and any(extent.lower == 0 for extent in extents):
        able = ns.parent_could_setfcap if cred.user_ns is ns else cred.ns_capable(parent, CAP_SETFCAP)
        if not able:
            return False
    if len(extents) == 1 and extents[0].length == 1 and ns.uid == cred.euid:
        lower = extents[0].lower
        if which == "uid_map" and parent.uid_map.down(lower) == cred.euid:
            return True
        if which == "gid_map" and not ns.setgroups_allowed and parent.gid_map.down(lower) == cred.egid:
            return True
    return not SETID[which] or cred.ns_capable(parent, SETID[which])


def write_setgroups(kernel: Kernel, cred: Cred, ns: UserNamespace, text: str) -> None:
    """Write ``allow`` or ``deny`` (``proc_setgroups_write``). EACCES, EINVAL; EPERM for deny after the gid_map."""
    if not cred.ns_capable(ns, CAP_SYS_ADMIN):
        raise KernelError(Errno.EACCES, "writing setgroups wants CAP_SYS_ADMIN in the user namespace")
    word = text.split("\0", 1)[0]
    allow = word.startswith("allow")
    if len(text.encode()) >= 8 or word.rstrip(BLANKS) not in ("allow", "deny"):
        raise KernelError(Errno.EINVAL, "setgroups is 'allow' or 'deny'")
    if allow and not ns.setgroups_allowed:
        raise KernelError(Errno.EPERM, "what was denied is not allowed any more")
    if not allow and ns.gid_map.extents:
        raise KernelError(Errno.EPERM, "setgroups is denied before the gid_map is written")
    if not allow:
        kernel.record(SetgroupsDenied(ns.inum))

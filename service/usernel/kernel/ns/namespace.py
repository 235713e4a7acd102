"""What every namespace is, whatever it isolates: ``struct ns_common``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from usernel.abi.sched import NAMESPACES

if TYPE_CHECKING:
    from ..facts import NamespaceCreated
    from .user import UserNamespace

INT_MAX = 0x7FFFFFFF
INT_MIN = -0x80000000


@dataclass(frozen=True, slots=True)
class Sysctl:
    """One number under ``/proc/sys``: the attribute that holds it, and the least and greatest that may be written.

    ``capability`` is what writing it wants in the namespace's user namespace; 0 for root's files.
    """

    attribute: str
    least: int
    greatest: int
    capability: int = 0


class Namespace:
    """A namespace: its identity, who owns it, and what keeps it.

    ``refs`` counts what keeps it: tasks in it, descriptors, namespaces below it or owned by it, pins. ``tasks`` counts
    its members alone. ``uid`` is the user (of the initial user namespace) that it is charged to.
    """

    kind: ClassVar[int]
    SYSCTLS: ClassVar[Mapping[str, Sysctl]] = {}
    partial: ClassVar[str] = ""
    """What of its kind is missing, as a sentence; empty where it is whole."""

    def __init__(self, fact: NamespaceCreated, owner: UserNamespace | None) -> None:
        self.inum = fact.inum
        self.ns_id = fact.ns_id
        self.owner = owner
        self.uid = fact.uid
        self.refs = 0
        self.tasks = 0
        self.pinned = False

    @property
    def name(self) -> str:
        """What its kind is called in ``/proc/[pid]/ns``."""
        return NAMESPACES[self.kind]

    @property
    def link(self) -> str:
        """What the link in ``/proc/[pid]/ns`` reads: ``ipc:[4026531839]``."""
        return f"{self.name}:[{self.inum}]"

    @property
    def user_ns(self) -> UserNamespace:
        """The user namespace in which capabilities over this one count."""
        if self.owner is None:
            raise AssertionError(f"{self.link} has no owner")
        return self.owner

    @property
    def parent(self) -> Namespace | None:
        """The namespace that this one lies below, where its kind forms a tree."""
        return None

    def sysctls(self) -> dict[str, int]:
        """Every limit by its name under ``/proc/sys``."""
        return {name: self.sysctl(name) for name in self.SYSCTLS}

    def sysctl(self, name: str) -> int:
        """One of them."""
        value: int = getattr(self, self.SYSCTLS[name].attribute)
        return value

    def set_sysctl(self, name: str, value: int) -> None:
        """Give one another value."""
        setattr(self, self.SYSCTLS[name].attribute, value)

    def durable(self) -> dict[str, Any]:
        """What a journal brings back of it."""
        return {
            "kind": self.kind, "ns_id": self.ns_id, "owner": self.owner.inum if self.owner else None, "uid": self.uid,
            "pinned": self.pinned, "sysctls": self.sysctls(),
        }  # fmt: skip

    def stat(self) -> dict[str, Any]:
        """Identity, ownership, members and limits."""
        return {
            "inum": self.inum, "ns_id": self.ns_id, "type": self.name, "link": self.link,
            "parent": self.parent.link if self.parent else None, "owner": self.owner.link if self.owner else None,
            "uid": self.uid, "tasks": self.tasks, "refs": self.refs, "pinned": self.pinned, "sysctls": self.sysctls(),
        }  # fmt: skip

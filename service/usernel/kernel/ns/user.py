"""User namespaces: what uids and gids mean, and where capabilities count (``user_namespaces(7)``)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final

from usernel.abi.capability import CAP_SYS_RESOURCE
from usernel.abi.sched import CLONE_NEWUSER, NAMESPACES

from .idmap import INVALID_ID, Extent, IdMap
from .namespace import INT_MAX, Namespace, Sysctl

if TYPE_CHECKING:
    from ..facts import IdMapSet, NamespaceCreated, SetgroupsDenied
    from ..kernel import Kernel

MAX_LEVEL: Final = 32
"""How deep user namespaces and pid namespaces nest below the initial one."""
INIT_UCOUNT_MAX: Final = 96365
"""``user.max_*_namespaces`` of the initial user namespace. Linux takes half of threads-max; so many have 24 GiB."""


LIMITS: Final = {f"user.max_{name}_namespaces": kind for kind, name in NAMESPACES.items()}


class UserNamespace(Namespace):
    """A user namespace. ``group`` is the gid of its maker; ``ucounts`` how many namespaces each user has in it."""

    kind = CLONE_NEWUSER
    SYSCTLS: ClassVar[Mapping[str, Sysctl]] = {name: Sysctl("", 0, INT_MAX, CAP_SYS_RESOURCE) for name in LIMITS}

    def __init__(self, fact: NamespaceCreated, owner: UserNamespace | None) -> None:
        super().__init__(fact, owner)
        self.level: int = owner.level + 1 if owner else 0
        self.group = fact.gid
        self.uid_map, self.gid_map, self.projid_map = IdMap(), IdMap(), IdMap()
        self.setgroups_allowed: bool = owner.setgroups_allowed if owner else True
        self.parent_could_setfcap = True
        """Whether its maker had CAP_SETFCAP: only then may it map the parent's root."""
        self.ucounts: dict[tuple[int, int], int] = {}
        if owner is None:
            everything = (Extent(0, 0, INVALID_ID),)
            self.uid_map, self.gid_map, self.projid_map = IdMap(everything), IdMap(everything), IdMap(everything)
        most = INT_MAX if owner else INIT_UCOUNT_MAX
        self.ucount_max = dict.fromkeys(NAMESPACES, most)

    def sysctl(self, name: str) -> int:
        """``max_*_namespaces``."""
        return self.ucount_max[LIMITS[name]]

    def set_sysctl(self, name: str, value: int) -> None:
        """Set it."""
        self.ucount_max[LIMITS[name]] = value

    @property
    def parent(self) -> UserNamespace | None:
        """The user namespace it was made in."""
        return self.owner

    @property
    def root_uid(self) -> int:
        """The kernel's id of its uid 0, INVALID_ID where that has no mapping."""
        return self.uid_map.down(0)

    @property
    def setgroups_possible(self) -> bool:
        """Whether setgroups(2) is not denied and a gid_map is there (``userns_may_setgroups``)."""
        return bool(self.gid_map.extents) and self.setgroups_allowed

    def within(self, ancestor: UserNamespace) -> bool:
        """Whether it is another user namespace, or lies below it (``in_userns``)."""
        ns: UserNamespace | None = self
        while ns is not None and ns.level > ancestor.level:
            ns = ns.parent
        return ns is ancestor

    def ucounts_chain(self, uid: int) -> Iterator[tuple[UserNamespace, int]]:
        """Whom a namespace made here by ``uid`` is charged to: here, and upward whoever made each (``inc_ucount``)."""
        ns: UserNamespace | None = self
        while ns is not None:
            yield ns, uid
            uid = ns.uid
            ns = ns.parent

    def room_for(self, kind: int, uid: int) -> bool:
        """Whether ``uid`` may make one more namespace of a kind here."""
        return all(ns.ucounts.get((kind, who), 0) < ns.ucount_max[kind] for ns, who in self.ucounts_chain(uid))

    def charge(self, kind: int, uid: int, count: int) -> None:
        """Count a namespace (1), or count it no more (-1)."""
        for ns, who in self.ucounts_chain(uid):
            left = ns.ucounts.get((kind, who), 0) + count
            if left:
                ns.ucounts[kind, who] = left
            else:
                ns.ucounts.pop((kind, who), None)

    def durable(self) -> dict[str, Any]:
        """And its maps."""
        return {
            **super().durable(), "group": self.group, "uid_map": self.uid_map.extents, "gid_map": self.gid_map.extents,
            "projid_map": self.projid_map.extents, "setgroups": self.setgroups_allowed, "ucounts": dict(self.ucounts),
        }  # fmt: skip

    def stat(self) -> dict[str, Any]:
        """And its depth and maps."""
        return {
            **super().stat(), "level": self.level, "uid_map": [list(extent) for extent in self.uid_map.extents],
            "gid_map": [list(extent) for extent in self.gid_map.extents],
            "setgroups": "allow" if self.setgroups_allowed else "deny",
        }  # fmt: skip


def fold_id_map(kernel: Kernel, fact: IdMapSet) -> None:
    """A map was written."""
    ns = kernel.ns_tree.user(fact.ns)
    setattr(ns, fact.which, IdMap(tuple(Extent(*extent) for extent in fact.extents)))


def fold_setgroups(kernel: Kernel, fact: SetgroupsDenied) -> None:
    """setgroups(2) is denied for good."""
    kernel.ns_tree.user(fact.ns).setgroups_allowed = False

"""Cgroup namespaces: the root that ``/proc/[pid]/cgroup`` is relative to (``cgroup_namespaces(7)``).

There is one cgroup as yet, so every root is the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from usernel.abi.sched import CLONE_NEWCGROUP

from .namespace import Namespace

if TYPE_CHECKING:
    from ..facts import NamespaceCreated
    from .user import UserNamespace

ROOT_CGROUP: Final = "/"


class CgroupNamespace(Namespace):
    """A cgroup namespace."""

    kind = CLONE_NEWCGROUP
    partial = "identity, ownership and /proc/[pid]/cgroup: there is one cgroup, and so one root"

    def __init__(self, fact: NamespaceCreated, owner: UserNamespace | None) -> None:
        super().__init__(fact, owner)
        self.root = ROOT_CGROUP

    def shown(self, cgroup: str) -> str:
        """A cgroup's path as tasks in this namespace see it."""
        return cgroup if self.root == ROOT_CGROUP else cgroup.removeprefix(self.root) or ROOT_CGROUP

    def stat(self) -> dict[str, Any]:
        """And its root."""
        return {**super().stat(), "root": self.root}

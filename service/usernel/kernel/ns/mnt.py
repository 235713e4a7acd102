"""Mount namespaces. As yet identity and membership: the same mounts stand in each (``mount_namespaces(7)``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from usernel.abi.sched import CLONE_NEWNS

from .namespace import Namespace

if TYPE_CHECKING:
    from ..facts import NamespaceCreated
    from .user import UserNamespace

MOUNTS: Final = ("/", "/tmp", "/proc", "/dev/mqueue")  # noqa: S108 - a path in the model, not on this host
"""What is mounted: an empty tmpfs, and on it three file systems."""


class MntNamespace(Namespace):
    """A mount namespace."""

    kind = CLONE_NEWNS
    partial = "identity, ownership and membership: the same mounts stand in each, for there are no files yet"

    def __init__(self, fact: NamespaceCreated, owner: UserNamespace | None) -> None:
        super().__init__(fact, owner)
        self.mounts = MOUNTS

    def stat(self) -> dict[str, Any]:
        """And what is mounted where."""
        return {**super().stat(), "mounts": list(self.mounts)}

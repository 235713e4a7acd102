"""Credentials: who a task is, and what it may do regardless."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from usernel.abi import capability


@dataclass(frozen=True, slots=True)
class Cred:
    """A task's credentials (``credentials(7)``), replaced whole and never changed in place.

    ``cap_effective`` is a mask of ``1 << capability number``. There is one user namespace as yet, the initial one.
    """

    uid: int = 0
    gid: int = 0
    euid: int = 0
    egid: int = 0
    suid: int = 0
    sgid: int = 0
    groups: frozenset[int] = frozenset()
    cap_effective: int = capability.CAP_FULL_SET

    def capable(self, capabilities: int) -> bool:
        """Whether every one of these capabilities is in effect."""
        return self.cap_effective & capabilities == capabilities

    def in_group(self, gid: int) -> bool:
        """Whether ``gid`` is the effective group or a supplementary one (``in_group_p``)."""
        return gid == self.egid or gid in self.groups

    def become(self, uid: int | None, gid: int | None, groups: Iterable[int] | None, keep: int | None) -> Cred:
        """These credentials after a change of all its ids at once; a change away from root drops all capabilities.

        ``keep`` is a mask of capabilities to keep of those in effect; None follows the rule of ``setuid(2)``.
        """
        new_uid = self.uid if uid is None else uid
        new_gid = self.gid if gid is None else gid
        caps = self.cap_effective if keep is None else self.cap_effective & keep
        if keep is None and self.euid == 0 and new_uid != 0:
            caps = 0
        return replace(
            self, uid=new_uid, euid=new_uid, suid=new_uid, gid=new_gid, egid=new_gid, sgid=new_gid,
            groups=self.groups if groups is None else frozenset(groups), cap_effective=caps,
        )  # fmt: skip

    def stat(self) -> dict[str, Any]:
        """The lines Uid, Gid, Groups and CapEff of ``/proc/[pid]/status``."""
        return {
            "uid": self.uid, "euid": self.euid, "suid": self.suid, "gid": self.gid, "egid": self.egid,
            "sgid": self.sgid, "groups": sorted(self.groups), "cap_eff": f"{self.cap_effective:016x}",
        }  # fmt: skip

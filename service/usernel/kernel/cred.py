"""Credentials: who a task is, and what it may do regardless (``credentials(7)``, ``capabilities(7)``)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from usernel.abi.capability import CAP_FS_SET, CAP_FULL_SET

if TYPE_CHECKING:
    from .ns.user import UserNamespace


@dataclass(frozen=True, slots=True)
class Cred:
    """A task's credentials, replaced whole and never changed in place.

    Ids are those of the initial user namespace (kuid_t); ``user_ns`` says what they are called, and where the
    capabilities count. Sets of capabilities are masks of ``1 << number``.
    """

    user_ns: UserNamespace
    uid: int = 0
    gid: int = 0
    euid: int = 0
    egid: int = 0
    suid: int = 0
    sgid: int = 0
    fsuid: int = 0
    fsgid: int = 0
    groups: tuple[int, ...] = ()
    cap_inheritable: int = 0
    cap_permitted: int = CAP_FULL_SET
    cap_effective: int = CAP_FULL_SET
    cap_bset: int = CAP_FULL_SET
    cap_ambient: int = 0
    keep_caps: bool = False

    def capable(self, capabilities: int) -> bool:
        """Whether these capabilities are in effect over the whole kernel (``capable``)."""
        return self.user_ns.owner is None and self.cap_effective & capabilities == capabilities

    def ns_capable(self, ns: UserNamespace, capabilities: int) -> bool:
        """Whether these capabilities are in effect in a user namespace (``cap_capable``).

        Whoever made a user namespace has them all in it, and so in those below.
        """
        target: UserNamespace | None = ns
        while target is not None:
            if target is self.user_ns:
                return self.cap_effective & capabilities == capabilities
            if target.level <= self.user_ns.level:
                return False
            if target.parent is self.user_ns and target.uid == self.euid:
                return True
            target = target.parent
        return False

    def holds(self, other: Cred) -> bool:
        """Whether other credentials can do no more than these: those in a user namespace that these made count so."""
        if other.user_ns is self.user_ns:
            return not other.cap_permitted & ~self.cap_permitted
        ns = other.user_ns
        while ns.parent is not None:
            if ns.parent is self.user_ns and ns.uid == self.euid:
                return True
            ns = ns.parent
        return False

    def in_group(self, gid: int) -> bool:
        """Whether ``gid`` is the file system group or a supplementary one (``in_group_p``)."""
        return gid == self.fsgid or gid in self.groups

    def become(self, uid: int | None, gid: int | None, groups: Iterable[int] | None, keep: int | None) -> Cred:
        """These credentials after a change of all its ids at once; a change away from root drops all capabilities.

        ``keep`` is a mask of capabilities to keep of those in effect; None follows the rule of ``setuid(2)``.
        """
        new_uid = self.uid if uid is None else uid
        new_gid = self.gid if gid is None else gid
        changed = replace(
            self, uid=new_uid, euid=new_uid, suid=new_uid, fsuid=new_uid, gid=new_gid, egid=new_gid, sgid=new_gid,
            fsgid=new_gid, groups=self.groups if groups is None else tuple(sorted(groups)),
        )  # fmt: skip
        if keep is None:
            return changed.fixed_up(self)
        kept = self.cap_permitted & keep
        return replace(changed, cap_permitted=kept, cap_effective=kept, cap_ambient=self.cap_ambient & kept)

    def fixed_up(self, old: Cred) -> Cred:
        """These credentials, whose uids changed from ``old``'s, with the capabilities that follow (``setuid(2)``).

        Nobody of real, effective and saved uid being root any more loses them (``cap_emulate_setxuid``).
        """
        root = old.user_ns.root_uid
        permitted, effective, ambient = self.cap_permitted, self.cap_effective, self.cap_ambient
        if root in (old.uid, old.euid, old.suid) and root not in (self.uid, self.euid, self.suid):
            if not old.keep_caps:
                permitted = effective = 0
            ambient = 0
        if old.euid == root != self.euid:
            effective = 0
        if old.euid != root == self.euid:
            effective = permitted
        return replace(self, cap_permitted=permitted, cap_effective=effective, cap_ambient=ambient)

    def fs_fixed_up(self, old: Cred) -> Cred:
        """These credentials, whose fsuid changed from ``old``'s: some capabilities follow that (``setfsuid(2)``)."""
        root = old.user_ns.root_uid
        effective = self.cap_effective
        if old.fsuid == root != self.fsuid:
            effective &= ~CAP_FS_SET
        if old.fsuid != root == self.fsuid:
            effective |= self.cap_permitted & CAP_FS_SET
        return replace(self, cap_effective=effective)

    def inside(self, user_ns: UserNamespace) -> Cred:
        """These credentials in a user namespace that their task made or entered (``set_cred_user_ns``)."""
        return replace(
            self, user_ns=user_ns, cap_inheritable=0, cap_permitted=CAP_FULL_SET, cap_effective=CAP_FULL_SET,
            cap_bset=CAP_FULL_SET, cap_ambient=0, keep_caps=False,
        )  # fmt: skip

    def stat(self) -> dict[str, Any]:
        """The lines Uid, Gid, Groups and Cap* of ``/proc/[pid]/status``, in ids of the initial user namespace."""
        return {
            "uid": self.uid, "euid": self.euid, "suid": self.suid, "gid": self.gid, "egid": self.egid,
            "sgid": self.sgid, "groups": list(self.groups), "cap_inh": f"{self.cap_inheritable:016x}",
            "cap_prm": f"{self.cap_permitted:016x}", "cap_eff": f"{self.cap_effective:016x}",
            "cap_bnd": f"{self.cap_bset:016x}", "cap_amb": f"{self.cap_ambient:016x}",
        }  # fmt: skip

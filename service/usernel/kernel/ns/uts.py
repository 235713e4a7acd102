"""UTS namespaces: host name and domain name (``uts_namespaces(7)``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from usernel.abi.sched import CLONE_NEWUTS

from .namespace import Namespace

if TYPE_CHECKING:
    from ..facts import NamespaceCreated, UtsNameSet
    from ..kernel import Kernel
    from .user import UserNamespace

NEW_UTS_LEN: Final = 64
"""Most bytes of a name (``__NEW_UTS_LEN``)."""


class UtsNamespace(Namespace):
    """A UTS namespace; a new one starts with the names of the one that it was made from."""

    kind = CLONE_NEWUTS

    def __init__(self, fact: NamespaceCreated, owner: UserNamespace | None, source: UtsNamespace | None) -> None:
        super().__init__(fact, owner)
        self.nodename: str = source.nodename if source else "usernel"
        self.domainname: str = source.domainname if source else "(none)"

    def durable(self) -> dict[str, Any]:
        """And its names."""
        return {**super().durable(), "nodename": self.nodename, "domainname": self.domainname}

    def stat(self) -> dict[str, Any]:
        """And its names."""
        return {**super().stat(), "nodename": self.nodename, "domainname": self.domainname}


def fold_name(kernel: Kernel, fact: UtsNameSet) -> None:
    """sethostname(2) or setdomainname(2)."""
    setattr(kernel.ns_tree.uts(fact.ns), fact.which, fact.name)

"""Network namespaces: identity, ownership, their own sysctls, and a loopback (``network_namespaces(7)``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final

from usernel.abi.capability import CAP_NET_ADMIN
from usernel.abi.sched import CLONE_NEWNET

from .namespace import INT_MAX, Namespace, Sysctl

if TYPE_CHECKING:
    from ..facts import NamespaceCreated
    from .user import UserNamespace

SOMAXCONN: Final = 4096
LOOPBACK: Final = "lo"


class NetNamespace(Namespace):
    """A network namespace."""

    kind = CLONE_NEWNET
    partial = "identity, ownership, net.core.somaxconn and the loopback's name: there are no sockets"
    SYSCTLS: ClassVar[Mapping[str, Sysctl]] = {"net.core.somaxconn": Sysctl("somaxconn", 0, INT_MAX, CAP_NET_ADMIN)}

    def __init__(self, fact: NamespaceCreated, owner: UserNamespace | None) -> None:
        super().__init__(fact, owner)
        self.somaxconn = SOMAXCONN
        self.interfaces = (LOOPBACK,)

    def stat(self) -> dict[str, Any]:
        """And its interfaces."""
        return {**super().stat(), "interfaces": list(self.interfaces)}

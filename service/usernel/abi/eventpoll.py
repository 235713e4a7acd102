"""``linux/eventpoll.h``: operations and events of epoll."""

from __future__ import annotations

from collections.abc import Mapping
from struct import Struct
from typing import Final

EPOLL_CLOEXEC: Final = 0o2000000
EPOLL_CTL_ADD: Final = 1
EPOLL_CTL_DEL: Final = 2
EPOLL_CTL_MOD: Final = 3

EPOLLIN: Final = 0x001
EPOLLPRI: Final = 0x002
EPOLLOUT: Final = 0x004
EPOLLERR: Final = 0x008
EPOLLHUP: Final = 0x010
EPOLLNVAL: Final = 0x020
EPOLLRDNORM: Final = 0x040
EPOLLRDBAND: Final = 0x080
EPOLLWRNORM: Final = 0x100
EPOLLWRBAND: Final = 0x200
EPOLLMSG: Final = 0x400
EPOLLRDHUP: Final = 0x2000
EPOLL_URING_WAKE: Final = 1 << 27
EPOLLEXCLUSIVE: Final = 1 << 28
EPOLLWAKEUP: Final = 1 << 29
EPOLLONESHOT: Final = 1 << 30
EPOLLET: Final = 1 << 31

EPOLL_EVENT: Final[Mapping[str, Struct]] = {"x86_64": Struct("=IQ"), "aarch64": Struct("=I4xQ")}
"""``struct epoll_event`` by machine, for x86_64 packs it: events data."""

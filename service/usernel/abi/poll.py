"""``asm-generic/poll.h``: events of poll(2)."""

from __future__ import annotations

from typing import Final

from .names import Names

POLLIN: Final = 0x001
POLLPRI: Final = 0x002
POLLOUT: Final = 0x004
POLLERR: Final = 0x008
POLLHUP: Final = 0x010
POLLNVAL: Final = 0x020
POLLRDNORM: Final = 0x040
POLLRDBAND: Final = 0x080
POLLWRNORM: Final = 0x100
POLLWRBAND: Final = 0x200
POLLMSG: Final = 0x400
POLLREMOVE: Final = 0x1000
POLLRDHUP: Final = 0x2000

POLL_EVENTS: Final = Names(
    "poll_events",
    {
        "POLLIN": POLLIN,
        "POLLPRI": POLLPRI,
        "POLLOUT": POLLOUT,
        "POLLERR": POLLERR,
        "POLLHUP": POLLHUP,
        "POLLNVAL": POLLNVAL,
        "POLLRDNORM": POLLRDNORM,
        "POLLWRNORM": POLLWRNORM,
    },
)

"""The connection of this process: made on first use, again after it was lost, and anew in a forked child."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from ..errors import ConnectionLost
from ..sync import SyncClient

if TYPE_CHECKING:
    from .notification import Listener


class Link:
    """A connection, as which task it acts, and how far the service's clock is ahead.

    The task's umask is 0: whoever makes a queue applies the umask of this process.
    """

    def __init__(self) -> None:
        self.client = SyncClient()
        self.pid = self.client.call("getpid").ret
        self.client.call("umask", mask=0)
        self.ahead = _ahead(self.client)
        self.fd = _descriptor(self.client)
        self.lost = False
        self.users = 0
        self.starting = threading.Lock()
        self.listener: Listener | None = None


class _Process:
    """What this process has: its link, and those of the process that it was forked from."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.link: Link | None = None
        self.inherited: list[Link] = []

    def enter(self) -> Link:
        with self.lock:
            if self.link is None or self.link.lost:
                self.link = Link()
            self.link.users += 1
            return self.link

    def keep(self, link: Link) -> None:
        """One more uses a link that is in use."""
        with self.lock:
            link.users += 1

    def leave(self, link: Link) -> None:
        """The last who uses a lost link ends it: nobody waits on its loop any more."""
        with self.lock:
            link.users -= 1
            over = link.lost and link.users == 0
        if over:
            link.client.close()

    def forked(self) -> None:
        """Begin anew. The parent's socket is closed here, or the parent's death would not end its connection."""
        self.lock = threading.Lock()
        if self.link is not None:
            null = os.open(os.devnull, os.O_RDWR)
            os.dup2(null, self.link.fd, inheritable=False)
            os.close(null)
            self.inherited.append(self.link)
            self.link = None


_process: Final = _Process()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_process.forked)


@contextmanager
def calling() -> Generator[Link]:
    """This process's link, for a call. ConnectionLost: the next call connects again."""
    link = _process.enter()
    try:
        yield link
    except ConnectionLost:
        link.lost = True
        raise
    finally:
        _process.leave(link)


def keep(link: Link) -> None:
    """Somebody who calls without end uses a link; ``release`` ends that."""
    _process.keep(link)


def release(link: Link) -> None:
    """See ``keep``."""
    _process.leave(link)


def _ahead(client: SyncClient) -> float:
    """By how many seconds the service's clock is ahead of this host's; 0 where the two cannot be told apart."""
    before = time.time()
    told = client.call("clock_gettime", clockid=0).out or {}
    after = time.time()
    theirs = float(told["tv_sec"]) + float(told["tv_nsec"]) / 1e9
    if before <= theirs <= after:
        return 0.0
    return theirs - (before + after) / 2


def _descriptor(client: SyncClient) -> int:
    """The socket's descriptor."""
    connection = client._client.caller.connection  # noqa: SLF001 - nobody but a forked child has a use for it
    return int(connection._ws.get_extra_info("socket").fileno())  # noqa: SLF001 - the same

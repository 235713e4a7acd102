"""The connection of this process: made on first use, again after it was lost, and anew in a forked child."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from ..connection import Connection
from ..errors import ConnectionLost, KernelError
from ..sync import SyncClient

if TYPE_CHECKING:
    from .notification import Listener


TASK_GONE: Final = "ESRCH"
"""What a call ends with whose task was killed, though its connection is there."""


class Link:
    """A connection, as which task it acts, and how far the service's clock is ahead.

    The task's umask is 0: whoever makes a queue applies the umask of this process.
    """

    def __init__(self) -> None:
        self.client = SyncClient()
        self._connection = self.client._client.caller.connection  # noqa: SLF001 - its socket and its loss are of interest
        self.pid = self.client.call("getpid").ret
        self.client.call("umask", mask=0)
        self.ahead = _ahead(self.client)
        self.fd = _descriptor(self._connection)
        self.lost = False
        self.closed = False
        self.users = 0
        self.starting = threading.Lock()
        self.listener: Listener | None = None

    def hang_up(self) -> None:
        """End the connection: whoever waits on it gets ConnectionLost."""
        self.lost = True
        asyncio.run_coroutine_threadsafe(self._connection.close(), self._connection.loop).result()

    def over(self) -> bool:
        """Whether the connection was lost, as far as is known."""
        return self.lost or bool(self._connection.stat()["lost"])


class _Process:
    """What this process has: its link, and those of the process that it was forked from."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.link: Link | None = None
        self.inherited: list[Link] = []

    def enter(self) -> Link:
        with self.lock:
            before = self.link
            link = self.link = Link() if before is None or before.over() else before
            link.users += 1
        if before is not None and before is not link:
            self._end(before)
        return link

    def keep(self, link: Link) -> None:
        """One more uses a link that is in use."""
        with self.lock:
            link.users += 1

    def leave(self, link: Link) -> None:
        with self.lock:
            link.users -= 1
        if link.over():
            self._end(link)

    def _end(self, link: Link) -> None:
        """The last who uses a lost link ends it: nobody waits on its loop any more."""
        with self.lock:
            idle = link.users == 0 and not link.closed
            link.closed = link.closed or idle
        if idle:
            link.client.close()

    def disconnect(self) -> None:
        with self.lock:
            link, self.link = self.link, None
        if link is not None and not link.closed:
            link.hang_up()
            self._end(link)

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
    """This process's link, for a call. ConnectionLost, KernelError (ESRCH): the next call connects again."""
    link = _process.enter()
    try:
        yield link
    except ConnectionLost:
        link.lost = True
        raise
    except KernelError as error:
        link.lost = link.lost or error.name == TASK_GONE
        raise
    finally:
        _process.leave(link)


def keep(link: Link) -> None:
    """Somebody who calls without end uses a link; ``release`` ends that."""
    _process.keep(link)


def release(link: Link) -> None:
    """See ``keep``."""
    _process.leave(link)


def disconnect() -> None:
    """End this process's connection, if it has one; the next call makes another."""
    _process.disconnect()


def _ahead(client: SyncClient) -> float:
    """By how many seconds the service's clock is ahead of this host's; 0 where the two cannot be told apart."""
    before = time.time()
    told = client.call("clock_gettime", clockid=0).out or {}
    after = time.time()
    theirs = float(told["tv_sec"]) + float(told["tv_nsec"]) / 1e9
    if before <= theirs <= after:
        return 0.0
    return theirs - (before + after) / 2


def _descriptor(connection: Connection) -> int:
    """The socket's descriptor."""
    return int(connection._ws.get_extra_info("socket").fileno())  # noqa: SLF001 - only a forked child has a use for it

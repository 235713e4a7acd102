"""A nursery of services that kill themselves: ``python -m tests.crash.doomed FD``, asked over the socket FD.

Everything is loaded once; each service is a fork. In a doomed one, the files of the journal, or its storage, count what
happens to them, and at the appointed time the process is gone, in the midst of it: SIGKILL runs no handler, flushes no
buffer and rolls nothing back.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Any, NoReturn

import apsw
import uvloop  # noqa: F401 - loaded before the fork, not after each

import usernel.compose
from usernel.cli.main import main as command
from usernel.journal import schema
from usernel.journal.sqlite import SqliteStorage
from usernel.kernel import snapshot

from .doom import Doom

VFS = "doomed"
PART_BYTES = 4000
"""Of a doomed service's snapshots, so that one has many parts."""
REQUEST = 100_000


def die() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("SIGKILL cannot be survived")


class Fate:
    """Counts what the plan is about, and ends the process at the appointed time."""

    def __init__(self, doom: Doom) -> None:
        self.doom = doom
        self._times = count(1)

    def meet(self, what: str, where: str, act: Callable[[], Any], half: Callable[[], Any] = lambda: None) -> Any:
        """Do something, unless this is the end."""
        if (what, where) != (self.doom.what, self.doom.where) or next(self._times) != self.doom.nth:
            return act()
        if self.doom.how == "middle":
            half()
        elif self.doom.how == "after":
            act()
        die()


class DoomedFile(apsw.VFSFile):
    """A file of the journal."""

    def __init__(self, fate: Fate, name: Any, flags: list[int]) -> None:
        self._fate = fate
        self._where = "wal" if flags[0] & apsw.SQLITE_OPEN_WAL else "db"
        super().__init__("", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802 - SQLite's name
        write = super().xWrite
        half = bytes(data[: len(data) // 2])
        self._fate.meet("write", self._where, lambda: write(data, offset), lambda: write(half, offset))

    def xSync(self, flags: int) -> None:  # noqa: N802 - SQLite's name
        sync = super().xSync
        self._fate.meet("sync", self._where, lambda: sync(flags))

    def xTruncate(self, size: int) -> None:  # noqa: N802 - SQLite's name
        truncate = super().xTruncate
        self._fate.meet("truncate", self._where, lambda: truncate(size))


class DoomedFiles(apsw.VFS):
    """The system's files, with a fate."""

    def __init__(self, fate: Fate) -> None:
        self._fate = fate
        super().__init__(VFS, "")

    def xOpen(self, name: Any, flags: list[int]) -> DoomedFile:  # noqa: N802 - SQLite's name
        return DoomedFile(self._fate, name, flags)


class DoomedStorage(SqliteStorage):
    """A storage whose calls have a fate."""

    fate: Fate
    files: DoomedFiles
    """Registered with SQLite for as long as somebody has it."""

    def append(self, *args: Any) -> None:
        self.fate.meet("call", "append", partial(super().append, *args))

    def add_part(self, *args: Any) -> None:
        self.fate.meet("call", "add_part", partial(super().add_part, *args))

    def finish_snapshot(self, *args: Any) -> None:
        self.fate.meet("call", "finish_snapshot", partial(super().finish_snapshot, *args))

    def reclaim(self) -> bool:
        return bool(self.fate.meet("call", "reclaim", super().reclaim))


def serve(doom: Doom | None, words: list[str]) -> None:
    """Be a service, until the end."""
    if doom is not None:
        DoomedStorage.fate = fate = Fate(doom)
        DoomedStorage.files = DoomedFiles(fate)
        schema.CHECKPOINT_PAGES = doom.checkpoint  # type: ignore[misc]
        snapshot.PART_BYTES = PART_BYTES  # type: ignore[misc]
        setattr(usernel.compose, "SqliteStorage", partial(DoomedStorage, vfs=VFS))  # noqa: B010 - it is not exported
    command(words, prog_name="usernel")


def fork(peer: socket.socket, request: dict[str, Any], fds: list[int]) -> int:
    """A service in a process of its own, with these as its stdout and stderr; its pid."""
    pid = os.fork()
    if pid:
        for fd in fds:
            os.close(fd)
        return pid
    peer.close()
    for fd, standard in zip(fds, (1, 2), strict=True):
        os.dup2(fd, standard)
        os.close(fd)
    status = 1
    try:
        serve(request["doom"] and Doom.of(request["doom"]), request["words"])
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 0
    except Exception:  # noqa: BLE001 - whatever it is, it is the service's last word
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def answer(peer: socket.socket, asked: bytes, fds: list[int]) -> int:
    request = json.loads(asked)
    if "reap" in request:
        return os.waitstatus_to_exitcode(os.waitpid(request["reap"], 0)[1])
    return fork(peer, request, fds)


def main() -> None:
    """Fork whenever asked to, until nobody asks any more."""
    with socket.socket(fileno=int(sys.argv[1])) as peer:
        while True:
            asked, fds, _, _ = socket.recv_fds(peer, REQUEST, 2)
            if not asked:
                return
            peer.send(str(answer(peer, asked, fds)).encode())


if __name__ == "__main__":
    main()

"""A data directory: one journal, who uses it, and how far it was acknowledged.

``journal.db`` is the SQLite database (with ``-wal`` and ``-shm`` beside it), ``lock`` is held by the process that
writes, ``acked`` has the last position that was reported durable. The last is written after each commit and never
synced: it costs nothing, survives a killed process, and is at worst older than the truth after a power cut. It is how a
journal that lost its end (a deleted ``-wal``, a bit flipped in it) is told from one that merely ends.
"""

from __future__ import annotations

import fcntl
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from .checksum import pack_acked, unpack_acked
from .port import JournalError

DATABASE: Final = "journal.db"
PRIVATE: Final = 0o700
PRIVATE_FILE: Final = 0o600


@dataclass(frozen=True, slots=True)
class DataDirectory:
    """The paths of a data directory."""

    path: Path

    @property
    def database(self) -> Path:
        """The SQLite database."""
        return self.path / DATABASE

    @property
    def beside(self) -> tuple[Path, ...]:
        """What SQLite keeps beside it: without ``-wal`` it may lack its end."""
        return tuple(self.path / f"{DATABASE}{suffix}" for suffix in ("-wal", "-shm"))

    @property
    def acked(self) -> int:
        """The last position that was reported durable, as far as is known."""
        try:
            return unpack_acked((self.path / "acked").read_bytes())
        except FileNotFoundError:
            return 0

    def make(self) -> None:
        """Make the directory, for its owner alone. JournalError."""
        try:
            self.path.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
        except OSError as error:
            raise JournalError(f"the data directory {self.path} cannot be made: {error.strerror}") from None

    def make_private(self, path: Path) -> None:
        """Make a file for its owner alone, as SQLite then makes those beside it. JournalError."""
        try:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE_FILE))
        except OSError as error:
            raise JournalError(f"{path} cannot be opened: {error.strerror}") from None

    def sync(self) -> None:
        """Make durable which files are in it."""
        directory = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


class Lock:
    """The right to write into a data directory. It ends with the process, however that ends."""

    def __init__(self, directory: DataDirectory) -> None:
        path = directory.path / "lock"
        try:
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE_FILE)
        except OSError as error:
            raise JournalError(f"{path} cannot be opened: {error.strerror}") from None
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.pread(self._fd, 20, 0).decode("ascii", "replace").strip()
            os.close(self._fd)
            raise JournalError(f"another usernel (pid {holder or 'unknown'}) uses {directory.path}") from None
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Let another process have it."""
        os.close(self._fd)


def holder(directory: DataDirectory) -> int | None:
    """The pid of the process that may write into a data directory; 0 where it does not say, None for nobody."""
    try:
        fd = os.open(directory.path / "lock", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        pid = os.pread(fd, 20, 0).strip()
        return int(pid) if pid.isdigit() else 0
    finally:
        os.close(fd)
    return None


class Acked:
    """The file ``acked``, open to be written after each commit."""

    def __init__(self, directory: DataDirectory) -> None:
        self._fd = os.open(directory.path / "acked", os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, PRIVATE_FILE)

    def tell(self, position: int) -> None:
        """Everything up to here is reported durable from now on."""
        try:
            os.pwrite(self._fd, pack_acked(position), 0)
        except OSError:
            pass  # the commit stands; only a loss of it would not be noticed

    def close(self) -> None:
        """Close it."""
        os.close(self._fd)

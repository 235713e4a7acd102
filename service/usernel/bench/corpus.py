"""The files that are read: made once a run, read into the cache or thrown out of it before each measurement."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from .row import Corpus

SIZE: Final = 4096
"""Bytes of a block, and of a small file."""


@contextmanager
def corpus(parent: str, blocks: int, files: int) -> Iterator[Corpus]:
    """A directory with ``big``, of so many blocks, and ``small``, of so many files; gone at the end."""
    with TemporaryDirectory(prefix="usernel-bench-", dir=parent) as directory:
        made = Corpus(Path(directory), blocks, files)
        with Path(made.big).open("wb") as file:
            file.writelines(os.urandom(SIZE) for _ in range(blocks))
            file.flush()
            os.fsync(file.fileno())
        (made.directory / "small").mkdir()
        for number in range(files):
            Path(made.small(number)).write_bytes(os.urandom(SIZE))
        yield made


def warm(path: str) -> None:
    """Have a file cached: some machines page out what nobody reads."""
    with Path(path).open("rb", buffering=0) as file:
        while file.read(1 << 20):
            pass


def evict(path: str) -> None:
    """Have nothing of a file cached."""
    fd = os.open(path, os.O_RDONLY)
    try:
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(fd)

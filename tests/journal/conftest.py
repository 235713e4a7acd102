"""A journal as a killed process leaves it: half of it in the write-ahead log."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from shutil import copytree, ignore_patterns

import pytest

from usernel.journal import schema, sqlite
from usernel.journal.directory import DataDirectory
from usernel.kernel import snapshot

from .histories import History, live
from .storing import make_snapshot, opened

RECORDS = 13
SNAPSHOTS = (6, 11)


@pytest.fixture(scope="module")
def history() -> Iterator[History]:
    """Parts of a few messages, and a write-ahead log that is moved every few commits: all happens in a short life."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(snapshot, "PART_MESSAGES", 6)
        patch.setattr(schema, "CHECKPOINT_PAGES", 11)
        patch.setattr(sqlite, "RECLAIM_ROWS", 5)
        yield live(RECORDS, SNAPSHOTS)


@dataclass(frozen=True)
class Left:
    """What a killed process left; each ``copy`` of it may be damaged."""

    path: Path
    history: History

    def copy(self, to: Path) -> DataDirectory:
        copytree(self.path, to)
        return DataDirectory(to)


@pytest.fixture(scope="module")
def left(history: History, tmp_path_factory: pytest.TempPathFactory) -> Left:
    home = tmp_path_factory.mktemp("left")
    storage = opened(home / "data")
    for record in history.records:
        storage.append(record)
        if parts := history.snapshots.get(record.position):
            make_snapshot(storage, parts)
    copytree(home / "data", home / "killed", ignore=ignore_patterns("*-shm"))
    storage.close()
    return Left(home / "killed", history)

"""A snapshot stands between two records, whatever is appended while it is begun."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from usernel.journal.directory import DataDirectory
from usernel.journal.port import Record
from usernel.journal.sqlite import SqliteStorage
from usernel.runtime.commit import GroupCommit


async def test_no_record_reaches_across_a_snapshot(tmp_path: Path) -> None:
    storage = SqliteStorage(DataDirectory(tmp_path), 1)
    commit = GroupCommit(storage)

    def snapshot() -> Iterator[None]:
        while storage.position < 3:
            yield
        storage.add_part(0, Record(3, 1, 0, b"the state at 3"))
        storage.finish_snapshot(3, 1, 0)

    for position in (1, 2, 3):
        commit.append(position, lambda: b"fact")
    commit.work(snapshot())
    commit.append(4, lambda: b"fact")
    await commit.settled()
    assert [record.position for record in storage.read()] == [3, 4]
    await commit.close()

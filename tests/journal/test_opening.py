"""Who may open a journal, and what is told to those who may not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest

from usernel.journal import schema
from usernel.journal.directory import DataDirectory
from usernel.journal.port import JournalError
from usernel.journal.sqlite import SqliteStorage
from usernel.kernel import facts

from .conftest import Left
from .histories import History
from .storing import check, opened
from .test_damage import closed, damage_of, statement

HOLDER = """
import os, signal, sys
from pathlib import Path
from usernel.journal.directory import DataDirectory
from usernel.journal.sqlite import SqliteStorage
from usernel.kernel import facts
storage = SqliteStorage(DataDirectory(Path(sys.argv[1])), facts.VERSION)
print(os.getpid(), flush=True)
signal.pause()
"""
SOMEBODY = 12345
FORKS = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")


def test_a_second_writer_is_told_who_is_the_first(tmp_path: Path) -> None:
    first = opened(tmp_path)
    with pytest.raises(JournalError, match=rf"another usernel \(pid {os.getpid()}\) uses {tmp_path}"):
        opened(tmp_path)
    first.close()
    opened(tmp_path).close()


def test_the_lock_ends_with_a_killed_process(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True) as holder:
        pid = int(holder.stdout.readline())
        with pytest.raises(JournalError, match=rf"pid {pid}\b"):
            opened(tmp_path)
        holder.send_signal(signal.SIGKILL)
    opened(tmp_path).close()


def test_what_failed_to_open_holds_no_lock(left: Left, tmp_path: Path) -> None:
    directory = closed(left, tmp_path)
    statement(directory, "DELETE FROM record")
    for _ in range(2):
        assert "another usernel" not in str(damage_of(directory, left.history))


@pytest.mark.parametrize("sql", [
    f"PRAGMA user_version = {schema.SCHEMA_VERSION + 1}",
    f"UPDATE journal SET value = {facts.VERSION + 1} WHERE name = 'facts_version'",
])  # fmt: skip
def test_a_newer_version_wrote_it(left: Left, tmp_path: Path, sql: str) -> None:
    directory = closed(left, tmp_path)
    statement(directory, sql)
    before = {path.name: path.read_bytes() for path in directory.path.iterdir() if path.name != "lock"}
    with pytest.raises(JournalError, match=r"written by a newer usernel .*: start the newer one"):
        opened(directory.path)
    assert {name: (directory.path / name).read_bytes() for name in before} == before


def test_a_newer_version_takes_over_and_an_older_one_refuses(left: Left, tmp_path: Path) -> None:
    directory = closed(left, tmp_path)
    SqliteStorage(directory, facts.VERSION + 1).close()
    with pytest.raises(JournalError, match="newer usernel"):
        opened(directory.path)


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "journal.db").write_bytes(b"these are my notes, not yours\n" * 200)
    with pytest.raises(JournalError, match=r"journal.db cannot be read: file is not a database"):
        opened(tmp_path)
    assert (tmp_path / "journal.db").read_bytes().startswith(b"these are my notes")


def test_the_database_of_somebody_else(tmp_path: Path) -> None:
    connection = apsw.Connection(str(tmp_path / "journal.db"))
    connection.execute("CREATE TABLE diary (entry TEXT)")
    connection.close()
    before = (tmp_path / "journal.db").read_bytes()
    with pytest.raises(JournalError, match="no journal of usernel's"):
        opened(tmp_path)
    assert (tmp_path / "journal.db").read_bytes() == before


def test_a_data_directory_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a file")
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(JournalError, match="cannot be"):
            opened(path)


def test_everything_is_its_owners_alone(tmp_path: Path) -> None:
    storage = opened(tmp_path / "deep" / "data")
    assert (tmp_path / "deep" / "data").stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "deep" / "data").iterdir()} == {0o600}
    storage.close()


def as_somebody(act: Callable[[], None]) -> str:
    """What the error of an act says that is done by somebody who is not root; root may do anything."""
    reader, writer = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            if not os.getuid():
                os.setresgid(SOMEBODY, SOMEBODY, SOMEBODY)
                os.setresuid(SOMEBODY, SOMEBODY, SOMEBODY)
            act()
        except BaseException as error:  # noqa: BLE001 - whatever it is, the parent looks at it
            os.write(writer, f"{type(error).__name__}: {error}".encode())
        finally:
            os._exit(0)
    os.close(writer)
    os.waitpid(pid, 0)
    with os.fdopen(reader, encoding="utf-8") as told:
        return told.read()


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A directory that anybody may reach."""
    for path in (tmp_path, *tmp_path.parents):
        if path.owner() == tmp_path.owner() and path != path.parent and path.name != "tmp":
            path.chmod(path.stat().st_mode | 0o011)
    return tmp_path


@FORKS
def test_a_directory_where_nothing_can_be_made(place: Path) -> None:
    place.chmod(0o555)
    told = as_somebody(lambda: opened(place / "data"))
    assert told == f"JournalError: the data directory {place / 'data'} cannot be made: Permission denied"
    assert as_somebody(lambda: opened(place)).startswith(f"JournalError: {place / 'lock'} cannot be opened: Permission")
    place.chmod(0o755)


@FORKS
def test_a_database_that_cannot_be_written(left: Left, place: Path) -> None:
    directory = left.copy(place / "data")
    directory.path.chmod(0o777)
    for path in directory.path.iterdir():
        path.chmod(0o444 if path.name == "journal.db" else 0o666)
    told = as_somebody(lambda: opened(directory.path))
    assert told == f"JournalError: {directory.database} cannot be opened: Permission denied"


def test_a_clock_that_was_set_back_between_two_runs(history: History, tmp_path: Path) -> None:
    half = len(history.records) // 2
    for records, time_ns in ((history.records[:half], 2 * 10**18), (history.records[half:], 10**18)):
        storage = opened(tmp_path)
        for record in records:
            storage.append(record._replace(time_ns=time_ns - record.position))
        storage.close()
    storage = opened(tmp_path)
    found = [record._replace(time_ns=record.position * 10**9) for record in storage.read()]
    storage.close()
    assert found == history.records
    assert history.state_of(found) == history.states[history.last]


def test_an_empty_journal_is_one(history: History, tmp_path: Path) -> None:
    for _ in range(2):
        storage = opened(tmp_path)
        assert (storage.position, list(storage.read()), storage.reclaim()) == (0, [], False)
        check(storage, history, 0)
        storage.close()
    assert DataDirectory(tmp_path).acked == 0

"""``usernel journal``: of a killed service's directory, beside a running one, of a damaged one."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import termios
import time
from base64 import b64encode
from pathlib import Path
from typing import Any

import apsw
import pytest
from click.testing import CliRunner

from usernel.cli.main import main
from usernel.journal.directory import DataDirectory
from usernel.journal.port import Record, join
from usernel.journal.sqlite import SqliteStorage
from usernel.kernel import facts
from usernel.runtime.codec import encode
from usernel_client import SyncClient

from .command import Ended, serving, start, usernel
from .test_terminal import ESCAPE, Terminal, terminal

PAYLOAD = b"a payload to be found"
NOT_TEXT = b"\xff\x00"
LAST = 4
INITIAL_IPC = 4026531839


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a service that was killed when it had acknowledged four facts."""
    path = tmp_path_factory.mktemp("killed") / "data"
    with serving("--data-dir", str(path)) as (process, line), SyncClient(line.split()[-1]) as client:
        queue = client.msgget(0x4D2, "IPC_CREAT", mode=0o600)
        queue.send(NOT_TEXT, 3)
        queue.send(PAYLOAD)
        queue.send(b"last")
        process.send_signal(signal.SIGKILL)
        process.wait()
    return path


@pytest.fixture
def data(killed: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    shutil.copytree(killed, tmp_path / "data")
    return tmp_path / "data"


@pytest.fixture
def flipped(data: Path) -> Path:
    """One where a bit of the third fact was flipped, in the database itself."""
    connection = apsw.Connection(str(data / "journal.db"))
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    found = bytearray((data / "journal.db").read_bytes())
    found[found.index(PAYLOAD)] ^= 1
    (data / "journal.db").write_bytes(found)
    return data


def filled(path: Path, records: int, size: int) -> Path:
    """A journal of so many messages."""
    storage = SqliteStorage(DataDirectory(path), facts.VERSION)
    with storage.loading():
        made: list[facts.Fact] = [facts.QueueCreated(INITIAL_IPC, 0, 1, 0o600, 0, 0, 1 << 30, 1, chosen=False)]
        for position in range(1, records + 1):
            storage.append(Record(position, 1, time.time_ns(), join([encode(made)])))
            made = [facts.MessagesSent(INITIAL_IPC, 0, 3, 1, ((1, bytes(size)),))]
    storage.close()
    return path


def journal(words: str, data: Path, *more: str) -> Ended:
    """Run a command in this process: a hundred of them cost less than ten processes."""
    done = CliRunner().invoke(main, ["journal", *words.split(), "--data-dir", str(data), *more])
    assert done.exception is None or isinstance(done.exception, SystemExit)
    return Ended(done.exit_code, done.stdout, done.stderr)


def lines(done: Ended) -> list[dict[str, Any]]:
    assert (done.status, done.err) == (0, "")
    return [json.loads(line) for line in done.out.splitlines()]


def test_stat_shows_positions_and_sizes(data: Path):
    shown = journal("stat --json", data).json
    assert shown.pop("file_bytes") > 0
    assert shown.pop("record_bytes") == shown.pop("tail_bytes") > len(PAYLOAD)
    assert shown == {
        "directory": str(data), "held_by": None, "schema_version": 1, "facts_version": facts.VERSION,
        "first_position": 1, "position": LAST, "acked": LAST, "records": LAST, "snapshots": [],
        "snapshot_position": 0, "snapshot_bytes": 0, "snapshot_time_ns": 0, "snapshot_age_seconds": None,
    }  # fmt: skip


def test_what_a_killed_service_acknowledged_is_whole(data: Path):
    before = {path.name: path.read_bytes() for path in data.iterdir() if not path.name.endswith("-shm")}
    shown = usernel("journal", "verify", "--json", "--data-dir", str(data)).json
    assert (shown["first_position"], shown["position"], shown["records"], shown["acked"]) == (1, LAST, LAST, LAST)
    assert (shown["replayed_facts"], shown["damages"], shown["snapshots"]) == (LAST, [], [])
    done = journal("repair --json", data)
    assert (done.status, done.json, done.err) == (0, {"repaired": False, "position": LAST}, "")
    assert {path.name: path.read_bytes() for path in data.iterdir() if path.name in before} == before


def test_facts_are_dumped_as_lines_of_json(data: Path):
    made, sent, *_ = found = lines(journal("dump", data))
    assert [fact["position"] for fact in found] == [1, 2, 3, 4]
    assert (made["fact"], made["key"], made["mode"]) == ("QueueCreated", 0x4D2, 0o600)
    assert (sent["fact"], sent["messages"]) == (
        "MessagesSent", [{"mtype": 3, "data": b64encode(NOT_TEXT).decode()}],
    )  # fmt: skip
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?\+00:00", sent["time"])
    (third,) = lines(journal("dump", data, "--after", "2", "--limit", "1"))
    assert third["messages"] == [{"mtype": 1, "data": b64encode(PAYLOAD).decode(), "text": PAYLOAD.decode()}]


def test_beside_a_running_service_a_backup_is_made_that_another_starts_from(data: Path, tmp_path: Path):
    copy = tmp_path / "copy"
    with serving("--data-dir", str(data)) as (process, line), SyncClient(line.split()[-1]) as client:
        client.msgget(0x4D2).send(b"more")
        assert journal("stat --json", data).json["held_by"] == process.pid
        assert journal("verify", data).out.endswith("nothing is damaged\n")
        refused = journal("repair", data)
        assert (refused.status, refused.err) == (
            1,
            f"usernel: a service (pid {process.pid}) uses {data}: stop it first\n",
        )
        made = journal("backup --json", data, str(copy)).json
        assert (made["directory"], made["position"], made["records"]) == (str(copy), LAST + 1, LAST + 1)
        client.msgget(0x4D2).send(b"not in the backup")
    with serving("--data-dir", str(copy)) as (_, line), SyncClient(line.split()[-1]) as client:
        queue = client.msgget(0x4D2)
        assert [message.data for message in queue.receive_many(10)] == [NOT_TEXT, PAYLOAD, b"last", b"more"]
    restored = lines(journal("dump --snapshot", copy))
    assert {"QueueRestored", "NumbersRestored"} < {fact["fact"] for fact in restored}
    again = journal("backup", data, str(copy))
    assert (again.status, again.err) == (1, f"usernel: {copy} is not empty\n")


def test_a_flipped_bit_is_found_and_repaired(flipped: Path, tmp_path: Path):
    done = journal("verify --json", flipped)
    damage = {"kind": "record", "position": 2, "why": "the record up to 3 is not as it was written"}
    assert (done.status, done.json["damages"], json.loads(done.err)["position"]) == (1, [damage], 2)
    sentence = "the journal is damaged behind position 2: the record up to 3 is not as it was written"
    advice = f"`usernel journal repair --data-dir {flipped}` recovers what is good of it"
    for words in ("dump --limit 9", f"backup {tmp_path / 'copy'}"):
        assert journal(words, flipped).err == f"usernel: {sentence}; {advice}\n"
    repaired = journal("repair", flipped)
    assert (repaired.status, repaired.err) == (0, "")
    assert repaired.out.splitlines() == [
        sentence.replace(" is ", " was ", 1),
        "lost: positions 3 to 4",
        "recovered: everything up to position 2",
        f"the damaged journal is kept in {flipped}/damaged-1",
    ]
    assert PAYLOAD[1:] in (flipped / "damaged-1" / "journal.db").read_bytes()
    assert journal("verify --json", flipped).json["position"] == 2


def test_a_journal_that_lost_its_end_is_damaged(data: Path):
    found = bytearray((data / "journal.db-wal").read_bytes())
    found[found.rindex(b"last")] ^= 1
    (data / "journal.db-wal").write_bytes(found)
    done = usernel("journal", "verify", "--data-dir", str(data))
    assert (done.status, "nothing is damaged" in done.out) == (1, False)
    assert done.err.startswith(
        "usernel: the journal is damaged behind position 3: it ends there, and 4 was acknowledged;"
    )
    shown = journal("repair --json", data).json
    assert (shown["repaired"], shown["position"], shown["lost"], shown["kept"]) == (
        True, LAST - 1, [LAST, LAST], str(data / "damaged-1"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "there is no journal in "),
        (b"garbage" * 1000, "file is not a database"),
        (b"", "is no journal of usernel's"),
    ],
)
def test_what_is_no_journal_is_one_sentence(tmp_path: Path, content: bytes | None, sentence: str):
    if content is not None:
        (tmp_path / "journal.db").write_bytes(content)
    for command in ("stat", "verify", "dump", "repair", f"backup {tmp_path / 'copy'}"):
        done = journal(command, tmp_path)
        assert (done.status, done.err.count("\n"), sentence in done.err) == (1, 1, True)
    assert not (tmp_path / "copy").exists()
    assert content or not (tmp_path / "lock").exists()


def test_a_place_that_cannot_be_written_is_one_sentence(data: Path):
    done = journal("backup", data, str(data / "acked"))
    assert (done.status, done.err) == (1, f"usernel: {data / 'acked'}: Not a directory\n")


@pytest.mark.parametrize("seed", range(25))
def test_whatever_was_flipped_there_is_a_sentence_and_what_was_repaired_is_whole(flipped: Path, seed: int):
    chance = random.Random(seed)
    found = bytearray((flipped / "journal.db").read_bytes())
    for _ in range(chance.choice((1, 3, 30))):
        found[chance.randrange(len(found))] ^= 1 << chance.randrange(8)
    at = chance.randrange(len(found))
    found[at : at + 8] = chance.randbytes(len(found[at : at + 8]))
    (flipped / "journal.db").write_bytes(found)

    def run(words: str) -> Ended:
        done = journal(words, flipped)
        assert done.err.count("\n") == (done.status == 1)
        return done

    assert run("verify").status == 1
    for words in ("stat --json", "dump", f"backup {flipped.with_name('copy')}"):
        run(words)
    if run("repair").status == 0:
        assert run("verify").status == 0


def test_nobody_reads_on_and_nobody_is_told(tmp_path: Path):
    data = filled(tmp_path / "data", 100, 2000)
    dumping = start("journal", "dump", "--data-dir", str(data))
    assert dumping.stdout is not None
    assert dumping.stderr is not None
    assert json.loads(dumping.stdout.readline())["position"] == 1
    dumping.stdout.close()
    assert (dumping.wait(20), dumping.stderr.read()) == (141, "")
    dumping.stderr.close()


def test_on_a_terminal_a_bar_comes_and_goes_and_ctrl_c_leaves_it_clean(tmp_path: Path):
    data = filled(tmp_path / "data", 100, 300_000)
    words = ["journal", "verify", "--data-dir", str(data)]
    with terminal(words, "") as screen:
        printed = screen.read()
        assert screen.status() == 0
    assert ("snapshots and records" in printed, "nothing is damaged" in printed, ESCAPE in printed) == (
        True,
        True,
        True,
    )
    assert printed.rindex("\x1b[?25h") > printed.rindex("\x1b[?25l")
    with terminal(words, "") as screen:
        before = termios.tcgetattr(screen.fd)
        printed = _until_bar(screen)
        os.write(screen.fd, b"\x03")
        printed += screen.read()
        assert screen.status() == 130
        assert termios.tcgetattr(screen.fd) == before
    assert ("Traceback" in printed, "damaged" in printed) == (False, False)
    assert printed.rindex("\x1b[?25h") > printed.rindex("\x1b[?25l")


def _until_bar(screen: Terminal) -> str:
    printed = ""
    while "\x1b[?25l" not in printed:
        printed += os.read(screen.fd, 4096).decode(errors="replace")
    return printed


def test_elsewhere_there_is_no_bar_and_people_read_facts_on_a_terminal(data: Path):
    assert journal("verify", data).err == ""
    with terminal(["journal", "dump", "--data-dir", str(data)], "") as screen:
        printed = re.sub(r"\x1b\[\d*m", "", screen.read())
    assert f"MessagesSent ns={INITIAL_IPC} msqid=0 " in printed
    assert f'[1] "{PAYLOAD.decode()}"\n' in printed
    assert r'[3] "\xff\x00"' in printed

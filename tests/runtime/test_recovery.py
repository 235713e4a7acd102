"""From a journal to a kernel, across restarts; what makes no sense in it is damage, with its position."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

import usernel
from tests.journal.histories import History, live, record_of, snapshot_of
from tests.journal.storing import make_snapshot, opened
from usernel.journal.port import JournalDamagedError, Record, join
from usernel.kernel import facts
from usernel.kernel.durable import durable_state
from usernel.kernel.kernel import Kernel
from usernel.kernel.ns.ipc import IpcNamespace
from usernel.runtime import Keeper, Progress, Runtime, recovery
from usernel.runtime.codec import encode
from usernel.runtime.recovery import fold, recover
from usernel.syscalls.table import TABLE

IPC = Kernel().ns_tree.initial(IpcNamespace).inum


class Kept:
    """A storage that has these records."""

    base_bytes = 0

    def __init__(self, records: Iterable[Record]) -> None:
        self.records = list(records)
        self.tail_bytes = sum(len(record.data) for record in self.records)

    def read(self) -> Iterator[Record]:
        yield from self.records


@pytest.fixture(scope="module")
def history() -> History:
    return live(14)


async def recovered(records: Iterable[Record], progress: Progress | None = None) -> Kernel:
    kernel, storage = Kernel(), Kept(records)
    await recover(kernel, storage, progress or Progress())  # type: ignore[arg-type]
    return kernel


async def test_a_kernel_is_where_its_journal_ends(history: History):
    progress = Progress()
    kernel = await recovered(history.records, progress)
    ended = len(kernel.take_facts())
    assert kernel.position == history.last + ended
    assert ended > 0, "the namespaces that only tasks kept end, and that is in the journal too"
    assert progress.facts == history.last
    assert progress.stat() == {
        "bytes": progress.total, "of_bytes": progress.total, "facts": history.last, "share": 1.0,
    }  # fmt: skip


async def test_an_empty_journal_is_recovered_at_once():
    progress = Progress()
    kernel = await recovered([], progress)
    assert (kernel.position, kernel.take_facts(), progress.stat()["share"]) == (0, [], 1.0)


async def test_the_loop_stays_awake(history: History, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(recovery, "TURN", -1)
    progress, shares = Progress(), []
    recovering = asyncio.create_task(recovered(history.records, progress))
    await asyncio.sleep(0)
    while not recovering.done():
        shares.append(progress.stat()["share"])
        await asyncio.sleep(0)
    assert shares == sorted(shares)
    assert len(set(shares)) > len(history.records) // 2


async def test_a_replay_may_be_given_up(history: History, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(recovery, "TURN", -1)
    recovering = asyncio.create_task(recovered(history.records))
    await asyncio.sleep(0)
    recovering.cancel()
    with pytest.raises(asyncio.CancelledError):
        await recovering
    assert gc.isenabled()


SENSELESS: dict[str, list[facts.Fact]] = {
    "no queue": [facts.MessagesSent(IPC, 77, 1, 1, ((1, b"x"),))],
    "no namespace": [facts.MessagesSent(1, 0, 1, 1, ((1, b"x"),))],
    "no message": [facts.MessagesReceived(IPC, 0, 1, 1, (5,))],
    "no inode": [facts.MqSent(IPC, 9, 1, ((1, b"x"),))],
    "no name": [facts.MqUnlinked(IPC, "q", 1)],
    "another kind of namespace": [facts.UtsNameSet(IPC, "nodename", "host")],
    "freed twice": [facts.NamespaceFreed(1)],
    "no such sysctl": [facts.SysctlSet(IPC, "kernel.nonsense", 1)],
    "no owner": [facts.NamespaceCreated(0x08000000, 0xF0000000, 9, 5, 0, 0, 0)],
}


@pytest.mark.parametrize("what", SENSELESS)
async def test_a_fact_that_makes_no_sense_is_damage(what: str):
    """Whole as it is, a record can only come from somewhere else: nothing behind it is believed."""
    made = facts.QueueCreated(IPC, 0, 1, 0o600, 0, 0, 16384, 1, chosen=False)
    good, bad = record_of(1, [made]), record_of(2, SENSELESS[what])
    with pytest.raises(JournalDamagedError, match="behind position 1: fact 1 of the record up to 2") as caught:
        await recovered([good, bad])
    assert caught.value.position == 1
    assert gc.isenabled()


@pytest.mark.parametrize("data", [b"\0", b"\0\0\0\5abc", join([b"nonsense"]), join([encode([])])[:-1]])
def test_a_record_that_is_none_is_damage(data: bytes):
    with pytest.raises(JournalDamagedError, match="behind position 7"):
        fold(Kernel(), Record(8, 1, 1, data), 7)


def test_the_fact_is_counted_where_it_stands():
    made = facts.QueueCreated(IPC, 0, 1, 0o600, 0, 0, 16384, 1, chosen=False)
    with pytest.raises(JournalDamagedError, match="fact 2 of the record up to 2"):
        fold(Kernel(), record_of(2, [made, facts.QueueRemoved(IPC, 3)]), 0)


# ---------------------------------------------------------------------------------------------------- across restarts


class Life:
    """One life of a service without doors."""

    def __init__(self, directory: Path) -> None:
        self.keeper = Keeper(opened(directory))
        self.runtime = Runtime(Kernel(), self.keeper.commit)

    async def __aenter__(self) -> Life:
        await self.keeper.recover(self.runtime, 2**40)
        return self

    async def __aexit__(self, *_error: object) -> None:
        self.runtime.close()
        await self.keeper.close(10)

    @property
    def state(self) -> dict[str, Any]:
        return durable_state(self.runtime.kernel)

    def call(self, name: str, *args: Any) -> Any:
        row = TABLE[name]
        task = self.runtime.kernel.default_task
        return self.runtime.submit(task, row, row.bind(args, {}), lambda _: None).outcome()


async def test_what_was_kept_is_there_and_what_was_ephemeral_has_ended(tmp_path: Path):
    async with Life(tmp_path) as first:
        kept = first.call("msgget", 1, ["IPC_CREAT", 0o600], "durable").ret
        first.call("msgsnd", kept, 1, b"kept")
        fleeting = first.call("msgget", 2, ["IPC_CREAT", 0o600], "ephemeral").ret
        first.call("msgsnd", fleeting, 1, b"gone")
    async with Life(tmp_path) as second:
        assert second.call("msgrcv", kept).out["data"] == b"kept"
        again = second.call("msgget", 2, ["IPC_CREAT", 0o600]).ret
        assert again not in {kept, fleeting}


async def test_a_life_in_which_nothing_happens_changes_nothing(tmp_path: Path):
    async with Life(tmp_path) as first:
        first.call("msgget", 1, ["IPC_CREAT", 0o600], "durable")
        first.call("fork", None, None, None, None, None, "CLONE_NEWIPC")
        state = first.state
    positions = []
    for _ in range(3):
        async with Life(tmp_path) as again:
            await again.keeper.commit.settled()
            positions.append(again.keeper.storage.position)
            assert again.state["ipc_namespaces"][IPC] == state["ipc_namespaces"][IPC]
    assert len(set(positions)) == 1, "the end of the first life's tasks is recorded once"


async def test_a_clock_that_was_set_back_orders_nothing_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Messages stay in the order in which they were sent, and each with the time of its day."""
    now = 1_600_000_000 * 10**9
    for number, hours in enumerate((5, 1, 3)):
        monkeypatch.setattr("usernel.runtime.runtime.time.time_ns", lambda hours=hours: now + hours * 3600 * 10**9)
        async with Life(tmp_path) as one:
            msqid = one.call("msgget", 1, ["IPC_CREAT", 0o600], "durable").ret
            one.call("msgsnd", msqid, 1, bytes([number]))
            assert one.call("msg_stat", msqid).out["msg_stime"] == (now // 10**9) + hours * 3600
    async with Life(tmp_path) as last:
        assert last.call("msg_stat", msqid).out["oldest"] == now // 10**9 + 5 * 3600
        assert [last.call("msgrcv", msqid).out["data"] for _ in range(3)] == [b"\0", b"\1", b"\2"]


async def test_calls_are_let_in_when_it_is_done(tmp_path: Path):
    kernel = usernel.Kernel()
    kernel.init.msgget(1, 0o1600)
    storage = opened(tmp_path)
    storage.append(record_of(1, kernel.facts))
    make_snapshot(storage, snapshot_of(kernel))
    storage.close()
    life = Life(tmp_path)
    life.runtime.recovery = Progress()
    assert life.runtime.unavailable == "the journal is being replayed: 100% done"
    async with life:
        assert (life.runtime.unavailable, life.runtime.recovery) == (None, None)
        assert life.call("msgget", 1).ret == 0

"""Outcomes leave when their log position is durable, in order; calls end, however they end."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from usernel.abi.errno import Errno
from usernel.journal.port import JournalError, JournalFullError
from usernel.kernel.call import Call
from usernel.runtime import Runtime
from usernel.syscalls.row import Row
from usernel.syscalls.table import TABLE

from .conftest import Submit
from .lagging import LaggingJournal

RECEIVE = TABLE["msgrcv"]


def receiving(queue: int) -> list[Any]:
    return RECEIVE.bind((queue,), {})


def calling(runtime: Runtime, row: Row, args: list[Any], **how: Any) -> asyncio.Task[Call]:
    return asyncio.create_task(runtime.call(runtime.kernel.default_task, row, args, **how))


async def parked(runtime: Runtime, count: int = 1) -> None:
    async with asyncio.timeout(5):
        while len(runtime.kernel.default_task.parked) != count:  # noqa: ASYNC110 - a turn of the loop, no time
            await asyncio.sleep(0)


# ---------------------------------------------------------------------------------------------------- log positions


def test_with_nothing_pending_an_outcome_leaves_before_submit_returns(runtime, submit: Submit, left):
    submit("getpid")
    submit("msgget", 77)
    assert left == ["getpid", "msgget: ENOENT"]


def test_a_call_that_changed_something_waits_until_that_is_durable(journal: LaggingJournal, submit: Submit, left):
    submit("msgget", 1, ["IPC_CREAT", 0o600])
    assert left == []
    journal.release(journal.last - 1)
    assert left == []
    journal.release()
    assert left == ["msgget"]


@pytest.mark.parametrize(("name", "outcome"), [("getpid", "getpid"), ("msgget", "msgget: ENOENT")])
def test_a_call_that_only_read_or_failed_waits_for_what_it_may_have_seen(
    journal: LaggingJournal, submit: Submit, left, queue: int, name: str, outcome: str
):
    submit("msgsnd", queue, 1, b"x")
    submit(name, *([77] if name == "msgget" else []))
    assert left == []
    journal.release()
    assert left == ["msgsnd", outcome]


def test_what_became_durable_leaves_and_no_more(journal: LaggingJournal, submit: Submit, left, queue: int):
    positions = [submit("msgsnd", queue, 1, b"x").position, submit("msg_list").position]
    submit("msgsnd", queue, 1, b"y")
    assert positions[0] == positions[1] < journal.last
    journal.release(positions[1])
    assert left == ["msgsnd", "msg_list"]
    journal.release()
    assert left == ["msgsnd", "msg_list", "msgsnd"]


def test_a_sleeper_that_is_woken_leaves_behind_the_call_that_woke_it(
    journal: LaggingJournal, submit: Submit, left, queue: int
):
    receiver = submit("msgrcv", queue)
    submit("msgsnd", queue, 1, b"x")
    assert receiver.done
    assert left == []
    journal.release()
    assert sorted(left) == ["msgrcv", "msgsnd"]
    assert journal.facts()[-2:] == ["MessagesSent", "MessagesReceived"]


def test_an_outcome_that_is_pending_is_overtaken_by_none(
    runtime: Runtime, journal: LaggingJournal, submit, left, queue
):
    kept = journal.durable
    submit("msgsnd", queue, 1, b"x")
    runtime.when_durable(kept, lambda: left.append("asked for what was kept already"))
    assert left == []
    journal.release()
    assert left == ["msgsnd", "asked for what was kept already"]


def test_calls_on_what_is_not_kept_wait_for_nothing(submit: Submit, left, queue: int):
    submit("msgsnd", queue, 1, b"x")
    fleeting = submit("msgget", "IPC_PRIVATE", 0o600, "ephemeral").outcome().ret
    left.clear()
    submit("msgsnd", fleeting, 1, b"x")
    submit("msgrcv", fleeting)
    assert left == ["msgsnd", "msgrcv"]


def test_position_0_has_nothing_to_wait_for(runtime: Runtime, submit: Submit, left, queue: int):
    submit("msgsnd", queue, 1, b"x")
    runtime.when_durable(0, lambda: left.append("position 0"))
    assert left == ["position 0"]


def test_a_call_let_in_by_a_completion_does_not_overtake_those_behind_it(
    runtime: Runtime, journal: LaggingJournal, submit: Submit, left, queue: int
):
    kept = journal.durable
    submit("msgsnd", queue, 1, b"x")
    runtime.when_durable(kept, lambda: submit("getpid"))
    submit("msg_list")
    journal.release()
    assert left == ["msgsnd", "msg_list", "getpid"]


def test_a_held_message_is_received_at_its_commit_and_that_position_is_waited_for(
    runtime: Runtime, journal: LaggingJournal, submit: Submit, left, queue: int
):
    submit("msgsnd", queue, 1, b"x")
    call = submit("msgrcv", queue, hold=True)
    journal.release()
    assert (left, journal.facts()[-1]) == (["msgsnd", "msgrcv"], "MessagesSent")
    assert runtime.commit(call)
    assert journal.facts()[-1] == "MessagesReceived"
    runtime.when_durable(call.position, lambda: left.append("committed"))
    assert left[-1] == "msgrcv"
    journal.release()
    assert left[-1] == "committed"


def test_commits_leave_in_the_order_in_which_they_were_made(
    runtime: Runtime, journal: LaggingJournal, submit: Submit, left, queue: int
):
    for body in (b"a", b"b"):
        submit("msgsnd", queue, 1, body)
    first, second = submit("msgrcv", queue, hold=True), submit("msgrcv", queue, hold=True)
    journal.release()
    left.clear()
    for call in (second, first):
        runtime.commit(call)
        runtime.when_durable(call.position, lambda call=call: left.append(call.outcome().out["data"]))
    journal.release(second.position)
    assert left == [b"b"]
    journal.release()
    assert left == [b"b", b"a"]


async def test_durable_returns_at_once_or_when_the_position_is_kept(
    runtime: Runtime, journal: LaggingJournal, submit: Submit, queue: int
):
    await runtime.durable(journal.last)
    position = submit("msgsnd", queue, 1, b"x").position
    waiting = asyncio.create_task(runtime.durable(position))
    cancelled = asyncio.create_task(runtime.durable(position))
    await asyncio.sleep(0)
    cancelled.cancel()
    await asyncio.gather(cancelled, return_exceptions=True)
    assert not waiting.done()
    journal.release()
    await waiting


def test_stat_counts_what_waits(runtime: Runtime, journal: LaggingJournal, submit: Submit, queue: int):
    assert runtime.stat()["waiting"] == 0
    submit("msgsnd", queue, 1, b"x")
    submit("getpid")
    assert (runtime.stat()["waiting"], runtime.stat()["journal"]["durable"]) == (2, journal.durable)


# -------------------------------------------------------------------------------------------- a journal that fails


def test_while_the_journal_is_full_outcomes_wait_and_leave_when_it_has_room(
    runtime: Runtime, journal: LaggingJournal, submit: Submit, left, queue: int
):
    submit("msgsnd", queue, 1, b"x")
    journal.fail(JournalFullError("the disk is full"))
    assert (left, runtime.lost) == ([], False)
    assert runtime.unavailable == "nothing is acknowledged: the disk is full"
    journal.fail(None)
    journal.release()
    assert (left, runtime.unavailable) == (["msgsnd"], None)


async def test_what_a_journal_that_failed_for_good_has_not_kept_is_withheld(
    runtime: Runtime, journal: LaggingJournal, submit: Submit, left, queue: int
):
    call = submit("msgsnd", queue, 1, b"x")
    waiting = asyncio.create_task(runtime.durable(call.position))
    await asyncio.sleep(0)
    failure = JournalError("it cannot be written")
    journal.fail(failure)
    assert (runtime.lost, call.withheld, left) == (True, failure, ["msgsnd"])
    with pytest.raises(JournalError, match="it cannot be written"):
        await waiting


def test_an_event_that_was_not_kept_reaches_nobody(
    runtime: Runtime, journal: LaggingJournal, submit: Submit, left, queue: int
):
    heard: list[Any] = []
    pid = runtime.kernel.default_task.pid
    submit("rt_sigaction", "SIGUSR1", {"sa_handler": "SIG_CATCH"})
    runtime.streams.subscribe(pid, heard.append)
    submit("kill", pid, "SIGUSR1")
    assert len(heard) == 1
    submit("msgsnd", queue, 1, b"x")
    submit("kill", pid, "SIGUSR1")
    journal.fail(JournalError("it cannot be written"))
    assert len(heard) == 1


# ------------------------------------------------------------------------------------------------------ completions


def test_a_completion_that_fails_keeps_no_other_from_leaving(
    runtime: Runtime, journal: LaggingJournal, submit: Submit, left, queue: int, caplog: pytest.LogCaptureFixture
):
    position = submit("msgsnd", queue, 1, b"x").position
    runtime.when_durable(position, lambda: 1 // 0)
    submit("getpid")
    with caplog.at_level(logging.ERROR):
        journal.release()
    assert left == ["msgsnd", "getpid"]
    assert [record.exc_info[0] for record in caplog.records] == [ZeroDivisionError]


def test_one_that_fails_at_once_does_not_reach_whoever_submits(runtime: Runtime, submit: Submit, left, caplog):
    getpid = TABLE["getpid"]
    runtime.submit(runtime.kernel.default_task, getpid, [], lambda call: left[99])
    submit("getpid")
    assert left == ["getpid"]
    assert "a completion failed" in caplog.text


# -------------------------------------------------------------------------------------------------- how a call ends


async def test_call_returns_when_durable(runtime: Runtime, journal: LaggingJournal, queue: int):
    row = TABLE["msgsnd"]
    task = calling(runtime, row, row.bind((queue, 1, b"x"), {}))
    async with asyncio.timeout(5):
        while journal.facts()[-1] != "MessagesSent":  # noqa: ASYNC110 - a turn of the loop, no time
            await asyncio.sleep(0)
    assert not task.done()
    journal.release()
    assert (await task).outcome().ret == 0


async def test_a_timeout_in_vain_is_a_timeout_error_and_leaves_nothing_asleep(runtime: Runtime, queue: int):
    with pytest.raises(TimeoutError, match=r"msgrcv waited 0\.01 s in vain"):
        await runtime.call(runtime.kernel.default_task, RECEIVE, receiving(queue), timeout=0.01)
    assert not runtime.kernel.default_task.parked


async def test_an_outcome_that_waits_for_the_journal_when_the_timeout_ends_counts(
    runtime: Runtime, journal: LaggingJournal, submit: Submit, queue: int
):
    submit("msgsnd", queue, 1, b"x")
    task = calling(runtime, RECEIVE, receiving(queue), timeout=0)
    for _ in range(10):
        await asyncio.sleep(0)
    assert not task.done()
    journal.release()
    assert (await task).outcome().out["data"] == b"x"


async def test_an_interrupted_call_ends_with_eintr(runtime: Runtime, submit: Submit, left, queue: int):
    call = submit("msgrcv", queue)
    runtime.interrupt(call)
    assert left == ["msgrcv: EINTR"]


async def test_interrupting_a_call_that_is_done_changes_nothing(runtime: Runtime, submit: Submit, left):
    call = submit("getpid")
    runtime.interrupt(call)
    assert (left, call.error) == (["getpid"], None)


async def test_a_call_that_was_given_up_reports_nothing_and_sleeps_no_more(
    runtime: Runtime, submit: Submit, left, queue
):
    call = submit("msgrcv", queue)
    runtime.give_up(call)
    assert (left, call.error.number, call.parked) == ([], Errno.EINTR, False)


def test_a_call_given_up_while_the_journal_lags_gives_back_its_message(
    runtime: Runtime, journal: LaggingJournal, submit: Submit, left, queue: int
):
    submit("msgsnd", queue, 1, b"x")
    call = submit("msgrcv", queue, hold=True)
    runtime.give_up(call)
    journal.release()
    assert left == ["msgsnd"]
    assert submit("msg_stat", queue).outcome().out["msg_qnum"] == 1
    assert submit("msgrcv", queue).outcome().out["data"] == b"x"


async def test_a_call_cancelled_before_its_outcome_left_gives_back_its_message(
    runtime: Runtime, journal: LaggingJournal, submit: Submit, queue: int
):
    task = calling(runtime, RECEIVE, receiving(queue), hold=True)
    await parked(runtime)
    submit("msgsnd", queue, 1, b"x")
    assert submit("msg_stat", queue).outcome().out["held"] == 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert submit("msg_stat", queue).outcome().out["held"] == 0
    assert submit("msgrcv", queue).outcome().out["data"] == b"x"


async def test_a_call_cancelled_when_its_outcome_had_just_come_gives_back_its_message(
    runtime: Runtime, journal: LaggingJournal, submit: Submit, queue: int
):
    task = calling(runtime, RECEIVE, receiving(queue), hold=True)
    await parked(runtime)
    submit("msgsnd", queue, 1, b"x")
    journal.release()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert submit("msgrcv", queue).outcome().out["data"] == b"x"


async def test_a_cancelled_call_sleeps_no_more_and_takes_nothing(runtime: Runtime, submit: Submit, queue: int):
    task = calling(runtime, RECEIVE, receiving(queue))
    await parked(runtime)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    submit("msgsnd", queue, 1, b"x")
    assert submit("msg_stat", queue).outcome().out["msg_qnum"] == 1


def test_commit_says_where_the_message_was_given_back_before(runtime: Runtime, journal, submit: Submit, queue: int):
    submit("msgsnd", queue, 1, b"x")
    call = submit("msgrcv", queue, hold=True)
    runtime.abort(call)
    assert (runtime.commit(call), call.error.number) == (False, Errno.EINTR)


async def test_the_end_of_a_task_ends_its_sleeping_calls(runtime: Runtime, left, queue: int):
    fork = TABLE["fork"]
    pid = (await runtime.call(runtime.kernel.default_task, fork, fork.bind((), {}))).outcome().ret
    task = runtime.kernel.tasks[pid]
    call = runtime.submit(task, RECEIVE, receiving(queue), lambda call: left.append(call.error.number))
    runtime.exit(task, signo=9)
    assert (left, call.done, pid in runtime.kernel.tasks) == ([Errno.EINTR], True, False)


# -------------------------------------------------------------------------------------------------------------- time


async def test_a_deadline_wakes_its_sleeper_by_itself(runtime: Runtime, journal: LaggingJournal, submit: Submit):
    mqdes = submit("mq_open", "jobs", ["O_CREAT", "O_RDWR"], 0o600).outcome().ret
    journal.release()
    row = TABLE["mq_timedreceive"]
    soon = divmod(runtime.kernel.realtime_ns + 20_000_000, 10**9)
    args = row.bind((mqdes,), {"abs_timeout": {"tv_sec": soon[0], "tv_nsec": soon[1]}})
    async with asyncio.timeout(5):
        call = await runtime.call(runtime.kernel.default_task, row, args)
    assert call.error.number is Errno.ETIMEDOUT
    assert runtime.kernel.realtime_ns >= soon[0] * 10**9 + soon[1]


async def test_a_sooner_deadline_moves_the_timer_and_a_later_one_does_not(
    runtime: Runtime, journal: LaggingJournal, submit: Submit
):
    mqdes = submit("mq_open", "jobs", ["O_CREAT", "O_RDWR"], 0o600).outcome().ret
    ends: list[str] = []
    row, now = TABLE["mq_timedreceive"], runtime.kernel.realtime_ns
    for name, ms in (("middle", 40), ("last", 60), ("first", 20)):
        at = divmod(now + ms * 1_000_000, 10**9)
        args = row.bind((mqdes,), {"abs_timeout": {"tv_sec": at[0], "tv_nsec": at[1]}})
        runtime.submit(runtime.kernel.default_task, row, args, lambda _, name=name: ends.append(name))
    journal.release()
    async with asyncio.timeout(5):
        while len(ends) < 3:  # noqa: ASYNC110 - the timer is what is tested
            await asyncio.sleep(0.001)
    assert ends == ["first", "middle", "last"]


async def test_close_tells_every_sleeper_and_leaves_no_timer(
    runtime: Runtime, journal: LaggingJournal, submit: Submit, left, queue: int
):
    mqdes = submit("mq_open", "jobs", ["O_CREAT", "O_RDWR"], 0o600).outcome().ret
    journal.release()
    left.clear()
    at = runtime.kernel.realtime_ns // 10**9 + 100
    submit("msgrcv", queue)
    submit("mq_timedreceive", mqdes, abs_timeout={"tv_sec": at, "tv_nsec": 0})
    assert runtime._timer is not None
    runtime.close()
    assert sorted(left) == ["mq_timedreceive: EINTR", "msgrcv: EINTR"]
    assert runtime._timer is None

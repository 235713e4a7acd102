"""The judge of histories: it lets pass what may be, and sees each thing that may not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from usernel_client import ConnectionLost, KernelError

from .checks import violations
from .history import History, Kind, Operation

MSG = "msg:0"
MQ = "mq:jobs#1"


class Told:
    """A made-up history: each operation follows the one before, unless it is begun to be ended later."""

    def __init__(self) -> None:
        self.history = History()

    @contextmanager
    def recorded(
        self, kind: Kind, queue: str | None, *, cut: bool = False, errno: str = "", key: str = "key", **known: Any
    ) -> Iterator[Operation]:
        """An operation under way; what is recorded inside overlaps it."""
        with suppress(ConnectionLost), self.history.recorded(kind, key, queue, **known) as operation:
            yield operation
            if cut:
                raise ConnectionLost("cut")
            if errno:
                raise KernelError(1, errno, errno)

    def send(self, *bodies: str, queue: str = MSG, lane: int = 1, went: int | None = None, **end: Any) -> None:
        items = tuple((lane, body.encode()) for body in bodies)
        with self.recorded(Kind.SEND, queue, messages=items, **end) as operation:
            if not end:
                operation.went = len(bodies) if went is None else went

    def receive(self, *bodies: str, queue: str = MSG, lane: int = 1, asked: int = 1, **end: Any) -> None:
        with self.recorded(Kind.RECEIVE, queue, asked=asked, **end) as operation:
            if "cut" not in end:
                operation.messages = tuple((lane, body.encode()) for body in bodies)

    def drained(self, queue: str = MSG) -> None:
        with self.recorded(Kind.DRAINED, queue):
            pass

    def open(self, queue: str | None = MSG, **end: Any) -> None:
        with self.recorded(Kind.OPEN, None, **end) as operation:
            operation.queue = queue

    def remove(self, queue: str = MSG, **end: Any) -> None:
        with self.recorded(Kind.REMOVE, queue, **end):
            pass

    def set(self, qbytes: int, **end: Any) -> None:
        with self.recorded(Kind.SET, MSG, value=(qbytes, 0o600), **end):
            pass

    def stat(self, qbytes: int = 0, queue: str = MSG, **end: Any) -> None:
        with self.recorded(Kind.STAT, queue, **end) as operation:
            operation.value = (qbytes, 0o600)


Tell = Callable[[Told], None]
GOOD: dict[str, Tell] = {}
BAD: dict[str, tuple[str, Tell]] = {}


def good(tell: Tell) -> Tell:
    GOOD[tell.__name__] = tell
    return tell


def bad(word: str) -> Callable[[Tell], Tell]:
    def keep(tell: Tell) -> Tell:
        BAD[tell.__name__] = word, tell
        return tell

    return keep


# ----------------------------------------------------------------------------------------------------------------- loss


@good
def everything_comes(told: Told) -> None:
    told.send("a", "b")
    told.send("c")
    told.receive("a")
    told.receive("b", "c", asked=5)
    told.drained()


@bad("lost")
def an_acknowledged_message_never_comes(told: Told) -> None:
    told.send("a")
    told.drained()


@bad("lost")
def one_of_a_batch_never_comes(told: Told) -> None:
    told.send("a", "b", "c")
    told.receive("a", "c", asked=5)
    told.drained()


@bad("lost")
def the_first_of_a_batch_in_doubt_is_gone_and_the_second_there(told: Told) -> None:
    told.send("a", "b", cut=True)
    told.receive("b")
    told.drained()


@good
def a_batch_in_doubt_is_there_up_to_some_message(told: Told) -> None:
    told.send("a", "b", "c", cut=True)
    told.send("d", cut=True)
    told.receive("a")
    told.receive("b")
    told.drained()


@good
def a_receive_that_was_cut_had_it(told: Told) -> None:
    told.send("a", "b", "c")
    told.receive(cut=True, asked=2)
    told.receive("c")
    told.drained()


@bad("lost")
def a_receive_that_was_cut_had_not_so_many(told: Told) -> None:
    told.send("a", "b")
    told.receive(cut=True)
    told.drained()


@bad("lost")
def a_receive_that_was_cut_before_it_was_sent_had_it_not(told: Told) -> None:
    told.receive(cut=True)
    told.send("a")
    told.drained()


@bad("lost")
def a_receive_that_began_when_all_was_drained_had_it_not(told: Told) -> None:
    told.send("a")
    told.drained()
    told.receive(cut=True)
    told.drained()


@bad("lost")
def a_receive_of_another_queue_had_it_not(told: Told) -> None:
    told.send("a")
    told.receive(queue="msg:1", cut=True)
    told.drained()


@bad("lost")
def a_receive_of_another_type_had_it_not(told: Told) -> None:
    told.send("a")
    with told.recorded(Kind.RECEIVE, MSG, cut=True, asked=1, mtype=2):
        pass
    told.drained()


@good
def receives_that_were_cut_are_shared_out_so_that_it_can_be(told: Told) -> None:
    told.send("a")
    with told.recorded(Kind.RECEIVE, MSG, cut=True, asked=1):
        told.send("b", lane=2)
        with told.recorded(Kind.RECEIVE, MSG, cut=True, asked=1, mtype=1):
            pass
    told.drained()


@bad("never drained")
def nobody_looked(told: Told) -> None:
    told.send("a")


@good
def what_was_in_a_queue_that_was_removed_is_gone(told: Told) -> None:
    told.open()
    told.send("a")
    told.remove()


@good
def what_was_in_a_queue_that_was_removed_in_doubt_and_is_gone(told: Told) -> None:
    told.open()
    told.send("a")
    told.remove(cut=True)
    told.open(errno="ENOENT", queue=None)


@bad("lost")
def it_was_gone_before_its_queue_was_removed(told: Told) -> None:
    told.send("a")
    told.drained()
    told.remove()


# ----------------------------------------------------------------------------------------------- what must not be there


@bad("duplicate")
def it_comes_twice(told: Told) -> None:
    told.send("a")
    told.receive("a")
    told.receive("a")
    told.drained()


@bad("duplicate")
def it_comes_twice_in_one_answer(told: Told) -> None:
    told.send("a")
    told.receive("a", "a", asked=2)
    told.drained()


@bad("phantom")
def nobody_sent_it(told: Told) -> None:
    told.receive("a")


@bad("phantom")
def it_comes_before_it_was_sent(told: Told) -> None:
    told.receive("a")
    told.send("a")
    told.receive("a")
    told.drained()


@bad("refused, yet there")
def it_was_refused(told: Told) -> None:
    told.send("a", errno="EAGAIN")
    told.receive("a")


@bad("refused, yet there")
def it_was_behind_those_of_its_batch_that_went(told: Told) -> None:
    told.send("a", "b", went=1)
    told.receive("a", "b", asked=2)
    told.drained()


@bad("changed")
def it_comes_with_another_type(told: Told) -> None:
    told.send("a", lane=1)
    told.receive("a", lane=2)


@bad("changed")
def it_comes_out_of_another_queue(told: Told) -> None:
    told.send("a")
    told.receive("a", queue="msg:1")


# ---------------------------------------------------------------------------------------------------------------- order


@bad("reordered")
def the_later_of_a_sender_comes_first(told: Told) -> None:
    told.send("a")
    told.send("b")
    told.receive("b")
    told.receive("a")
    told.drained()


@bad("reordered")
def the_later_of_a_batch_comes_first(told: Told) -> None:
    told.send("a", "b")
    told.receive("b")
    told.receive("a")
    told.drained()


@bad("reordered")
def the_later_stands_first_in_an_answer(told: Told) -> None:
    told.send("a")
    told.send("b")
    told.receive("b", "a", asked=2)
    told.drained()


@bad("reordered")
def a_message_in_doubt_comes_behind_one_of_a_later_life(told: Told) -> None:
    told.send("a", cut=True)
    told.send("b")
    told.receive("b")
    told.receive("a")
    told.drained()


@bad("reordered")
def a_receive_of_any_type_passes_by_an_older_type(told: Told) -> None:
    told.send("a", lane=1)
    told.send("b", lane=2)
    told.receive("b", lane=2)
    told.receive("a", lane=1)
    told.drained()


@good
def a_receive_of_a_type_passes_by_the_others(told: Told) -> None:
    told.send("a", lane=1)
    told.send("b", lane=2)
    with told.recorded(Kind.RECEIVE, MSG, asked=1, mtype=2) as operation:
        operation.messages = ((2, b"b"),)
    told.receive("a", lane=1)
    told.drained()


@good
def the_more_urgent_comes_first(told: Told) -> None:
    told.send("a", queue=MQ, lane=1)
    told.send("b", queue=MQ, lane=7)
    told.receive("b", queue=MQ, lane=7)
    told.receive("a", queue=MQ, lane=1)
    told.drained(MQ)


@bad("reordered")
def the_less_urgent_comes_first(told: Told) -> None:
    told.send("a", queue=MQ, lane=7)
    told.send("b", queue=MQ, lane=1)
    told.receive("b", queue=MQ, lane=1)
    told.receive("a", queue=MQ, lane=7)
    told.drained(MQ)


@good
def sends_at_the_same_time_have_no_order(told: Told) -> None:
    with told.recorded(Kind.SEND, MSG, messages=((1, b"a"),)) as operation:
        told.send("b")
        operation.went = 1
    told.receive("b")
    told.receive("a")
    told.drained()


@good
def receives_at_the_same_time_have_no_order(told: Told) -> None:
    told.send("a", "b")
    with told.recorded(Kind.RECEIVE, MSG, asked=1) as operation:
        told.receive("b")
        operation.messages = ((1, b"a"),)
    told.drained()


@good
def a_receive_that_was_cut_held_it_for_a_while(told: Told) -> None:
    told.send("a", "b")
    with told.recorded(Kind.RECEIVE, MSG, asked=1, cut=True):
        told.receive("b")
    told.receive("a")
    told.drained()


@bad("reordered")
def a_receive_that_was_cut_came_too_late_to_hold_it(told: Told) -> None:
    told.send("a", "b")
    told.receive("b")
    told.receive(cut=True)
    told.receive("a")
    told.drained()


@bad("lost")
def a_receive_that_was_cut_cannot_hold_one_and_have_another(told: Told) -> None:
    told.send("a", "b", "c")
    with told.recorded(Kind.RECEIVE, MSG, asked=1, cut=True):
        told.receive("b")
    told.receive("a")
    told.drained()


# ------------------------------------------------------------------------------------------------------------ existence


@good
def a_queue_is_removed_and_another_made(told: Told) -> None:
    told.open("msg:0")
    told.remove("msg:0")
    told.stat(errno="EINVAL", queue="msg:0")
    told.open(errno="ENOENT", queue=None)
    told.open("msg:32768")


@bad("resurrected")
def a_removed_queue_is_there(told: Told) -> None:
    told.open()
    told.remove()
    told.stat(16384)


@bad("resurrected")
def a_removed_queue_is_found_by_its_key(told: Told) -> None:
    told.open()
    told.remove()
    told.open()


@bad("resurrected")
def an_unlinked_queue_is_found_by_its_name(told: Told) -> None:
    told.open(MQ)
    told.remove(MQ)
    told.open(MQ)


@good
def an_unlinked_queue_is_open_still(told: Told) -> None:
    told.open(MQ)
    told.remove(MQ)
    told.send("a", queue=MQ)
    told.receive("a", queue=MQ)


@bad("resurrected")
def a_queue_that_was_seen_to_be_gone_is_there(told: Told) -> None:
    told.open()
    told.remove(cut=True)
    told.stat(errno="EINVAL")
    told.stat(16384)


@good
def a_removal_in_doubt_did_not_happen(told: Told) -> None:
    told.open()
    told.remove(cut=True)
    told.stat(16384)
    told.open()


@bad("queue lost")
def a_queue_is_gone(told: Told) -> None:
    told.open()
    told.stat(errno="EINVAL")


@bad("queue lost")
def a_name_is_gone(told: Told) -> None:
    told.open(MQ)
    told.open(errno="ENOENT", queue=None)


@bad("queue lost")
def a_key_finds_another_queue(told: Told) -> None:
    told.open("msg:0")
    told.open("msg:1")


@bad("queue lost")
def a_refused_removal_removes_nothing(told: Told) -> None:
    told.open("msg:0")
    told.remove("msg:0", errno="EAGAIN")
    told.open("msg:1")


@bad("reused")
def an_id_is_given_again(told: Told) -> None:
    told.open(key="one")
    told.open(key="other")


@good
def a_name_that_was_looked_up_while_its_queue_was_replaced(told: Told) -> None:
    told.open(MQ)
    with told.recorded(Kind.OPEN, None, errno="ENOENT"):
        told.remove(MQ)
        told.open("mq:jobs#2")
    told.open("mq:jobs#2")


# ------------------------------------------------------------------------------------------------------------- settings


@good
def settings_are_seen(told: Told) -> None:
    told.stat(16384)
    told.set(1000)
    told.stat(1000)
    told.set(2000, cut=True)
    told.stat(2000)
    told.set(3000, cut=True)
    told.stat(2000)
    told.set(4000, errno="EAGAIN")
    told.stat(2000)


@bad("settings")
def an_acknowledged_setting_is_lost(told: Told) -> None:
    told.set(1000)
    told.stat(16384)


@bad("settings")
def an_earlier_setting_comes_back(told: Told) -> None:
    told.set(1000)
    told.set(2000)
    told.stat(1000)


@bad("settings")
def a_setting_in_doubt_comes_and_goes(told: Told) -> None:
    told.set(1000)
    told.set(2000, cut=True)
    told.stat(2000)
    told.stat(1000)


@bad("settings")
def a_setting_in_doubt_comes_late(told: Told) -> None:
    told.set(1000)
    told.set(2000, cut=True)
    told.stat(1000)
    told.stat(2000)


@bad("settings")
def nobody_set_that(told: Told) -> None:
    told.stat(5)


# ------------------------------------------------------------------------------------------------------------ the tests


@pytest.mark.parametrize("name", GOOD)
def test_what_may_be_passes(name: str) -> None:
    told = Told()
    GOOD[name](told)
    assert violations(told.history) == []


@pytest.mark.parametrize("name", BAD)
def test_what_may_not_be_is_seen(name: str) -> None:
    told = Told()
    word, tell = BAD[name]
    tell(told)
    assert {wrong.partition(":")[0] for wrong in violations(told.history)} == {word}


def test_a_history_is_written_as_json(tmp_path: Path) -> None:
    told = Told()
    told.send("a", "b")
    told.history.write(tmp_path / "history")
    assert '"messages": [[1, "a"], [1, "b"]]' in (tmp_path / "history").read_text()


def test_an_errno_that_the_load_cannot_bring_about_is_passed_on() -> None:
    told = Told()
    with pytest.raises(KernelError, match="EFAULT"):
        told.send("a", errno="EFAULT")

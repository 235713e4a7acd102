"""What is due when, on clocks that are handed in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import usernel
from usernel.kernel.call import Block, Call, Clock
from usernel.kernel.clock import Clocks, Deadlines, Sleep
from usernel.kernel.kernel import Kernel
from usernel.sim.kernel import EPOCH_NS

SECOND = 10**9
MOST_VOID = 64
"""So many deadlines that were given up may lie about before anybody clears them away."""


def after(seconds: int) -> tuple[int, int]:
    """A timespec on CLOCK_REALTIME."""
    return EPOCH_NS // SECOND + seconds, 0


def queued(deadlines: Deadlines) -> int:
    """How many entries the heaps have."""
    return sum(map(len, deadlines._heaps.values()))


def sleeping(kernel: Kernel) -> tuple[Call, Sleep]:
    """A call that sleeps, as far as deadlines look at it."""
    call = Call(kernel.init, "call", lambda *_: None, ())  # type: ignore[arg-type]
    call.block = Block(on=(), stage=lambda *_: call.block)  # type: ignore[arg-type, return-value]
    return call, Sleep(call, call.block)


@given(
    st.lists(st.tuples(st.sampled_from(list(Clock)), st.integers(0, 9), st.booleans())),
    st.tuples(*[st.integers(0, 9)] * 2),
)
def test_what_is_due_comes_soonest_first_and_what_was_given_up_never(
    entries: list[tuple[Clock, int, bool]], now: tuple[int, int]
) -> None:
    kernel, deadlines = Kernel(), Deadlines()
    alive: list[tuple[Clock, int, int, Sleep]] = []
    for order, (clock, until, given_up) in enumerate(entries):
        call, due = sleeping(kernel)
        deadlines.add(clock, until, due)
        if given_up:
            call.block = None
            deadlines.voided()
        else:
            alive.append((clock, until, order, due))
    clocks = Clocks(*now)
    left = [until - clocks.now(clock) for clock, until, _, _ in alive]
    assert deadlines.next_in(clocks) == (max(min(left), 0) if left else None)
    found: list[object] = []
    while (due_now := deadlines.pop(clocks)) is not None:
        found.append(due_now)
    expected = [
        due
        for clock in Clock
        for _, _, due in sorted(
            ((u, o, d) for c, u, o, d in alive if c is clock and u <= clocks.now(clock)), key=lambda x: x[:2]
        )
    ]
    assert found == expected


def test_sleeps_that_were_given_up_do_not_pile_up() -> None:
    kernel = usernel.Kernel()
    task = kernel.fork()
    mqdes = task.mq_open("q", "O_CREAT | O_RDWR", 0o600)
    for _ in range(1000):
        task.start("mq_timedreceive", mqdes, None, after(10**6)).interrupt()
        assert queued(kernel.model.deadlines) <= 2 * MOST_VOID + 2


def test_renewed_leases_do_not_pile_up() -> None:
    kernel = usernel.Kernel()
    kernel.fork(ttl=10)
    task = kernel.fork(ttl=10**6)
    for _ in range(1000):
        kernel.advance(1)
        task.task_renew(10**6)
        task.task_renew(10**6)
        assert queued(kernel.model.deadlines) <= 2 * MOST_VOID + 2


def test_leases_of_tasks_that_ended_do_not_pile_up() -> None:
    kernel = usernel.Kernel()
    for _ in range(1000):
        kernel.fork(ttl=10**6).exit_group()
        assert queued(kernel.model.deadlines) <= 2 * MOST_VOID + 2


@pytest.mark.parametrize(("ns", "done"), [(5 * SECOND - 1, False), (5 * SECOND, True)])
def test_a_time_limit_ends_a_sleep_at_its_time_and_not_before(ns: int, done: bool) -> None:
    kernel = usernel.Kernel()
    task = kernel.fork()
    call = task.start("mq_timedreceive", task.mq_open("q", "O_CREAT | O_RDWR", 0o600), None, after(5))
    kernel.advance(ns)
    assert call.done is done
    assert (call.error is not None) is done


def test_realtime_set_back_prolongs_sleeps_on_realtime_alone() -> None:
    kernel = usernel.Kernel()
    task = kernel.fork()
    mqdes = task.mq_open("q", "O_CREAT | O_RDWR", 0o600)
    absolute = task.start("mq_timedreceive", mqdes, None, after(5))
    relative = task.start("poll", [(mqdes, "POLLIN")], 5000)
    kernel.set_realtime(EPOCH_NS - 10 * SECOND)
    kernel.advance(5 * SECOND)
    assert relative.done
    assert not absolute.done
    kernel.advance(10 * SECOND - 1)
    assert not absolute.done
    kernel.advance(1)
    assert absolute.error is not None
    assert absolute.error.name == "ETIMEDOUT"


def test_realtime_set_forward_ends_sleeps_on_realtime_at_once_and_no_lease() -> None:
    kernel = usernel.Kernel()
    task = kernel.fork(ttl=5)
    mqdes = task.mq_open("q", "O_CREAT | O_RDWR", 0o600)
    absolute = task.start("mq_timedreceive", mqdes, None, after(5))
    relative = task.start("poll", [(mqdes, "POLLIN")], 5000)
    kernel.set_realtime(EPOCH_NS + 5 * SECOND)
    assert absolute.done
    assert not relative.done
    assert not task.exited


def test_a_time_limit_in_the_past_ends_a_call_that_would_sleep() -> None:
    kernel = usernel.Kernel()
    task = kernel.fork()
    mqdes = task.mq_open("q", "O_CREAT | O_RDWR", 0o600)
    for seconds in (-1, 0):
        assert task.start("mq_timedreceive", mqdes, None, after(seconds)).done
    assert queued(kernel.model.deadlines) == 0

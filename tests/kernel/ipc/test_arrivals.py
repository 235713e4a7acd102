"""How old the oldest message of a queue is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import usernel
from usernel.kernel.ipc.arrivals import ARRIVALS_MAX, Arrivals
from usernel.sim.kernel import EPOCH_NS

SECOND = 10**9
NOW = EPOCH_NS // SECOND


def filled(seconds: int) -> Arrivals:
    """One message a second, in places from 1 and seconds from 1001."""
    arrivals = Arrivals()
    for seq in range(1, seconds + 1):
        arrivals.put(seq, 1000 + seq)
    return arrivals


def test_all_of_a_second_are_one_entry():
    arrivals = Arrivals()
    for seq, second in ((1, 5), (2, 5), (9, 5), (10, 6), (12, 5)):
        arrivals.put(seq, second)
    assert arrivals.entries() == ((1, 5), (10, 6), (12, 5))
    assert [arrivals.since(seq) for seq in (1, 9, 10, 11, 12, 99)] == [5, 5, 6, 6, 5, 5]


def test_of_no_message_there_is_no_time():
    assert Arrivals().since(None) is None
    assert Arrivals().since(1) is None
    arrivals = filled(3)
    assert arrivals.since(None) is None
    arrivals.forget()
    assert (arrivals.since(4), arrivals.entries()) == (None, ())


def test_what_is_older_is_forgotten():
    arrivals = filled(5)
    assert arrivals.since(4) == 1004
    assert arrivals.entries() == ((4, 1004), (5, 1005))


def test_up_to_the_bound_each_second_is_known():
    arrivals = filled(ARRIVALS_MAX)
    assert len(arrivals.entries()) == ARRIVALS_MAX
    for seq in (1, 2, ARRIVALS_MAX // 2, ARRIVALS_MAX):
        assert arrivals.since(seq) == 1000 + seq


def test_one_past_the_bound_neighbours_share_a_second():
    arrivals = filled(ARRIVALS_MAX + 1)
    entries = arrivals.entries()
    assert ARRIVALS_MAX // 2 <= len(entries) <= ARRIVALS_MAX // 2 + 2
    assert (entries[0], entries[-1]) == ((1, 1001), (ARRIVALS_MAX + 1, 1001 + ARRIVALS_MAX))
    assert arrivals.since(2) in {1001, 1002}


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2), st.booleans()), max_size=300), st.integers(5, 9))
def test_a_message_counts_as_older_than_it_is_and_never_as_younger(steps: list[tuple[int, int, bool]], most: int):
    """A clock that only goes forward, a queue of at most some places, and a bound that is soon reached."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("usernel.kernel.ipc.arrivals.ARRIVALS_MAX", most)
        arrivals, came, now = Arrivals(), {}, 100
        for seq, (pause, gone, look) in enumerate(steps, 1):
            now += pause
            came[seq] = now
            arrivals.put(seq, now)
            for place in list(came)[:gone] if len(came) > gone else []:
                del came[place]
            oldest = min(came)
            assert len(arrivals.entries()) <= most
            if look:
                first = min(came.values())
                assert min(came.values(), default=0) >= arrivals.since(oldest) >= 100
                assert len(steps) > most or arrivals.since(oldest) == first


@pytest.fixture
def kernel() -> usernel.Kernel:
    return usernel.Kernel()


def test_a_queue_tells_of_its_oldest(kernel: usernel.Kernel):
    task = kernel.fork()
    msqid = task.msgget(1, 0o1600)
    mqdes = task.mq_open("q", "O_CREAT | O_RDWR", 0o600)

    def oldest() -> list[int | None]:
        return [task.msg_stat(msqid).out["oldest"], task.mq_stat("q").out["oldest"]]

    assert oldest() == [None, None]
    for kind in (3, 2, 1):
        task.msgsnd(msqid, kind, b"x")
        task.mq_timedsend(mqdes, b"x", msg_prio=kind)
        kernel.advance(SECOND)
    assert oldest() == [NOW, NOW]
    task.msgrcv(msqid, msgtyp=2)
    task.mq_timedreceive(mqdes)
    assert oldest() == [NOW, NOW + 1]
    held = [task.start("msgrcv", msqid, hold=True), task.start("mq_timedreceive", mqdes, hold=True)]
    assert oldest() == [NOW, NOW + 1], "nobody has received it yet"
    assert all(call.commit() for call in held)
    assert oldest() == [NOW + 2, NOW + 2]
    task.msgrcv(msqid)
    task.mq_timedreceive(mqdes)
    assert oldest() == [None, None]
    task.msgsnd(msqid, 1, b"y")
    assert oldest() == [NOW + 3, None]


def test_a_message_that_was_given_back_is_as_old_as_before(kernel: usernel.Kernel):
    task = kernel.fork()
    msqid = task.msgget(1, 0o1600)
    for _ in range(2):
        task.msgsnd(msqid, 1, b"x")
        kernel.advance(SECOND)
    call = task.start("msgrcv", msqid, hold=True)
    assert task.msg_stat(msqid).out["oldest"] == NOW
    call.abort()
    assert task.msg_stat(msqid).out["oldest"] == NOW

"""Who hears what leaves the kernel beside results, and when."""

from __future__ import annotations

import pytest

from usernel.kernel.outputs import MqNotified, Output, SignalDelivered, TaskExited
from usernel.runtime import Runtime
from usernel.runtime.streams import Streams

from .conftest import Submit
from .lagging import LaggingJournal

ONE, TWO = TaskExited(5, 0, 0), TaskExited(6, 0, 9)


def test_a_listener_hears_of_its_task_and_of_no_other():
    streams, heard = Streams(), []
    streams.subscribe(5, heard.append)
    for output in (ONE, TWO):
        streams.publish(output)
    assert heard == [ONE]


def test_all_listeners_hear_in_the_order_of_their_coming():
    streams, heard = Streams(), []
    streams.subscribe(5, lambda output: heard.append("first"))
    streams.subscribe(5, lambda output: heard.append("second"))
    streams.publish(ONE)
    assert heard == ["first", "second"]


def test_who_unsubscribed_hears_no_more_and_doing_it_twice_is_no_error():
    streams, heard = Streams(), []
    end = streams.subscribe(5, heard.append)
    streams.subscribe(5, lambda output: None)
    assert streams.stat() == {"listeners": 2}
    end()
    end()
    streams.publish(ONE)
    assert (heard, streams.stat()) == ([], {"listeners": 1})


def test_a_listener_may_end_itself_while_it_hears():
    streams, heard = Streams(), []

    def once(output: Output) -> None:
        heard.append(output)
        end()

    end = streams.subscribe(5, once)
    streams.subscribe(5, heard.append)
    for _ in range(2):
        streams.publish(ONE)
    assert heard == [ONE, ONE, ONE]
    assert streams.stat() == {"listeners": 1}


def test_a_listener_that_fails_keeps_no_other_from_hearing(caplog: pytest.LogCaptureFixture):
    streams, heard = Streams(), []
    streams.subscribe(5, lambda output: 1 // 0)
    streams.subscribe(5, heard.append)
    streams.publish(ONE)
    assert heard == [ONE]
    assert "ZeroDivisionError" in caplog.text


def test_a_notification_waits_for_the_message_that_it_tells_of(
    runtime: Runtime, journal: LaggingJournal, submit: Submit, left
):
    runtime.streams.subscribe(runtime.kernel.default_task.pid, left.append)
    mqdes = submit("mq_open", "jobs", ["O_CREAT", "O_RDWR"], 0o600).outcome().ret
    submit("mq_notify", mqdes, {"sigev_notify": "SIGEV_THREAD"})
    journal.release()
    left.clear()
    submit("mq_timedsend", mqdes, b"x")
    assert left == []
    journal.release()
    assert [type(what) for what in left] == [MqNotified, str]


def test_with_nothing_pending_a_signal_leaves_at_once(runtime: Runtime, submit: Submit, left):
    task = runtime.kernel.default_task
    submit("rt_sigaction", "SIGUSR1", {"sa_handler": "SIG_CATCH"})
    left.clear()
    runtime.streams.subscribe(task.pid, left.append)
    submit("kill", task.pid, "SIGUSR1")
    assert [type(what) for what in left] == [SignalDelivered, str]
    assert left[0].info.si_signo == 10


def test_signals_and_outcomes_leave_in_the_order_in_which_they_happened(
    runtime: Runtime, journal: LaggingJournal, submit: Submit, left, queue: int
):
    task = runtime.kernel.default_task
    submit("rt_sigaction", "SIGUSR1", {"sa_handler": "SIG_CATCH"})
    left.clear()
    runtime.streams.subscribe(task.pid, lambda output: left.append("signal"))
    submit("msgsnd", queue, 1, b"x")
    submit("kill", task.pid, "SIGUSR1")
    submit("getpid")
    assert left == []
    journal.release()
    assert left == ["msgsnd", "signal", "kill", "getpid"]

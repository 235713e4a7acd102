"""request_notification, of our module and of the package; and what becomes of it with its connection."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from queue import SimpleQueue
from types import ModuleType
from typing import Any

import pytest

from usernel.compose import Service
from usernel_client import SyncClient
from usernel_client.compat import link
from usernel_client.compat import posix_ipc as ours

from ..embedded import until

Keep = Callable[[Any], Any]
ASK = """
import importlib, sys
posix = importlib.import_module(sys.argv[1])
queue = posix.MessageQueue(sys.argv[2])
try:
    queue.request_notification(int(sys.argv[3]))
except posix.BusyError as error:
    print(error)
"""


@pytest.fixture
def queue(posix: ModuleType, queues: Keep) -> Any:
    return queues(posix.MessageQueue(None, posix.O_CREX, max_messages=4, max_message_size=10))


@pytest.fixture
def caught() -> Iterator[list[int]]:
    """The signals that this process got."""
    got: list[int] = []
    before = {number: signal.signal(number, lambda number, _: got.append(number)) for number in (signal.SIGUSR1, 35)}
    yield got
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGUSR1, 35])
def test_a_signal_comes_once_and_before_the_send_returns(queue: Any, caught: list[int], number: int) -> None:
    queue.request_notification(number)
    queue.send("x")
    assert caught == [number]
    queue.receive()
    queue.send("x")
    assert caught == [number]


def test_only_a_message_into_the_empty_queue(queue: Any, caught: list[int]) -> None:
    queue.send("x")
    queue.request_notification(signal.SIGUSR1)
    queue.send("x")
    assert caught == []
    queue.receive()
    queue.receive()
    queue.send("x")
    assert caught == [signal.SIGUSR1]


def test_a_receiver_that_waits_comes_first(queue: Any, caught: list[int]) -> None:
    queue.request_notification(signal.SIGUSR1)
    receiver = threading.Thread(target=queue.receive)
    receiver.start()
    time.sleep(0.2)
    queue.send("x")
    receiver.join(10)
    assert caught == []
    queue.send("x")
    assert caught == [signal.SIGUSR1]


def test_it_can_be_taken_back_and_replaced(queue: Any, caught: list[int]) -> None:
    queue.request_notification(signal.SIGUSR1)
    queue.request_notification(None)
    queue.request_notification()
    queue.send("x")
    queue.receive()
    assert caught == []
    queue.request_notification(signal.SIGUSR1)
    queue.request_notification(35)
    queue.send("x")
    assert caught == [35]


def test_closing_takes_it_back(posix: ModuleType, queue: Any, queues: Keep, caught: list[int]) -> None:
    other = queues(posix.MessageQueue(queue.name))
    other.request_notification(signal.SIGUSR1)
    other.close()
    queue.send("x")
    assert caught == []


def test_a_function_is_called_in_a_thread_and_may_ask_again(queue: Any) -> None:
    called: SimpleQueue[tuple[str, Any]] = SimpleQueue()

    def again(param: Any) -> None:
        queue.request_notification((again, param))
        called.put((threading.current_thread().name, param))

    queue.request_notification((again, "param"))
    for _ in range(5):
        queue.send("x")
        name, param = called.get(timeout=10)
        assert name != threading.main_thread().name
        assert param == "param"
        queue.receive()
    queue.request_notification(None)


@pytest.mark.parametrize("notification", ["x", 1.0, (len,), (1, 2), [len, 1], (len, 1, 2)])
def test_notifications_that_cannot_be(queue: Any, notification: Any) -> None:
    with pytest.raises(ValueError, match=r"^The notification must be None, an integer, or a tuple of"):
        queue.request_notification(notification)


@pytest.mark.parametrize("number", [-1, 65])
def test_signals_that_are_none(queue: Any, number: int) -> None:
    with pytest.raises(OSError, match=r"nvalid argument") as raised:
        queue.request_notification(number)
    assert raised.value.errno == errno.EINVAL


def test_one_process_at_a_time(posix: ModuleType, queue: Any, caught: list[int]) -> None:
    def asked_elsewhere() -> str:
        command = [sys.executable, "-c", ASK, posix.__name__, queue.name, str(int(signal.SIGUSR1))]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout.strip()

    queue.request_notification(signal.SIGUSR1)
    assert asked_elsewhere() == "The queue is already delivering notifications elsewhere"
    queue.request_notification(None)
    assert asked_elsewhere() == ""
    until(lambda: released(queue))
    queue.send("x")
    assert caught == [signal.SIGUSR1]


def released(queue: Any) -> bool:
    """Register, as soon as the process that was registered is gone."""
    try:
        queue.request_notification(signal.SIGUSR1)
    except Exception as error:  # noqa: BLE001 - of whichever module
        return type(error).__name__ != "BusyError"
    return True


# ------------------------------------------------------------------------------------------------------------- usernel


def test_another_program_s_message_is_told_too(served: Service, caught: list[int]) -> None:
    queue = ours.MessageQueue("/jobs", ours.O_CREX)
    queue.request_notification(signal.SIGUSR1)
    with SyncClient(served.url) as other:
        other.mq_open("/jobs").send("x")
        until(lambda: caught == [signal.SIGUSR1])


def test_two_queues_are_told_apart(served: Service) -> None:
    called: SimpleQueue[str] = SimpleQueue()
    queues = [ours.MessageQueue(None, ours.O_CREX) for _ in range(2)]
    for queue in queues:
        queue.request_notification((called.put, queue.name))
    queues[1].send("x")
    assert called.get(timeout=10) == queues[1].name
    queues[0].send("x")
    assert called.get(timeout=10) == queues[0].name


def test_a_lost_connection_is_told_once(served: Service) -> None:
    called: SimpleQueue[str] = SimpleQueue()
    queue = ours.MessageQueue("/jobs", ours.O_CREX)
    queue.request_notification((called.put, "told"))
    link.disconnect()
    assert called.get(timeout=10) == "told"
    queue.send("on a new connection")
    queue.request_notification((called.put, "again"))
    assert queue.receive()[0] == b"on a new connection"
    queue.send("x")
    assert called.get(timeout=10) == "again"
    assert called.empty()


def test_a_function_that_fails_ends_its_thread_only(served: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    failed: SimpleQueue[Any] = SimpleQueue()
    monkeypatch.setattr(threading, "excepthook", failed.put)
    queue = ours.MessageQueue(None, ours.O_CREX)
    queue.request_notification((os.strerror, "no number"))
    queue.send("x")
    assert failed.get(timeout=10).exc_type is TypeError
    assert queue.receive() == (b"x", 0)

"""What posix_ipc documents, of our module and of the package."""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from usernel.compose import Service
from usernel_client.compat import posix_ipc as ours

from ..embedded import until

Keep = Callable[[Any], Any]
NAME = "/usernel-compat-test"


@pytest.fixture
def queue(posix: ModuleType, queues: Keep) -> Any:
    return queues(posix.MessageQueue(None, posix.O_CREX, max_messages=4, max_message_size=10))


def test_no_name_of_the_package_is_missing(posix: ModuleType) -> None:
    assert {name for name in dir(posix) if not name.startswith("_")} <= set(dir(ours))
    assert {name for name in dir(posix.MessageQueue) if not name.startswith("_")} <= set(dir(ours.MessageQueue))
    for name in "O_CREAT O_EXCL O_CREX O_TRUNC O_NONBLOCK QUEUE_PRIORITY_MAX QUEUE_MESSAGE_SIZE_MAX_DEFAULT".split():
        assert getattr(posix, name) == getattr(ours, name), name
    assert (posix.USER_SIGNAL_MIN, posix.USER_SIGNAL_MAX) == (ours.USER_SIGNAL_MIN, ours.USER_SIGNAL_MAX)


def test_the_exceptions_have_one_base(posix: ModuleType) -> None:
    for name in "SignalError PermissionsError ExistentialError BusyError".split():
        assert issubclass(getattr(posix, name), posix.Error)
    assert posix.Error.__bases__ == (Exception,)


def test_a_queue_is_opened_by_its_name(posix: ModuleType, queue: Any, queues: Keep) -> None:
    for name in (queue.name, queue.name.encode()):
        other = queues(posix.MessageQueue(name))
        assert (other.name, other.max_messages, other.max_message_size) == (queue.name, 4, 10)
    with pytest.raises(posix.ExistentialError, match=r"^A queue with the specified name already exists$"):
        posix.MessageQueue(queue.name, posix.O_CREX)
    queue.unlink()
    with pytest.raises(posix.ExistentialError, match=r"^No queue exists with the specified name$"):
        posix.MessageQueue(queue.name)
    queue.send("still")
    assert queue.receive() == (b"still", 0)


@pytest.mark.parametrize(
    ("name", "opening", "unlinking"),
    [
        ("no-slash", ValueError, "ExistentialError"), ("", ValueError, "ExistentialError"),
        ("/", "ExistentialError", "ExistentialError"), ("/two/slashes", "PermissionsError", "PermissionsError"),
        ("/" + "x" * 256, ValueError, ValueError), (5, TypeError, TypeError),
    ],
)  # fmt: skip
def test_names_that_cannot_be(posix: ModuleType, name: Any, opening: Any, unlinking: Any) -> None:
    with pytest.raises(getattr(posix, opening) if isinstance(opening, str) else opening):
        posix.MessageQueue(name)
    with pytest.raises(getattr(posix, unlinking) if isinstance(unlinking, str) else unlinking):
        posix.unlink_message_queue(name)


@pytest.mark.parametrize(
    "given",
    [
        {"name": None}, {"name": None, "flags": os.O_CREAT}, {"name": NAME, "flags": os.O_EXCL},
        {"name": NAME, "flags": os.O_CREAT, "read": False, "write": None},
        {"name": NAME, "flags": os.O_CREAT, "max_messages": 0},
        {"name": NAME, "flags": os.O_CREAT, "max_message_size": -1},
    ],
)  # fmt: skip
def test_what_cannot_be_opened(posix: ModuleType, given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"^(O_EXCL must|Name can only|At least one|Invalid parameter)"):
        posix.MessageQueue(**given)


def test_the_most_urgent_first(queue: Any) -> None:
    for message, priority in (("a", 1), (b"b", 32767), (bytearray(b"c"), 1), (memoryview(b""), 0)):
        queue.send(message, priority=priority)
    assert queue.current_messages == 4
    assert [queue.receive() for _ in range(4)] == [(b"b", 32767), (b"a", 1), (b"c", 1), (b"", 0)]


@pytest.mark.parametrize("priority", [-1, 32768])
def test_priorities_that_cannot_be(queue: Any, priority: int) -> None:
    with pytest.raises(ValueError, match=r"priority must be"):
        queue.send("x", priority=priority)


def test_what_is_too_long(queue: Any) -> None:
    queue.send("0123456789")
    with pytest.raises(ValueError, match=r"too long|no longer than 10 bytes"):
        queue.send("0123456789x")


@pytest.mark.parametrize("timeout", ["1", -1, -0.5, [1]])
def test_timeouts_that_cannot_be(queue: Any, timeout: Any) -> None:
    with pytest.raises(TypeError, match=r"^The timeout must be None or a non-negative number$"):
        queue.receive(timeout)


def test_arguments_of_other_types(served: Service) -> None:
    # Not of the package, which gives back a buffer that it did not get.
    queue = ours.MessageQueue(None, ours.O_CREX)
    for args in ((5,), ("x", "1"), ("x", 1, "1")):
        with pytest.raises(TypeError):
            queue.send(*args)
    with pytest.raises(OverflowError):
        queue.send("x", 1, 1 << 63)
    for name in ("/nul\0", "/\udc80"):
        with pytest.raises(ValueError, match=r"null|surrogates"):
            ours.MessageQueue(name)


@pytest.mark.parametrize("timeout", [0, 0.0, 0.2, 1])
def test_timeouts(posix: ModuleType, queue: Any, timeout: float) -> None:
    before = time.monotonic()
    with pytest.raises(posix.BusyError, match=r"^The queue is empty$"):
        queue.receive(timeout)
    for _ in range(4):
        queue.send("x", timeout)
    with pytest.raises(posix.BusyError, match=r"^The queue is full$"):
        queue.send("x", timeout)
    assert 2 * timeout - 0.05 <= time.monotonic() - before < 2 * timeout + 5
    assert queue.receive(timeout) == (b"x", 0)


def test_busy_instead_of_waiting(posix: ModuleType, queue: Any, queues: Keep) -> None:
    assert queue.block is True
    queue.block = 0
    assert queue.block is False
    for args in ((), (10,)):
        with pytest.raises(posix.BusyError):
            queue.receive(*args)
    other = queues(posix.MessageQueue(queue.name, posix.O_NONBLOCK))
    queue.block = True
    assert (queue.block, other.block) == (True, False)
    for _ in range(4):
        other.send("x")
    with pytest.raises(posix.BusyError):
        other.send("x")


def test_read_and_write(posix: ModuleType, queue: Any, queues: Keep) -> None:
    reader, writer = (queues(posix.MessageQueue(queue.name, **how)) for how in ({"write": False}, {"read": 0}))
    writer.send("x")
    assert reader.receive() == (b"x", 0)
    with pytest.raises(posix.PermissionsError, match=r"^The queue is not open for writing$"):
        reader.send("x")
    with pytest.raises(posix.PermissionsError, match=r"^The queue is not open for reading$"):
        writer.receive()


def test_a_receiver_waits_in_its_thread_only(queue: Any) -> None:
    got: list[Any] = []
    receiver = threading.Thread(target=lambda: got.append(queue.receive()))
    receiver.start()
    time.sleep(0.1)
    assert receiver.is_alive()
    assert queue.current_messages == 0
    queue.send("x", None, 3)
    receiver.join(10)
    assert got == [(b"x", 3)]


def test_after_its_end(posix: ModuleType, queue: Any) -> None:
    queue.close()
    assert queue.mqd == queue.fileno() == -1
    attempts = (
        queue.close,
        lambda: queue.send("x"),
        queue.receive,
        lambda: queue.block,
        lambda: queue.current_messages,
    )
    for attempt in attempts:
        with pytest.raises(posix.ExistentialError):
            attempt()
    with pytest.raises(posix.ExistentialError):
        queue.block = True
    queue.request_notification()
    with pytest.raises(OSError, match=r"ad file descriptor") as raised:
        queue.request_notification(0)
    assert raised.value.errno == errno.EBADF
    queue.unlink()
    with pytest.raises(posix.ExistentialError):
        posix.unlink_message_queue(queue.name)


def test_what_cannot_be_set(queue: Any) -> None:
    owner = f"{type(queue).__module__}.{type(queue).__qualname__}"
    for name in ("name", "mode", "max_messages", "max_message_size"):
        with pytest.raises(AttributeError, match=r"^readonly attribute$"):
            setattr(queue, name, 1)
    for name in ("mqd", "current_messages"):
        with pytest.raises(AttributeError, match=f"^attribute '{name}' of '{owner}' objects is not writable$"):
            setattr(queue, name, 1)
    with pytest.raises(AttributeError):
        queue.no_such = 1


def test_how_it_shows(posix: ModuleType, queue: Any, queues: Keep) -> None:
    reader = queues(posix.MessageQueue(queue.name, mode=0o640, write=False))
    assert str(reader) == queue.name
    assert repr(reader) == (
        f'posix_ipc.MessageQueue("{queue.name}", mode=0640, max_message_size=10, max_messages=4, '
        "read=True, write=False)"
    )


def test_a_class_may_derive_from_it(posix: ModuleType, queues: Keep) -> None:
    class Named(posix.MessageQueue):  # type: ignore[name-defined,misc]
        label = "named"

    queue = queues(
        Named(None, flags=posix.O_CREX, mode=0o600, max_messages=1, max_message_size=3, read=True, write=True)
    )
    queue.send(message="abc", timeout=1, priority=2)
    assert queue.receive(timeout=1) == (b"abc", 2)


def test_many_threads_share_the_connection(queue: Any) -> None:
    threads = [threading.Thread(target=lambda: [queue.send("x") for _ in range(20)]) for _ in range(8)]
    threads += [threading.Thread(target=lambda: [queue.receive() for _ in range(20)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    until(lambda: not any(thread.is_alive() for thread in threads))
    assert queue.current_messages == 0

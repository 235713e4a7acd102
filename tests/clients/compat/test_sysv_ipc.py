"""What sysv_ipc documents, of our module and of the package."""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from usernel.compose import Service
from usernel_client.compat import sysv_ipc as ours

from ..embedded import until

READ_ONLY = (
    "key current_messages last_send_time last_receive_time last_change_time last_send_pid last_receive_pid cuid cgid"
).split()
Keep = Callable[[Any], Any]


@pytest.fixture
def queue(sysv: ModuleType, queues: Keep) -> Any:
    return queues(sysv.MessageQueue(None, sysv.IPC_CREX))


def test_no_name_of_the_package_is_missing(sysv: ModuleType) -> None:
    assert {name for name in dir(sysv) if not name.startswith("_")} <= set(dir(ours))
    assert {name for name in dir(sysv.MessageQueue) if not name.startswith("_")} <= set(dir(ours.MessageQueue))
    for name in "IPC_CREAT IPC_EXCL IPC_CREX IPC_PRIVATE KEY_MIN KEY_MAX PAGE_SIZE VERSION".split():
        assert getattr(sysv, name) == getattr(ours, name), name


def test_the_exceptions_have_one_base(sysv: ModuleType) -> None:
    for name in "InternalError PermissionsError ExistentialError BusyError NotAttachedError".split():
        assert issubclass(getattr(sysv, name), sysv.Error)
    assert sysv.Error.__bases__ == (Exception,)


def test_a_queue_is_opened_by_its_key(sysv: ModuleType, queue: Any) -> None:
    assert sysv.MessageQueue(queue.key).id == queue.id
    assert sysv.MessageQueue(queue.key, sysv.IPC_CREAT).id == queue.id
    with pytest.raises(sysv.ExistentialError, match=r"^A queue with the specified key already exists$"):
        sysv.MessageQueue(queue.key, sysv.IPC_CREX)
    queue.remove()
    with pytest.raises(sysv.ExistentialError, match=r"^No queue exists with the specified key$"):
        sysv.MessageQueue(queue.key)


def test_a_private_queue_is_new_each_time(sysv: ModuleType, queues: Keep) -> None:
    first, second = (queues(sysv.MessageQueue(sysv.IPC_PRIVATE, sysv.IPC_CREX)) for _ in range(2))
    assert first.id != second.id
    assert first.key == second.key == 0


@pytest.mark.parametrize(("key", "kept"), [(-0x1234567, -0x1234567), ((1 << 40) + 0x1234567, 0x1234567)])
def test_a_key_has_32_bits(sysv: ModuleType, queues: Keep, key: int, kept: int) -> None:
    assert queues(sysv.MessageQueue(key, sysv.IPC_CREX)).key == kept


@pytest.mark.parametrize(
    ("key", "flags", "error"),
    [
        ("1", 0, TypeError), (1.0, 0, TypeError), (1 << 63, 0, TypeError), (-(1 << 63) - 1, 0, TypeError),
        (None, 0, ValueError), (None, 0o1000, ValueError), (1, 0o2000, ValueError), (1, "x", TypeError),
        (1, 1 << 31, OverflowError),
    ],
)  # fmt: skip
def test_keys_and_flags_that_cannot_be(sysv: ModuleType, key: Any, flags: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        sysv.MessageQueue(key, flags)


@pytest.mark.parametrize("message", ["text", b"text", bytearray(b"text"), memoryview(b"text")])
def test_what_is_sent_is_received_as_bytes(queue: Any, message: Any) -> None:
    queue.send(message, type=7)
    assert queue.receive() == (b"text", 7)
    queue.send("", True, 0x7FFFFFFF)
    assert queue.receive(False, 0) == (b"", 0x7FFFFFFF)


@pytest.mark.parametrize("args", [("x", True, 0), ("x", True, -1), (b"x" * 2049,)])
def test_what_cannot_be_sent(queue: Any, args: tuple[Any, ...]) -> None:
    with pytest.raises(ValueError, match=r"must be > 0|exceeds"):
        queue.send(*args)
    assert queue.current_messages == 0


@pytest.mark.parametrize(
    ("args", "error"),
    [((5,), TypeError), ((None,), TypeError), (("x", True, 1 << 31), OverflowError), (("x", True, 1.0), TypeError)],
)
def test_arguments_of_other_types(served: Service, args: tuple[Any, ...], error: type[Exception]) -> None:
    # Not of the package: it frees what it did not allocate when it refuses these, and crashes sooner or later.
    queue = ours.MessageQueue(None, ours.IPC_CREX)
    with pytest.raises(error):
        queue.send(*args)
    assert queue.current_messages == 0


def test_the_type_chooses(queue: Any) -> None:
    for mtype in (4, 3, 2, 5):
        queue.send(str(mtype), type=mtype)
    assert queue.receive(type=-3) == (b"2", 2)
    assert queue.receive(type=5) == (b"5", 5)
    assert queue.receive() == (b"4", 4)
    assert queue.receive(type=-9) == (b"3", 3)


def test_busy_instead_of_waiting(sysv: ModuleType, queue: Any) -> None:
    with pytest.raises(sysv.BusyError):
        queue.receive(block=False)
    queue.send("x", type=3)
    with pytest.raises(sysv.BusyError, match=r"^No available messages of the specified type$"):
        queue.receive(block=False, type=2)
    queue.max_size = 2
    queue.send("y", block=0)
    with pytest.raises(sysv.BusyError):
        queue.send("z", block=None)


def test_a_message_that_is_too_long_stays(sysv: ModuleType, queue: Any) -> None:
    queue.send("0123456789")
    with pytest.raises(OSError, match="rgument list too long") as raised:
        sysv.MessageQueue(queue.key, max_message_size=5).receive()
    assert raised.value.errno == errno.E2BIG
    assert sysv.MessageQueue(queue.key, max_message_size=10).receive() == (b"0123456789", 1)


def test_a_receiver_waits_in_its_thread_only(queue: Any) -> None:
    got: list[Any] = []
    receiver = threading.Thread(target=lambda: got.append(queue.receive(type=9)))
    receiver.start()
    queue.send("other")
    assert queue.receive(type=1) == (b"other", 1)
    time.sleep(0.1)
    assert receiver.is_alive()
    queue.send("its own", type=9)
    receiver.join(10)
    assert got == [(b"its own", 9)]


def test_removal_wakes_a_receiver(sysv: ModuleType, queue: Any) -> None:
    ended: list[Exception] = []

    def receive() -> None:
        try:
            queue.receive()
        except sysv.ExistentialError as error:
            ended.append(error)

    receiver = threading.Thread(target=receive)
    receiver.start()
    time.sleep(0.2)
    queue.remove()
    receiver.join(10)
    assert [str(error) for error in ended] == ["The queue no longer exists"]


def test_after_its_removal(sysv: ModuleType, queue: Any) -> None:
    sysv.remove_message_queue(queue.id)
    for attempt in (queue.remove, queue.receive, lambda: queue.mode, lambda: setattr(queue, "mode", 0o600)):
        with pytest.raises(sysv.ExistentialError, match=r"^The queue no longer exists$"):
            attempt()
    with pytest.raises(OSError, match="nvalid argument") as raised:
        queue.send("x")
    assert raised.value.errno == errno.EINVAL
    with pytest.raises(sysv.ExistentialError):
        sysv.remove_message_queue(queue.id)
    with pytest.raises(TypeError):
        sysv.remove_message_queue("1")


def test_who_did_what_and_when(queue: Any) -> None:
    assert (queue.last_send_time, queue.last_receive_time, queue.last_send_pid, queue.last_receive_pid) == (0, 0, 0, 0)
    before = int(time.time())
    queue.send("x")
    queue.send("y")
    assert queue.current_messages == 2
    queue.receive()
    assert before <= queue.last_send_time <= queue.last_receive_time <= time.time()
    assert abs(queue.last_change_time - before) < 60
    assert queue.last_send_pid == queue.last_receive_pid == os.getpid()


def test_what_can_be_set(sysv: ModuleType, queues: Keep) -> None:
    queue = queues(sysv.MessageQueue(None, sysv.IPC_CREX, 0o640))
    assert (queue.mode, queue.uid, queue.gid) == (0o640, os.geteuid(), os.getegid())
    queue.mode, queue.max_size = 0o600, 100
    queue.uid, queue.gid = queue.cuid, queue.cgid
    assert (queue.mode, queue.max_size, queue.uid, queue.gid) == (0o600, 100, os.geteuid(), os.getegid())
    for name in ("mode", "uid", "gid", "max_size"):
        with pytest.raises(TypeError, match=r"^The attribute must be an integer$"):
            setattr(queue, name, "1")


def test_what_cannot_be_set(queue: Any) -> None:
    owner = f"{type(queue).__module__}.{type(queue).__qualname__}"
    for name in READ_ONLY:
        with pytest.raises(AttributeError, match=f"^attribute '{name}' of '{owner}' objects is not writable$"):
            setattr(queue, name, 1)
    with pytest.raises(AttributeError, match=r"^readonly attribute$"):
        queue.id = 1
    with pytest.raises(AttributeError):
        queue.no_such = 1


def test_how_it_shows(queue: Any) -> None:
    assert repr(queue) == f"sysv_ipc.MessageQueue({queue.key})"
    assert str(queue) == f"Key={queue.key}, id={queue.id}"


def test_a_class_may_derive_from_it(sysv: ModuleType, queues: Keep) -> None:
    class Named(sysv.MessageQueue):  # type: ignore[name-defined,misc]
        label = "named"

    queue = queues(Named(None, flags=sysv.IPC_CREX, mode=0o600, max_message_size=3))
    queue.send(message="abc", block=True, type=2)
    assert queue.receive(block=False, type=2) == (b"abc", 2)


def test_ftok(sysv: ModuleType, tmp_path: Path) -> None:
    status = tmp_path.stat()
    with pytest.warns(Warning, match="^Use of ftok\\(\\) is not recommended; see sysv_ipc documentation$"):
        key = sysv.ftok(str(tmp_path), 0x142)
    assert key == 0x42 << 24 | (status.st_dev & 0xFF) << 16 | status.st_ino & 0xFFFF
    assert sysv.ftok(str(tmp_path), id=0xFF, silence_warning=True) < 0
    with pytest.raises(FileNotFoundError):
        sysv.ftok(str(tmp_path / "none"), 1, silence_warning=True)
    with pytest.raises(TypeError):
        sysv.ftok(5, 1, silence_warning=True)


def test_many_threads_share_the_connection(sysv: ModuleType, queue: Any) -> None:
    threads = [threading.Thread(target=lambda: [queue.send("x") for _ in range(20)]) for _ in range(8)]
    threads += [threading.Thread(target=lambda: [queue.receive() for _ in range(20)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    until(lambda: not any(thread.is_alive() for thread in threads))
    assert queue.current_messages == 0

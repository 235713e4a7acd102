"""The process's connection: made late, again after a loss, anew in a child; and what interrupts a call on it."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from types import SimpleNamespace
from typing import Any

import pytest

from usernel.compose import Service
from usernel.config import Settings
from usernel_client import ConnectionLost, SyncClient, mq
from usernel_client.compat import link, posix_ipc, sysv_ipc

from ..embedded import sleepers, threaded, until

PACKAGES = [
    pytest.param("usernel_client.compat.sysv_ipc", id="sysv"),
    pytest.param("usernel_client.compat.posix_ipc", id="posix"),
]


def ran(program: str, *args: str) -> str:
    """What a program printed, run in a process of its own."""
    command = [
        sys.executable,
        "-W",
        "error",
        "-W",
        "ignore:This process (pid=",
        "-c",
        textwrap.dedent(program),
        *args,
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    return done.stdout


@contextmanager
def alarm(handler: Any, after: float) -> Iterator[None]:
    before = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, after)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_nothing_is_connected_before_it_is_used(served: Service) -> None:
    tasks = len(served.runtime.kernel.tasks)
    assert ran("from usernel_client.compat import posix_ipc, sysv_ipc; print(sysv_ipc.IPC_CREX)") == "1536\n"
    assert len(served.runtime.kernel.tasks) == tasks


def test_without_a_service(monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
    monkeypatch.setenv("USERNEL_URL", f"unix://{place}/none")
    for attempt in (lambda: sysv_ipc.MessageQueue(1), lambda: posix_ipc.MessageQueue("/q")):
        with pytest.raises(ConnectionLost, match=r"no usernel service answers"):
            attempt()


def test_what_the_service_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    with threaded(Settings(port=0, token="secret")) as running:
        monkeypatch.setenv("USERNEL_URL", running.url)
        with pytest.raises(sysv_ipc.Error, match="USERNEL_TOKEN"):
            sysv_ipc.MessageQueue(1)
        with pytest.raises(posix_ipc.Error, match="USERNEL_TOKEN"):
            posix_ipc.MessageQueue("/q")
        monkeypatch.setenv("USERNEL_TOKEN", "secret")
        with pytest.raises(sysv_ipc.ExistentialError):
            sysv_ipc.MessageQueue(1)
        link.disconnect()


def test_an_idle_process_does_not_notice_a_new_service(monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
    settings = Settings(host=None, uds=str(place / "socket"), data_dir=str(place / "data"))
    with threaded(settings) as first:
        monkeypatch.setenv("USERNEL_URL", first.url)
        system_v, posix = sysv_ipc.MessageQueue(5, sysv_ipc.IPC_CREX), posix_ipc.MessageQueue("/q", posix_ipc.O_CREX)
        posix.block = False
        system_v.send("kept")
        posix.send("kept too")
    with threaded(settings):
        assert system_v.receive() == (b"kept", 1)
        assert posix.receive() == (b"kept too", 0)
        assert posix.block is False
        link.disconnect()


def test_a_call_under_way_fails_and_the_next_one_connects(served: Service) -> None:
    queue = sysv_ipc.MessageQueue(5, sysv_ipc.IPC_CREX)
    ended: list[BaseException] = []

    def receive() -> None:
        try:
            queue.receive()
        except OSError as error:
            ended.append(error)

    receivers = [threading.Thread(target=receive) for _ in range(2)]
    for receiver in receivers:
        receiver.start()
    until(lambda: sleepers(served) == 2)
    with socket.socket(fileno=os.dup(link._process.link.fd)) as wire:
        wire.shutdown(socket.SHUT_RDWR)
    for receiver in receivers:
        receiver.join(10)
    assert [type(error) for error in ended] == [ConnectionLost, ConnectionLost]
    queue.send("x")
    assert queue.receive() == (b"x", 1)
    until(lambda: sum(thread.name == "usernel_client" for thread in threading.enumerate()) == 1)


def test_a_task_that_was_killed_is_replaced(served: Service) -> None:
    queue = posix_ipc.MessageQueue("/q", posix_ipc.O_CREX)
    called: SimpleQueue[str] = SimpleQueue()
    queue.request_notification((called.put, "told"))
    with SyncClient(served.url) as other:
        other.kill(link._process.link.pid, "SIGKILL")
    assert called.get(timeout=10) == "told"
    queue.send("x")
    assert queue.receive() == (b"x", 0)


def test_an_unlinked_queue_is_gone_for_a_new_connection(served: Service) -> None:
    queue = posix_ipc.MessageQueue("/q", posix_ipc.O_CREX)
    queue.unlink()
    queue.send("x")
    link.disconnect()
    with pytest.raises(FileNotFoundError):
        queue.receive()


def test_the_service_s_clock_counts(served: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    for ahead in (-1000.0, 1000.0):
        wrong = SimpleNamespace(time=lambda ahead=ahead: time.time() - ahead)
        for module in (mq, link, posix_ipc):
            monkeypatch.setattr(module, "time", wrong)
        queue = posix_ipc.MessageQueue(None, posix_ipc.O_CREX)
        for timeout in (0, 0.3):
            before = time.monotonic()
            with pytest.raises(posix_ipc.BusyError):
                queue.receive(timeout)
            assert timeout - 0.1 <= time.monotonic() - before < timeout + 5
        link.disconnect()


def test_the_umask_is_the_process_s(served: Service) -> None:
    before = os.umask(0o027)
    try:
        posix_ipc.MessageQueue("/q", posix_ipc.O_CREX, mode=0o666)
    finally:
        os.umask(before)
    with SyncClient(served.url) as client:
        assert client.mq_open("/q").stat()["mode"] == 0o640


def test_what_permissions_do_not_allow(served: Service) -> None:
    with link.calling() as connected:
        if not os.geteuid():
            connected.client.call("setuid", uid=1000)
    queue = sysv_ipc.MessageQueue(5, sysv_ipc.IPC_CREX, mode=0)
    attempts = (
        lambda: sysv_ipc.MessageQueue(5),
        lambda: queue.send("x"),
        queue.receive,
        lambda: queue.current_messages,
    )
    for attempt in attempts:
        with pytest.raises(sysv_ipc.PermissionsError, match=r"^Permission denied$"):
            attempt()
    queue.remove()
    posix_ipc.MessageQueue("/q", posix_ipc.O_CREX, mode=0o400)
    assert posix_ipc.MessageQueue("/q", write=False).current_messages == 0
    with pytest.raises(posix_ipc.PermissionsError, match=r"^Permission denied$"):
        posix_ipc.MessageQueue("/q")


def test_its_number_is_no_descriptor(served: Service) -> None:
    queue = posix_ipc.MessageQueue(None, posix_ipc.O_CREX)
    assert queue.fileno() == queue.mqd
    with pytest.raises((OSError, ValueError)):
        select.select([queue], [], [], 0)
    with pytest.raises(OSError, match=r"ad file descriptor"):
        os.fstat(queue.fileno())


# ------------------------------------------------------------------------------------------------------- interruptions


def test_a_handler_that_returns_leaves_the_call_waiting(served: Service) -> None:
    queue = sysv_ipc.MessageQueue(None, sysv_ipc.IPC_CREX)
    with alarm(lambda *_: threading.Thread(target=queue.send, args=("late",)).start(), 0.2):
        assert queue.receive() == (b"late", 1)


@pytest.mark.parametrize("error", [KeyboardInterrupt, TimeoutError])
def test_a_handler_that_raises_ends_the_call_and_no_message_is_lost(
    served: Service, error: type[BaseException]
) -> None:
    def interrupt(*_: Any) -> None:
        raise error

    queues = [sysv_ipc.MessageQueue(None, sysv_ipc.IPC_CREX), posix_ipc.MessageQueue(None, posix_ipc.O_CREX)]
    for queue in queues:
        with pytest.raises(error), alarm(interrupt, 0.2):
            queue.receive()
        until(lambda: sleepers(served) == 0)
        queue.send("x")
        assert queue.receive()[0] == b"x"


def test_what_came_for_an_interrupted_receive_is_received_next(served: Service) -> None:
    queue = sysv_ipc.MessageQueue(None, sysv_ipc.IPC_CREX)
    for mtype in (3, 2, 4):
        queue.send(str(mtype), type=mtype)
    with SyncClient(served.url) as other:
        queue._come = [other.msg(queue.id).receive() for _ in range(3)]
    queue.send("5", type=5)
    assert [queue.receive(type=mtype) for mtype in (-3, 4, 5, 0)] == [(b"2", 2), (b"4", 4), (b"5", 5), (b"3", 3)]


# --------------------------------------------------------------------------------------------------------------- forks

FORKED = """
    import importlib, os, sys
    package = importlib.import_module(sys.argv[1])
    creating = getattr(package, "IPC_CREX", None) or package.O_CREX
    queue = package.MessageQueue(None, creating)
    queue.send("before")
    child = os.fork()
    if not child:
        assert queue.receive()[0] == b"before"
        queue.send("of the child")
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    print(queue.receive()[0].decode(), queue.current_messages)
"""
ORPHAN = """
    import os, sys, time
    from usernel_client.compat import sysv_ipc
    queue = sysv_ipc.MessageQueue(5, sysv_ipc.IPC_CREX)
    if os.fork():
        os._exit(0)
    time.sleep(30)
"""


@pytest.mark.parametrize("module", PACKAGES)
def test_a_child_connects_anew_and_the_parent_goes_on(served: Service, module: str) -> None:
    assert ran(FORKED, module) == "of the child 0\n"


def test_a_child_does_not_keep_its_parent_s_connection(served: Service) -> None:
    with SyncClient(served.url) as first:  # a task for this user's processes is there from now on
        known = set(served.runtime.kernel.tasks) - {first.call("getpid").ret}
    program = subprocess.Popen([sys.executable, "-c", textwrap.dedent(ORPHAN)], start_new_session=True)
    try:
        assert program.wait(60) == 0
        until(lambda: set(served.runtime.kernel.tasks) == known)
    finally:
        os.killpg(program.pid, signal.SIGKILL)


def test_each_process_is_told_apart(served: Service) -> None:
    program = """
        import os
        from usernel_client.compat import sysv_ipc
        queue = sysv_ipc.MessageQueue(5, sysv_ipc.IPC_CREX)
        queue.send("x")
        child = os.fork()
        if not child:
            assert queue.last_send_pid not in {0, os.getpid()}
            queue.receive()
            assert queue.last_receive_pid == os.getpid()
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert queue.last_send_pid == os.getpid()
        assert queue.last_receive_pid not in {0, os.getpid()}
    """
    assert ran(program) == ""

"""What a ring waits for, behind one descriptor."""

from __future__ import annotations

import os
import select
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from usernel.abi.errno import Errno
from usernel.abi.eventpoll import EPOLLEXCLUSIVE, EPOLLIN
from usernel.abi.poll import POLLIN, POLLOUT
from usernel.aio import poller as poller_module
from usernel.aio.file import HostFile
from usernel.aio.poller import Poller, ready
from usernel.aio.poller_unsafe import Wait
from usernel.kernel.error import KernelError


class Ctx:
    """A ring, as far as its poller tells it anything."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def poll_woke(self, req: Any, mask: int) -> None:
        self.told.append((req.name, mask & (POLLIN | POLLOUT)))

    def work_done(self, req: Any, result: Any) -> None:
        self.told.append((req.name, result))

    def tick(self) -> None:
        self.told.append("tick")

    def take(self) -> list[Any]:
        told, self.told = self.told, []
        return told


class Req:
    def __init__(self, ctx: Ctx, name: str) -> None:
        self.ctx = ctx
        self.name = name


@pytest.fixture
def poller() -> Iterator[Poller]:
    made = Poller()
    yield made
    made.close()


@pytest.fixture
def ctx() -> Ctx:
    return Ctx()


@pytest.fixture
def ends() -> Iterator[tuple[int, int]]:
    r, w = os.pipe()
    yield r, w
    for fd in (r, w):
        try:
            os.close(fd)
        except OSError:
            pass


def readable(poller: Poller, timeout_s: float = 0) -> bool:
    return bool(select.select([poller.fileno()], [], [], timeout_s)[0])


def test_a_change_is_told_once(poller: Poller, ctx: Ctx, ends: tuple[int, int]) -> None:
    r, w = ends
    poller.arm(Req(ctx, "r"), HostFile(r, poller.can_poll), POLLIN)
    assert not poller.process()
    for _ in range(2):
        os.write(w, b"x")
        assert readable(poller)
        assert poller.process()
        assert ctx.take() == [("r", POLLIN)]
        assert not poller.process()


def test_what_is_ready_when_it_is_armed_is_no_change(poller: Poller, ctx: Ctx, ends: tuple[int, int]) -> None:
    r, w = ends
    os.write(w, b"x")
    file = HostFile(r, poller.can_poll)
    poller.arm(Req(ctx, "r"), file, POLLIN)
    assert not poller.process()
    assert ready(file.fd, POLLIN) == POLLIN
    os.write(w, b"y")
    assert poller.process()


def test_what_came_for_others_meanwhile_is_kept(poller: Poller, ctx: Ctx, ends: tuple[int, int]) -> None:
    r, w = ends
    r2, w2 = os.pipe()
    poller.arm(Req(ctx, "first"), HostFile(r, poller.can_poll), POLLIN)
    os.write(w, b"x")
    poller.arm(Req(ctx, "second"), HostFile(r2, poller.can_poll), POLLIN)
    assert poller.behind
    poller.process()
    assert ctx.take() == [("first", POLLIN)]
    assert not poller.behind
    os.close(r2)
    os.close(w2)


def test_an_armed_poll_outlives_the_programs_descriptor(poller: Poller, ctx: Ctx, ends: tuple[int, int]) -> None:
    r, w = ends
    req, file = Req(ctx, "r"), HostFile(r, poller.can_poll)
    poller.arm(req, file, POLLIN)
    os.close(r)
    os.write(w, b"x")
    poller.process()
    assert ctx.take() == [("r", POLLIN)]
    poller.disarm(req)
    poller.disarm(req)
    file.put()
    with pytest.raises(BrokenPipeError):
        os.write(w, b"y")
    assert not poller.process()


def test_one_file_is_polled_by_many(poller: Poller, ctx: Ctx, ends: tuple[int, int]) -> None:
    r, w = ends
    file = HostFile(r, poller.can_poll)
    reqs = [Req(ctx, name) for name in "abc"]
    for req in reqs:
        poller.arm(req, file, POLLIN)
    os.write(w, b"x")
    poller.process()
    assert sorted(ctx.take()) == [(name, POLLIN) for name in "abc"]
    poller.disarm(reqs[0])
    os.write(w, b"x")
    poller.process()
    assert sorted(ctx.take()) == [("b", POLLIN), ("c", POLLIN)]


def test_of_those_that_are_told_alone_the_first_is(poller: Poller, ctx: Ctx, ends: tuple[int, int]) -> None:
    r, w = ends
    reqs = [Req(ctx, name) for name in "abc"]
    for req in reqs[:2]:
        poller.arm(req, HostFile(r, poller.can_poll), EPOLLIN | EPOLLEXCLUSIVE)
    poller.arm(reqs[2], HostFile(r, poller.can_poll), EPOLLIN)
    os.write(w, b"x")
    poller.process()
    assert sorted(ctx.take()) == [("a", POLLIN), ("c", POLLIN)]
    poller.disarm(reqs[0])
    os.write(w, b"x")
    poller.process()
    assert sorted(ctx.take()) == [("b", POLLIN), ("c", POLLIN)]


def test_one_that_another_has_disarmed_is_told_nothing(poller: Poller, ctx: Ctx, ends: tuple[int, int]) -> None:
    r, w = ends
    reqs = [Req(ctx, "a"), Req(ctx, "b")]
    for req in reqs:
        poller.arm(req, HostFile(r, poller.can_poll), POLLIN)

    def woke(req: Any, _mask: int) -> None:
        ctx.told.append(req.name)
        for each in reqs:
            poller.disarm(each)

    ctx.poll_woke = woke  # type: ignore[method-assign]
    os.write(w, b"x")
    poller.process()
    assert len(ctx.take()) == 1


def test_without_a_descriptor_nothing_is_armed(
    poller: Poller, ctx: Ctx, ends: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_left(_fd: int) -> int:
        raise OSError(Errno.EMFILE, "Too many open files")

    monkeypatch.setattr("usernel.aio.file.dup_high", none_left)
    req = Req(ctx, "r")
    with pytest.raises(KernelError) as refused:
        poller.arm(req, HostFile(ends[0], poller.can_poll), POLLIN)
    assert refused.value.number == Errno.EMFILE
    poller.disarm(req)


def test_results_come_from_any_thread_in_their_order(poller: Poller, ctx: Ctx) -> None:
    thread = threading.Thread(target=lambda: [poller.finished(Req(ctx, str(at)), at) for at in range(100)])
    thread.start()
    thread.join()
    assert readable(poller)
    poller.process()
    assert ctx.take() == [(str(at), at) for at in range(100)]
    assert not readable(poller)


def test_time_comes_and_what_is_taken_back_does_not(poller: Poller, ctx: Ctx) -> None:
    other = Ctx()
    started = time.monotonic()
    poller.set_timer(ctx, 10_000_000)
    poller.set_timer(other, 5_000_000)
    poller.set_timer(other, None)
    while not ctx.told:
        assert readable(poller, 10)
        poller.process()
    assert time.monotonic() - started >= 0.01
    assert ctx.take() == ["tick"]
    assert other.take() == []
    assert not readable(poller)


def test_a_later_time_waits_for_its_own(poller: Poller, ctx: Ctx) -> None:
    started = time.monotonic()
    poller.set_timer(ctx, 1_000_000)
    poller.set_timer(ctx, 20_000_000)
    while not ctx.told:
        assert readable(poller, 10)
        poller.process()
    assert time.monotonic() - started >= 0.02


def test_many_events_are_told_bit_by_bit(poller: Poller, ctx: Ctx, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(poller_module, "MOST", 4)
    pipes = [os.pipe() for _ in range(10)]
    for at, (r, _w) in enumerate(pipes):
        poller.arm(Req(ctx, str(at)), HostFile(r, poller.can_poll), POLLIN)
    for _r, w in pipes:
        os.write(w, b"x")
    told: list[Any] = []
    while poller.process():
        assert len(ctx.told) <= 4
        told += ctx.take()
    assert sorted(name for name, _mask in told) == sorted(map(str, range(10)))
    for r, w in pipes:
        os.close(r)
        os.close(w)


def test_a_late_result_writes_to_nobodys_descriptor(ctx: Ctx) -> None:
    poller = Poller()
    poller.close()
    r, w = os.pipe()
    poller.finished(Req(ctx, "late"), 0)
    poller.wake()
    assert not select.select([r], [], [], 0)[0]
    os.close(r)
    os.close(w)


def test_waiting_ends_by_time_or_a_descriptor(ends: tuple[int, int]) -> None:
    r, w = ends
    wait, started = Wait(r), time.monotonic()
    assert wait(5_000_000)
    assert time.monotonic() - started >= 0.005
    os.write(w, b"x")
    assert wait(None)

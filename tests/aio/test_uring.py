"""Linux's three system calls on rings, in the caller's own process: what the conformance suite does not look at."""

from __future__ import annotations

import ctypes
import os
import random
import select
import signal
import struct
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from usernel.abi import io_uring as abi
from usernel.abi.errno import Errno
from usernel.abi.io_uring_op import IORING_OP_NOP, IORING_OP_READ, IORING_OP_TIMEOUT
from usernel.abi.io_uring_struct import IO_URING_CQE, IO_URING_GETEVENTS_ARG, IO_URING_PARAMS, IO_URING_SQE
from usernel.aio.uring import Uring
from usernel.kernel.io_uring.sqe import Sqe

SOON_S = 20.0
SIZE = 1 << 16
GETEVENTS = abi.IORING_ENTER_GETEVENTS


class Program:
    """A program's memory and one ring of it, used as liburing would."""

    def __init__(self, uring: Uring, entries: int = 64, flags: int = 0) -> None:
        self.uring = uring
        self.memory = (ctypes.c_char * SIZE)()
        self.address = ctypes.addressof(self.memory)
        self.view = memoryview(self.memory).cast("B")
        uring.give(self.address, self.memory)
        self.params = bytearray(IO_URING_PARAMS.size)
        struct.pack_into("=I", self.params, 8, flags)
        self.fd = uring.io_uring_setup(entries, self.params)
        assert self.fd >= 0, os.strerror(-self.fd)
        fields = IO_URING_PARAMS.unpack(self.params)
        self.entries, self.cq_entries, self.array = fields[0], fields[1], fields[16]
        self.rings = uring.mmap(self.fd, abi.IORING_OFF_SQ_RING)
        self.sqes = uring.mmap(self.fd, abi.IORING_OFF_SQES)
        self.tail = 0

    def word(self, offset: int) -> int:
        return int(struct.unpack_from("=I", self.rings, offset)[0])

    def push(self, raw: bytes) -> None:
        slot = self.tail & (self.entries - 1)
        self.sqes[slot * 64 : (slot + 1) * 64] = raw
        struct.pack_into("=I", self.rings, self.array + 4 * slot, slot)
        self.tail += 1
        struct.pack_into("=I", self.rings, 4, self.tail & 0xFFFFFFFF)

    def prep(self, opcode: int, **fields: Any) -> None:
        self.push(Sqe(opcode, **fields).pack())

    def enter(self, submit: int = 0, wait: int = 0, flags: int = 0, argp: int = 0, argsz: int = 0) -> int:
        return self.uring.io_uring_enter(self.fd, submit, wait, flags, argp, argsz)

    def reap(self) -> list[tuple[int, int, int]]:
        head, tail = self.word(8), self.word(12)
        found = [
            IO_URING_CQE.unpack_from(self.rings, 64 + 16 * (at & (self.cq_entries - 1))) for at in range(head, tail)
        ]
        struct.pack_into("=I", self.rings, 8, tail)
        return found


@pytest.fixture
def uring() -> Iterator[Uring]:
    made = Uring()
    yield made
    assert made.close() == []


@pytest.fixture
def program(uring: Uring) -> Program:
    return Program(uring)


def eventually(true: Callable[[], object]) -> None:
    until = time.monotonic() + SOON_S
    while not true():
        assert time.monotonic() < until
        time.sleep(0.001)


def test_a_program_reads(program: Program) -> None:
    r, w = os.pipe()
    os.write(w, b"hello")
    program.prep(IORING_OP_READ, fd=r, addr=program.address + 100, len=8, user_data=7)
    assert program.enter(1, 1, GETEVENTS) == 1
    assert program.reap() == [(7, 5, 0)]
    assert bytes(program.view[100:105]) == b"hello"
    os.close(r)
    os.close(w)


def test_memory_that_was_not_given_is_nobodys(program: Program) -> None:
    for addr in (0, 16, program.address - 1, program.address + SIZE, (1 << 64) - 1, 1 << 47):
        program.prep(IORING_OP_READ, fd=0, addr=addr, len=8)
        assert program.enter(1) == 1
    assert {res for _data, res, _flags in program.reap()} == {-Errno.EFAULT}


def test_completions_come_while_nobody_is_in_a_call(program: Program) -> None:
    r, w = os.pipe()
    program.prep(IORING_OP_READ, fd=r, addr=program.address, len=8, user_data=1)
    struct.pack_into("=qq", program.view, 64, 0, 1_000_000)
    program.prep(IORING_OP_TIMEOUT, addr=program.address + 64, len=1, user_data=2)
    assert program.enter(2) == 2
    eventually(lambda: program.word(12) == 1)
    os.write(w, b"x")
    eventually(lambda: program.word(12) == 2)
    assert [data for data, _res, _flags in program.reap()] == [2, 1]
    os.close(r)
    os.close(w)


def test_a_ring_is_readable_while_there_are_completions(program: Program) -> None:
    poll = select.poll()
    poll.register(program.fd, select.POLLIN | select.POLLOUT)
    assert poll.poll(0) == [(program.fd, select.POLLOUT)]
    program.prep(IORING_OP_NOP)
    program.enter(1)
    assert poll.poll(0) == [(program.fd, select.POLLIN | select.POLLOUT)]
    program.reap()
    program.enter()
    assert poll.poll(0) == [(program.fd, select.POLLOUT)]


def test_one_thread_waits_and_another_submits(program: Program) -> None:
    returned: list[int] = []
    threads = [threading.Thread(target=lambda: returned.append(program.enter(0, 20, GETEVENTS))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(20):
        program.prep(IORING_OP_NOP)
        program.enter(1)
    for thread in threads:
        thread.join(SOON_S)
    assert returned == [0, 0, 0]
    assert len(program.reap()) == 20


def test_many_threads_have_a_ring_each(uring: Uring) -> None:
    def work(results: list[int]) -> None:
        program = Program(uring)
        for number in range(50):
            program.prep(IORING_OP_NOP, user_data=number)
            program.enter(1, 1, GETEVENTS)
            results += [data for data, _res, _flags in program.reap()]
        uring.close_ring(program.fd)

    found: list[list[int]] = [[] for _ in range(4)]
    threads = [threading.Thread(target=work, args=(results,)) for results in found]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SOON_S)
    assert found == [list(range(50))] * 4


def test_a_wait_ends_in_time(program: Program) -> None:
    struct.pack_into("=qq", program.view, 0, 0, 5_000_000)
    program.view[16 : 16 + IO_URING_GETEVENTS_ARG.size] = IO_URING_GETEVENTS_ARG.pack(0, 0, 0, program.address)
    started = time.monotonic()
    arg = program.address + 16
    assert program.enter(0, 1, GETEVENTS | abi.IORING_ENTER_EXT_ARG, arg, IO_URING_GETEVENTS_ARG.size) == -Errno.ETIME
    assert 0.005 <= time.monotonic() - started < SOON_S


def test_a_signal_interrupts_a_wait(program: Program) -> None:
    seen: list[int] = []
    before = signal.signal(signal.SIGUSR1, lambda number, _frame: seen.append(number))
    main = threading.main_thread().ident
    assert main is not None

    returned = threading.Event()

    def interrupt() -> None:
        while not returned.wait(0.002):
            signal.pthread_kill(main, signal.SIGUSR1)

    thread = threading.Thread(target=interrupt)
    thread.start()
    try:
        assert program.enter(0, 1, GETEVENTS) == -Errno.EINTR
    finally:
        returned.set()
        thread.join(SOON_S)
        signal.signal(signal.SIGUSR1, before)
    assert seen


def test_a_signal_that_is_let_in_for_the_wait_alone(program: Program) -> None:
    seen: list[int] = []
    before = signal.signal(signal.SIGUSR1, lambda number, _frame: seen.append(number))
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    try:
        signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)
        assert seen == []
        assert program.enter(0, 1, GETEVENTS, program.address, 8) == -Errno.EINTR
        assert seen == [signal.SIGUSR1]
        assert signal.SIGUSR1 in signal.pthread_sigmask(signal.SIG_BLOCK, set())
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        signal.signal(signal.SIGUSR1, before)


def test_what_is_no_ring(program: Program) -> None:
    r, w = os.pipe()
    for fd, errno in ((r, Errno.EOPNOTSUPP), (9999, Errno.EBADF), (-1, Errno.EBADF)):
        assert program.uring.io_uring_enter(fd, 0, 0, 0) == -errno
        assert program.uring.close_ring(fd) == -errno
    assert program.uring.io_uring_register(9999, abi.IORING_REGISTER_PERSONALITY, 0, 0) == -Errno.EBADF
    with pytest.raises(OSError, match="nothing at 0x4000"):
        program.uring.mmap(program.fd, 0x4000)
    os.close(r)
    os.close(w)


def test_a_ring_that_is_closed_while_somebody_waits(program: Program) -> None:
    returned: list[int] = []
    thread = threading.Thread(target=lambda: returned.append(program.enter(0, 1, GETEVENTS)))
    thread.start()
    eventually(lambda: program.uring.port._sleepers)
    assert program.uring.close_ring(program.fd) == 0
    thread.join(SOON_S)
    assert returned == [-Errno.EBADF]
    assert program.enter() == -Errno.EBADF
    second = Program(program.uring)
    second.prep(IORING_OP_NOP)
    assert second.enter(1, 1, GETEVENTS) == 1


@pytest.mark.parametrize("seed", range(8))
def test_garbage_comes_to_an_errno_and_leaves_the_ring_alive(program: Program, seed: int) -> None:
    chance = random.Random(seed)
    unharmful = [opcode for opcode in range(70) if opcode not in {18, 28, 19, 35, 36, 37, 38, 39, 42, 27, 62}]
    for _ in range(300):
        fields = [chance.choice((0, 1, 7, 1 << 31, (1 << 32) - 1)) for _ in range(14)]
        fields[0], fields[1], fields[2] = chance.choice(unharmful), chance.choice((0, 1, 4, 8, 16, 32, 64, 128)), 0
        fields[3] = chance.choice((-1, 1000, 77))
        fields[5] = chance.choice((0, program.address, program.address + SIZE - 4, 1 << 63))
        fields[8], fields[9], fields[10] = (
            chance.getrandbits(64),
            chance.choice((0, 1, 65535)),
            chance.choice((0, 0, 9)),
        )
        fields[11] = chance.choice((-1, 0, 1000))
        program.push(IO_URING_SQE.pack(*fields))
        assert program.enter(1) in {0, 1}
        struct.pack_into("=I", program.rings, 8, program.word(12))
    for _ in range(100):
        for offset in (8, 12, 16, 20, 24, 28, 32, 36, 40, 44):
            struct.pack_into("=I", program.rings, offset, chance.getrandbits(32))
        program.push(bytes([chance.choice(unharmful)]) + bytes(63))
        assert program.enter(1) >= -4095
    assert program.uring.close_ring(program.fd) == 0
    after = Program(program.uring)
    after.prep(IORING_OP_NOP, user_data=5)
    assert after.enter(1, 1, GETEVENTS) == 1
    assert after.reap() == [(5, 0, 0)]


def test_a_forked_child_is_told_that_the_rings_are_its_parents(program: Program) -> None:
    r, w = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            program.enter()
        except RuntimeError as error:
            os.write(w, str(error).encode())
        finally:
            os._exit(0)
    assert os.waitpid(pid, 0) == (pid, 0)
    assert os.read(r, 100) == b"the ring is the parent process's: a child makes its own"
    program.prep(IORING_OP_NOP)
    assert program.enter(1, 1, GETEVENTS) == 1
    os.close(r)
    os.close(w)

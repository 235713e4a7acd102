"""``usernel.Ring``: liburing's names, Python's values; with cached reads past the core and through it."""

from __future__ import annotations

import os
import select
import struct
import threading
import time
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import usernel
from usernel.abi import io_uring as abi
from usernel.abi.errno import Errno
from usernel.abi.eventpoll import EPOLL_CTL_ADD, EPOLLIN
from usernel.abi.fcntl import AT_FDCWD
from usernel.abi.io_uring_op import IORING_ASYNC_CANCEL_ALL, IORING_FSYNC_DATASYNC, IORING_OP_NOP, IORING_OP_READ
from usernel.abi.poll import POLLIN
from usernel.aio.buf_ring import bid_of
from usernel.aio.ring import Ring

SOON_S = 20.0
FIXED, LINK, SKIP = abi.IOSQE_FIXED_FILE, abi.IOSQE_IO_LINK, abi.IOSQE_CQE_SKIP_SUCCESS
MORE = abi.IORING_CQE_F_MORE

Made = Callable[..., Ring]


@pytest.fixture(params=[True, False], ids=["bypass", "core"])
def made(request: pytest.FixtureRequest) -> Iterator[Made]:
    rings: list[Ring] = []

    def make(entries: int = 64, **given: Any) -> Ring:
        rings.append(Ring(entries, bypass=request.param, **given))
        return rings[-1]

    yield make
    for ring in rings:
        ring.queue_exit()
        assert ring.stat()["left_behind"] == []


@pytest.fixture
def ring(made: Made) -> Ring:
    return made()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    found = tmp_path / "f"
    found.write_bytes(b"0123456789")
    return found


@pytest.fixture
def fd(path: Path) -> Iterator[int]:
    found = os.open(path, os.O_RDWR)
    yield found
    try:
        os.close(found)
    except OSError:
        pass


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    r, w = os.pipe()
    yield r, w
    for end in (r, w):
        try:
            os.close(end)
        except OSError:
            pass


def results(ring: Ring) -> dict[int, int]:
    """What each request came to, once all have ended."""
    return {cqe.user_data: cqe.res for cqe in ring}


def one(ring: Ring) -> int:
    """The result of the one request."""
    [cqe] = ring.submit_and_wait(1, SOON_S)
    return cqe.res


# ----------------------------------------------------------------------------------------------- reads and writes


def test_it_is_offered_by_the_package(fd: int) -> None:
    buffer = bytearray(4)
    with usernel.Ring() as ring:
        number = ring.read(fd, buffer, 2)
        [cqe] = ring.submit_and_wait()
    assert (cqe.user_data, cqe.res, buffer) == (number, 4, b"2345")


def test_reads_of_every_kind_of_buffer(ring: Ring, fd: int) -> None:
    whole, part, view, numbers = bytearray(20), bytearray(8), memoryview(bytearray(10)), array("H", [0] * 4)
    a = ring.read(fd, whole, 0)
    b = ring.read(fd, part, 1, 3)
    c = ring.read(fd, view[::1], 5)
    d = ring.read(fd, numbers, 0)
    e = ring.read(fd, bytearray(4), 10)
    assert results(ring) == {a: 10, b: 3, c: 5, d: 8, e: 0}
    assert (whole[:10], part, bytes(view[:5])) == (b"0123456789", b"123\0\0\0\0\0", b"56789")
    assert numbers.tobytes() == b"01234567"


def test_writes_and_what_was_written_is_read(ring: Ring, fd: int, path: Path) -> None:
    a = ring.write(fd, b"ABC", 0, flags=LINK)
    b = ring.writev(fd, [b"xy", bytearray(b"z")], 9, flags=LINK)
    c = ring.fsync(fd, IORING_FSYNC_DATASYNC, flags=LINK)
    first, second = bytearray(2), bytearray(30)
    d = ring.readv(fd, [first, second], 0)
    assert results(ring) == {a: 3, b: 3, c: 0, d: 12}
    assert path.read_bytes() == b"ABC345678xyz" == bytes(first + second[:10])


def test_the_current_position_moves(ring: Ring, fd: int) -> None:
    buffer = bytearray(4)
    for expected in (b"0123", b"4567"):
        ring.read(fd, buffer, -1)
        assert one(ring) == 4
        assert buffer == expected


@pytest.mark.parametrize(
    ("fd", "buffer", "offset", "errno"),
    [
        (9999, bytearray(1), 0, Errno.EBADF),
        (-1, bytearray(1), 0, Errno.EBADF),
        (0x7FFFFFFF, bytearray(1), 0, Errno.EBADF),
        (None, b"read-only", 0, Errno.EFAULT),
        (None, 0x1000, 0, Errno.EFAULT),
        (None, bytearray(1), -2, Errno.EINVAL),
        (None, bytearray(1), 1 << 63, Errno.EINVAL),
    ],
)
def test_what_cannot_be_read_says_why(
    ring: Ring, fd: int | None, buffer: Any, offset: int, errno: int, path: Path
) -> None:
    own = os.open(path, os.O_RDONLY)
    ring.read(own if fd is None else fd, buffer, offset, 1)
    assert one(ring) == -errno
    ring.read(own, bytearray(4), 0)
    assert one(ring) == 4
    os.close(own)


def test_a_buffer_that_is_too_small_stays_as_it_is(ring: Ring, fd: int, path: Path) -> None:
    small = bytearray(b"____")
    ring.read(fd, small, 0, 8)
    assert one(ring) == -Errno.EFAULT
    ring.write(fd, b"abcd", 0, 8)
    assert one(ring) == -Errno.EFAULT
    assert small == b"____"
    assert path.read_bytes() == b"0123456789"


def test_what_is_appended_is_appended_once(made: Made, path: Path) -> None:
    ring, fd = made(), os.open(path, os.O_WRONLY | os.O_APPEND)
    for at in range(3):
        ring.write(fd, str(at).encode(), 0, flags=LINK if at < 2 else 0)
    assert list(results(ring).values()) == [1, 1, 1]
    assert path.read_bytes() == b"0123456789012"
    os.close(fd)


def test_large_reads_are_whole(ring: Ring, tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(os.urandom(1 << 20))
    fd, buffer = os.open(tmp_path / "large", os.O_RDONLY), bytearray(2 << 20)
    ring.read(fd, buffer, 0)
    assert one(ring) == 1 << 20
    assert buffer[: 1 << 20] == (tmp_path / "large").read_bytes()
    os.close(fd)


def test_a_pipe_is_read_when_something_comes(ring: Ring, pipe: tuple[int, int]) -> None:
    r, w = pipe
    buffer = bytearray(8)
    ring.read(r, buffer, 0)
    assert ring.submit() == 1
    assert ring.peek() == []
    assert ring.wait(timeout=0.001) == []
    os.write(w, b"hello")
    assert [cqe.res for cqe in ring.wait(1, SOON_S)] == [5]
    assert buffer[:5] == b"hello"


def test_a_request_keeps_its_file(ring: Ring, pipe: tuple[int, int]) -> None:
    r, w = pipe
    ring.read(r, bytearray(8), 0)
    ring.submit()
    os.close(r)
    os.write(w, b"hello")
    assert [cqe.res for cqe in ring.wait(1, SOON_S)] == [5]
    with pytest.raises(BrokenPipeError):
        os.write(w, b"nobody reads")


def test_registered_buffers_and_files(ring: Ring, fd: int, path: Path) -> None:
    buffers = [bytearray(8), bytearray(b"written!")]
    ring.register_buffers(buffers)
    ring.register_files([fd, -1])
    a = ring.read_fixed(0, 0, 4, 3, start=2, flags=FIXED | LINK)
    b = ring.write_fixed(0, 1, 7, 0, flags=FIXED | LINK)
    c = ring.read(1, bytearray(1), 0, flags=FIXED)
    assert results(ring) == {a: 4, b: 7, c: -Errno.EBADF}
    assert buffers[0] == b"\0\x003456\0\0"
    assert path.read_bytes() == b"written789"
    assert ring.register_files_update(1, [fd]) == 1
    ring.read(1, buffers[0], 0, flags=FIXED)
    assert one(ring) == 8
    ring.read_fixed(fd, 0, 16)
    assert one(ring) == -Errno.EFAULT
    ring.unregister_buffers()
    ring.unregister_files()
    with pytest.raises(OSError, match="no such table"):
        ring.unregister_files()


def test_buffers_that_the_ring_chooses(ring: Ring, pipe: tuple[int, int]) -> None:
    r, w = pipe
    group = ring.setup_buf_ring(4, 16, bgid=7)
    number = ring.read_multishot(r, 0, 7)
    ring.submit()
    for round_ in range(10):
        os.write(w, b"%d" % round_)
        [cqe] = ring.wait(1, SOON_S)
        assert (cqe.user_data, cqe.res, bool(cqe.flags & MORE)) == (number, 1, True)
        assert bytes(group[bid_of(cqe.flags)][:1]) == b"%d" % round_
        group.add(bid_of(cqe.flags))
    os.close(w)
    [cqe] = ring.wait(1, SOON_S)
    assert (cqe.res, cqe.flags & MORE) == (0, 0)
    group.free()
    with pytest.raises(OSError, match="group 7"):
        group.free()


def test_buffers_that_are_provided(ring: Ring, fd: int) -> None:
    memory = bytearray(16)
    ring.provide_buffers(memory, 4, 4, bgid=1, bid=10, flags=LINK)
    ring.read_select(fd, 4, 1, 2)
    [_, cqe] = ring.submit_and_wait(2, SOON_S)
    assert cqe.res == 4
    at = (bid_of(cqe.flags) - 10) * 4
    assert memory[at : at + 4] == b"2345"
    ring.remove_buffers(9, 1)
    assert one(ring) == 3


# ----------------------------------------------------------------------------------------------------------- files


def test_a_file_s_life(ring: Ring, tmp_path: Path) -> None:
    directory, name = os.open(tmp_path, os.O_RDONLY), tmp_path / "new"
    ring.openat(directory, "new", os.O_CREAT | os.O_RDWR, 0o640)
    fd = one(ring)
    with ring.chain() as chain:
        chain.fallocate(fd, 0, 0, 100)
        chain.ftruncate(fd, 10)
        chain.sync_file_range(fd, 0, 0, 7)
        chain.fadvise(fd, 0, 0, os.POSIX_FADV_SEQUENTIAL)
        chain.close(fd)
        chain.link(name, tmp_path / "twin")
        chain.rename(name, tmp_path / "renamed")
        chain.symlink("renamed", tmp_path / "symlink")
        chain.mkdir(tmp_path / "sub", 0o700)
        chain.unlink(tmp_path / "twin")
    assert set(results(ring).values()) == {0}
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["renamed", "sub", "symlink"]
    found = bytearray(256)
    ring.statx(AT_FDCWD, tmp_path / "symlink", 0, 0x7FF, found)
    assert one(ring) == 0
    assert struct.unpack_from("=Q", found, 40) == (10,)
    assert struct.unpack_from("=H", found, 28)[0] & 0o777 == 0o640 & ~_umask()
    os.close(directory)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_slots_in_place_of_descriptors(ring: Ring, path: Path) -> None:
    ring.register_files_sparse(4)
    ring.register_file_alloc_range(2, 2)
    buffer = bytearray(4)
    a = ring.open_direct(path, os.O_RDONLY, file_index=0, flags=LINK)
    b = ring.read(0, buffer, 0, flags=FIXED | LINK)
    c = ring.open_direct(path, os.O_RDONLY, flags=LINK)
    d = ring.openat2_direct(AT_FDCWD, path, os.O_RDONLY, flags=LINK)
    e = ring.close_direct(0)
    assert results(ring) == {a: 0, b: 4, c: 2, d: 3, e: 0}
    ring.fixed_fd_install(2)
    fd = one(ring)
    assert os.read(fd, 4) == b"0123" == bytes(buffer)
    os.close(fd)
    ring.files_update([-1, -1], 2)
    assert one(ring) == 2


def test_attributes(ring: Ring, fd: int, path: Path) -> None:
    value = bytearray(16)
    a = ring.fsetxattr(fd, "user.a", b"one", flags=LINK)
    b = ring.setxattr("user.b", b"three", path, flags=LINK)
    c = ring.fgetxattr(fd, b"user.b", value, flags=LINK)
    d = ring.getxattr("user.a", bytearray(), path)
    found = results(ring)
    if found[a] == -Errno.EOPNOTSUPP:
        pytest.skip("this file system has no attributes")
    assert found == {a: 0, b: 0, c: 5, d: 3}
    assert value[:5] == b"three"


def test_pipes_made_and_spliced(ring: Ring, fd: int) -> None:
    ends = bytearray(8)
    ring.pipe(ends, os.O_CLOEXEC)
    assert one(ring) == 0
    r, w = struct.unpack("=ii", ends)
    ring.pipe(ends)
    assert one(ring) == 0
    r2, w2 = struct.unpack("=ii", ends)
    a = ring.splice(fd, 2, w, -1, 6, flags=LINK)
    b = ring.tee(r, w2, 6)
    assert results(ring) == {a: 6, b: 6}
    assert os.read(r, 10) == os.read(r2, 10) == b"234567"
    for end in (r, w, r2, w2):
        os.close(end)


# -------------------------------------------------------------------------------------------------------- chains


def test_a_chain_is_done_in_its_order_and_broken_by_what_fails(ring: Ring, fd: int) -> None:
    with ring.chain() as chain:
        a = chain.read(fd, bytearray(4), 0)
        b = chain.read(fd, bytearray(99), 0)
        c = chain.nop()
    d = ring.nop()
    found = [(cqe.user_data, cqe.res) for cqe in ring]
    assert sorted(found) == [(a, 4), (b, 10), (c, -Errno.ECANCELED), (d, 0)]
    assert [number for number, _res in found if number != d] == [a, b, c]
    with ring.chain(hard=True) as chain:
        a = chain.read(9999, bytearray(1), 0)
        b = chain.nop()
    assert results(ring) == {a: -Errno.EBADF, b: 0}


def test_a_short_read_breaks_a_chain(ring: Ring, fd: int) -> None:
    with ring.chain() as chain:
        a = chain.read(fd, bytearray(99), 0)
        b = chain.nop()
    assert results(ring) == {a: 10, b: -Errno.ECANCELED}


def test_a_chain_that_is_not_finished_is_none(ring: Ring) -> None:
    def unfinished() -> None:
        with ring.chain() as chain:
            chain.nop()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        unfinished()
    with ring.chain():
        pass
    assert ring.submit() == 0


def test_a_chain_fits_into_the_queue_or_is_refused(made: Made) -> None:
    ring = made(4)
    ring.nop()
    with ring.chain() as chain:
        for _ in range(4):
            chain.nop()
    assert set(results(ring).values()) == {0}
    chain = ring.chain()
    for _ in range(5):
        chain.nop()
    with pytest.raises(ValueError, match="a chain of 5 requests in a ring of 4 entries"):
        chain.__exit__(None, None, None)


def test_a_read_in_the_middle_of_a_chain_stays_in_it(ring: Ring, fd: int) -> None:
    ring.nop(flags=LINK)
    ring.read(9999, bytearray(1), 0, flags=LINK)
    third = ring.read(fd, bytearray(1), 0)
    fourth = ring.read(fd, bytearray(1), 0)
    found = results(ring)
    assert (found[third], found[fourth]) == (-Errno.ECANCELED, 1)


def test_a_link_timeout_ends_what_it_is_linked_to(ring: Ring, pipe: tuple[int, int]) -> None:
    with ring.chain() as chain:
        a = chain.read(pipe[0], bytearray(4), 0)
        b = chain.link_timeout(0.005)
    assert results(ring) == {a: -Errno.ECANCELED, b: -Errno.ETIME}
    with ring.chain() as chain:
        a = chain.nop()
        b = chain.link_timeout(60)
    assert results(ring) == {a: 0, b: -Errno.ECANCELED}


# ------------------------------------------------------------------------------------- polls, timeouts, cancellation


def test_polls(ring: Ring, pipe: tuple[int, int]) -> None:
    r, w = pipe
    once, many = ring.poll_add(r, POLLIN), ring.poll_multishot(r, POLLIN)
    ring.submit()
    os.write(w, b"x")
    found = ring.wait(2, SOON_S)
    assert {(cqe.user_data, cqe.res) for cqe in found} == {(once, POLLIN), (many, POLLIN)}
    os.read(r, 1)
    os.write(w, b"y")
    [cqe] = ring.wait(1, SOON_S)
    assert (cqe.user_data, cqe.flags & MORE) == (many, MORE)
    os.read(r, 1)
    ring.poll_update(many, 777)
    assert one(ring) == 0
    removal = ring.poll_remove(777)
    assert results(ring) == {removal: 0, 777: -Errno.ECANCELED}


def test_timeouts(ring: Ring) -> None:
    started = time.monotonic()
    ring.timeout(0.01)
    assert one(ring) == -Errno.ETIME
    assert 0.01 <= time.monotonic() - started < SOON_S
    counted = ring.timeout(60, 2)
    a, b = ring.nop(), ring.nop()
    assert results(ring) == {counted: 0, a: 0, b: 0}
    long = ring.timeout(60)
    ring.timeout_update(0.001, long)
    assert sorted(results(ring).values()) == [-Errno.ETIME, 0]
    long = ring.timeout(60)
    ring.timeout_remove(long)
    assert sorted(results(ring).values()) == [-Errno.ECANCELED, 0]


def test_a_timeout_counts_cached_reads_too(ring: Ring, fd: int) -> None:
    counted = ring.timeout(60, 2)
    ring.submit()
    for _ in range(2):
        ring.read(fd, bytearray(4), 0)
        ring.submit()
    assert {cqe.user_data: cqe.res for cqe in ring}[counted] == 0


def test_cancellation(ring: Ring, pipe: tuple[int, int]) -> None:
    r, _w = pipe
    reads = [ring.read(r, bytearray(1), 0) for _ in range(3)]
    ring.submit()
    ring.cancel(reads[1])
    found = {cqe.user_data: cqe.res for cqe in ring.submit_and_wait(2, SOON_S)}
    assert found.pop(reads[1]) == -Errno.ECANCELED
    assert list(found.values()) == [0]
    ring.cancel_fd(r, IORING_ASYNC_CANCEL_ALL)
    assert sorted(results(ring).values()) == [-Errno.ECANCELED, -Errno.ECANCELED, 2]
    ring.cancel(4711)
    assert one(ring) == -Errno.ENOENT


def test_epoll_ctl(ring: Ring, pipe: tuple[int, int]) -> None:
    r, w = pipe
    with select.epoll() as epoll:
        ring.epoll_ctl(epoll.fileno(), r, EPOLL_CTL_ADD, (EPOLLIN, r))
        assert one(ring) == 0
        os.write(w, b"x")
        assert epoll.poll(0) == [(r, EPOLLIN)]


# -------------------------------------------------------------------------------------------- queues and completions


def test_a_full_queue_is_submitted(made: Made) -> None:
    ring = made(4)
    numbers = [ring.nop() for _ in range(11)]
    assert len(ring.peek()) == 8
    assert ring.submit() == 3
    assert [cqe.user_data for cqe in ring.peek()] == numbers[8:]


def test_completions_without_room_are_kept(made: Made, fd: int) -> None:
    ring = made(4, cq_entries=4)
    numbers = [ring.nop() for _ in range(20)]
    numbers += [ring.read(fd, bytearray(4), 0) for _ in range(20)]
    ring.submit()
    assert ring.stat()["overflow"] == 36
    assert sorted(cqe.user_data for cqe in ring) == numbers


def test_iteration_submits_what_is_appended_meanwhile(ring: Ring) -> None:
    ring.nop()
    seen = []
    for cqe in ring:
        seen.append(cqe.user_data)
        if len(seen) < 5:
            ring.nop()
    assert len(seen) == 5
    assert list(ring) == []


def test_silent_success(ring: Ring) -> None:
    ring.nop(flags=SKIP)
    number = ring.nop()
    assert results(ring) == {number: 0}


def test_waiting_for_so_many_ends_with_the_time(ring: Ring) -> None:
    ring.nop()
    started = time.monotonic()
    assert len(ring.submit_and_wait(2, 0.01)) == 1
    assert time.monotonic() - started >= 0.01
    assert ring.wait(1, 0) == []


def test_a_thread_that_waits_is_woken_by_another(ring: Ring) -> None:
    found: list[int] = []
    thread = threading.Thread(target=lambda: found.extend(cqe.res for cqe in ring.wait(3, SOON_S)))
    thread.start()
    for _ in range(3):
        ring.nop()
        ring.submit()
    thread.join(SOON_S)
    assert found == [0, 0, 0]


def test_numbers_that_no_field_can_hold(ring: Ring) -> None:
    for fields in (
        {"fd": 1 << 31},
        {"length": -1},
        {"flags": 256},
        {"user_data": -1},
        {"fd": "0"},
        {"rw_flags": 1 << 32},
    ):
        with pytest.raises(ValueError, match="a field of the submission"):
            ring.prep_rw(IORING_OP_NOP, **fields)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="a field of the submission"):
        ring.read("f", bytearray(1))  # type: ignore[arg-type]
    for offset in (1 << 64, -(1 << 63) - 1, 1.0, None, b"0"):
        with pytest.raises(ValueError, match="off is"):
            ring.read(0, bytearray(1), offset)  # type: ignore[arg-type]
    assert ring.submit() == 0


def test_garbage_comes_to_an_errno(ring: Ring) -> None:
    for opcode in (63, 200, 255):
        ring.prep_rw(opcode)
        assert one(ring) == -Errno.EINVAL
    for addr in (None, 1.5, object(), "text", 1 << 63, 17):
        ring.prep_rw(IORING_OP_READ, 0, addr, 8, 0)
        assert one(ring) in {-Errno.EFAULT, -Errno.EINVAL, -Errno.EBADF}


# ---------------------------------------------------------------------------------------------------- registration


def test_the_probe_tells_what_there_is(ring: Ring) -> None:
    found = ring.get_probe()
    assert found["IORING_OP_READ"]
    assert not found["IORING_OP_RECVMSG"]
    assert len(found) == 63


def test_restrictions(made: Made) -> None:
    ring = made(flags=abi.IORING_SETUP_R_DISABLED)
    ring.register_restrictions([(abi.IORING_RESTRICTION_SQE_OP, IORING_OP_NOP)])
    ring.nop()
    with pytest.raises(OSError, match="not enabled") as refused:
        ring.submit()
    assert refused.value.errno == Errno.EBADFD
    ring.enable_rings()
    a, b = ring.nop(), ring.read(0, bytearray(1), 0)
    found = results(ring)
    assert found[a] == 0
    assert found[b] == -Errno.EACCES


def test_limits_of_workers(ring: Ring) -> None:
    before = ring.register_iowq_max_workers(3, 5)
    assert before[0] >= 1
    assert ring.register_iowq_max_workers() == (3, 5)
    ring.register_iowq_aff(os.sched_getaffinity(0))
    ring.unregister_iowq_aff()
    with pytest.raises(OSError, match="not all the program's"):
        ring.register_iowq_aff([5000])


def test_personalities(ring: Ring, path: Path) -> None:
    number = ring.register_personality()
    ring.prep_rw(IORING_OP_READ, os.open(path, os.O_RDONLY), bytearray(4), 4, 0, personality=number)
    assert one(ring) == 4
    ring.unregister_personality(number)
    ring.prep_rw(IORING_OP_NOP, personality=number)
    assert one(ring) == -Errno.EINVAL


def test_an_eventfd_counts_completions_without_a_call(ring: Ring, pipe: tuple[int, int]) -> None:
    event = os.eventfd(0)
    ring.register_eventfd(event)
    ring.nop()
    ring.submit()
    assert os.eventfd_read(event) == 1
    ring.read(pipe[0], bytearray(4), 0)
    ring.submit()
    os.write(pipe[1], b"x")
    assert select.select([event], [], [], SOON_S)[0] == [event]
    assert len(ring.peek()) == 2
    ring.unregister_eventfd()
    os.close(event)


def test_a_tag_tells_when_a_buffer_is_used_no_more(ring: Ring) -> None:
    ring.register_buffers_sparse(2)
    ring.register_buffers_update(0, [bytearray(8)], [99])
    ring.register_buffers_update(0, [bytearray(8)], [0])
    assert [cqe.user_data for cqe in ring.peek()] == [99]


# ------------------------------------------------------------------------------------------------------- event loops


async def test_completions_on_a_loop(ring: Ring, fd: int, pipe: tuple[int, int]) -> None:
    a = ring.read(fd, bytearray(4), 0)
    b = ring.read(pipe[0], bytearray(4), 0)
    c = ring.timeout(0.001)
    found = {}
    async for cqe in ring:
        found[cqe.user_data] = cqe.res
        if cqe.user_data == c:
            os.write(pipe[1], b"hi")
    assert found == {a: 4, b: 2, c: -Errno.ETIME}


def test_the_descriptor_is_readable_while_there_is_something(ring: Ring, fd: int, pipe: tuple[int, int]) -> None:
    def readable(timeout: float = 0) -> bool:
        return bool(select.select([ring], [], [], timeout)[0])

    assert not readable()
    for prepare in (ring.nop, lambda: ring.read(fd, bytearray(4), 0)):
        prepare()
        ring.submit()
        assert readable()
        assert len(ring.peek()) == 1
        ring.peek()
        assert not readable()
    ring.read(pipe[0], bytearray(4), 0)
    ring.submit()
    assert ring.peek() == []
    assert not readable()
    os.write(pipe[1], b"x")
    assert readable(SOON_S)
    assert [cqe.res for cqe in ring.peek()] == [1]


# ------------------------------------------------------------------------------------------------------- other rings


def test_messages_to_another_ring(made: Made) -> None:
    sender, receiver = made(), made()
    number = sender.msg_ring(receiver.fileno(), 42, 4711)
    assert results(sender) == {number: 0}
    [cqe] = receiver.peek()
    assert (cqe.user_data, cqe.res) == (4711, 42)
    sender.msg_ring(0, 1, 2)
    assert one(sender) == -Errno.EBADFD


def test_a_message_wakes_a_thread_that_waits(made: Made) -> None:
    sender, receiver = made(), made()
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.extend(receiver.wait(100, SOON_S)))
    thread.start()
    for at in range(100):
        sender.msg_ring(receiver.fileno(), at, at)
    assert set(results(sender).values()) == {0}
    thread.join(SOON_S)
    assert [cqe.user_data for cqe in found] == list(range(100))


def test_a_file_is_sent_to_another_ring(made: Made, fd: int) -> None:
    sender, receiver = made(), made()
    sender.register_files([fd])
    receiver.register_files_sparse(2)
    sender.msg_ring_fd(receiver.fileno(), 0, 1, 5)
    assert one(sender) == 0
    sender.queue_exit()
    assert [cqe.user_data for cqe in receiver.peek()] == [5]
    receiver.read(1, bytearray(4), 0, flags=FIXED)
    assert one(receiver) == 4


def test_a_ring_does_not_close_a_ring(ring: Ring) -> None:
    ring.close(ring.fileno())
    assert one(ring) == -Errno.EBADF


# ------------------------------------------------------------------------------------------------------------ the end


def open_fds() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_a_ring_leaves_nothing_behind(made: Made, fd: int) -> None:
    before, threads = open_fds(), threading.active_count()
    ring = made(4096)
    r, w = os.pipe()
    ring.register_files([fd] * 10)
    for _ in range(1000):
        ring.read(r, bytearray(1), 0)
        ring.timeout(60)
        ring.fsync(fd)
        ring.statx(AT_FDCWD, "/", 0, 0, bytearray(256), flags=SKIP)
    ring.poll_multishot(r, POLLIN)
    ring.submit()
    ring.queue_exit()
    ring.queue_exit()
    os.close(r)
    os.close(w)
    assert ring.stat()["requests"] == 0
    assert threading.active_count() == threads
    assert open_fds() == before


def test_an_ended_ring_says_so(ring: Ring) -> None:
    ring.nop()
    ring.queue_exit()
    for call in (
        ring.submit,
        ring.peek,
        ring.wait,
        ring.nop,
        ring.fileno,
        ring.register_personality,
        lambda: list(ring),
    ):
        with pytest.raises(RuntimeError, match="the ring has ended"):
            call()


def test_a_thread_that_waits_is_told_of_the_end(ring: Ring, pipe: tuple[int, int]) -> None:
    said: list[str] = []

    def wait() -> None:
        try:
            ring.wait(5)
        except RuntimeError as error:
            said.append(str(error))

    thread = threading.Thread(target=wait)
    thread.start()
    ring.read(pipe[0], bytearray(4), 0)
    ring.submit()
    while not ring._port.watched:
        thread.join(0.001)
    ring.queue_exit()
    thread.join(SOON_S)
    assert said == ["the ring has ended"]


def test_what_was_not_ended_is_told_and_ended(made: Made) -> None:
    before = open_fds()
    ring = Ring(4)
    with pytest.warns(ResourceWarning, match="was not ended"):
        del ring
    assert open_fds() == before


def test_a_worker_that_sleeps_does_not_keep_a_ring_from_ending(
    made: Made, pipe: tuple[int, int], tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "fifo")
    ring = made()
    ring.openat(AT_FDCWD, tmp_path / "fifo", os.O_WRONLY | os.O_CREAT)
    ring.splice(pipe[0], -1, os.open("/dev/null", os.O_WRONLY), -1, 10)
    ring.submit()
    started = time.monotonic()
    ring.queue_exit()
    assert time.monotonic() - started < 4
    assert ring.stat()["left_behind"] == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"entries": 0}, "a queue has entries"),
        ({"flags": abi.IORING_SETUP_SQ_AFF}, "binds the thread"),
        ({"entries": 8, "cq_entries": 4}, "4 completions for 8 submissions"),
        ({"flags": 1 << 30}, "flags 0x40000000"),
    ],
)
def test_a_ring_that_cannot_be_made_says_why(arguments: dict[str, int], said: str) -> None:
    with pytest.raises(OSError, match=said):
        Ring(**arguments)
    with pytest.raises(ValueError, match="no memory"):
        Ring(flags=abi.IORING_SETUP_NO_MMAP)


def test_every_kind_of_ring(made: Made, fd: int) -> None:
    deferred = abi.IORING_SETUP_SINGLE_ISSUER | abi.IORING_SETUP_DEFER_TASKRUN
    for flags in (abi.IORING_SETUP_SQPOLL, deferred, abi.IORING_SETUP_COOP_TASKRUN, abi.IORING_SETUP_CQE32):
        ring = made(8, flags=flags)
        a, b = ring.nop(), ring.read(fd, bytearray(4), 0)
        c = ring.timeout(0.001)
        assert results(ring) == {a: 0, b: 4, c: -Errno.ETIME}


def test_a_forked_child_is_told_that_the_ring_is_its_parents(ring: Ring, fd: int, pipe: tuple[int, int]) -> None:
    number = ring.read(pipe[0], bytearray(4), 0)
    ring.submit()
    r, w = os.pipe()
    pid = os.fork()
    if pid == 0:
        said = []
        try:
            for call in (ring.submit, ring.peek, ring.nop, ring.fileno):
                try:
                    call()
                except RuntimeError as error:
                    said.append(str(error))
            ring.queue_exit()
            with Ring(4) as own:
                own.read(fd, bytearray(4), 0)
                said.append(str(one(own)))
            os.write(w, "\n".join(said).encode())
        finally:
            os._exit(0)
    os.close(w)
    assert os.waitpid(pid, 0) == (pid, 0)
    said = os.read(r, 4096).decode().split("\n")
    os.close(r)
    assert said == ["the ring is the parent process's: a child makes its own"] * 4 + ["4"]
    os.write(pipe[1], b"mine")
    assert [(cqe.user_data, cqe.res) for cqe in ring.wait(1, SOON_S)] == [(number, 4)]

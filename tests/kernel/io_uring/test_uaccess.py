"""What entries point at, read out of memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from usernel.abi.errno import Errno
from usernel.abi.fs import MAX_RW_COUNT
from usernel.abi.time_types import KERNEL_TIMESPEC
from usernel.abi.uio import IOVEC
from usernel.kernel.error import KernelError
from usernel.kernel.io_uring import uaccess
from usernel.kernel.io_uring.sqe import Nanoseconds

from .sim_port import SimMemory


@pytest.fixture
def memory() -> SimMemory:
    return SimMemory()


def refused(call: Callable[[], Any]) -> Errno:
    with pytest.raises(KernelError) as error:
        call()
    return error.value.number


def test_path_may_end_where_memory_ends(memory: SimMemory) -> None:
    addr = memory.put(b"x" * 300 + b"\0")
    assert uaccess.read_path(memory, addr) == b"x" * 300
    assert uaccess.read_path(memory, addr + 299) == b"x"


def test_path_that_memory_ends_in_is_not_there(memory: SimMemory) -> None:
    addr = memory.put(b"x" * 300)
    assert refused(lambda: uaccess.read_path(memory, addr)) == Errno.EFAULT
    assert refused(lambda: uaccess.read_path(memory, 0)) == Errno.EFAULT


@pytest.mark.parametrize("size", [4094, 4095, 4096, 5000])
def test_path_has_4095_bytes_at_most(memory: SimMemory, size: int) -> None:
    path = b"x" * size
    for where in (memory.put(path + b"\0"), path, path.decode()):
        if size < 4096:
            assert uaccess.read_path(memory, where) == path
        else:
            assert refused(lambda where=where: uaccess.read_path(memory, where)) == Errno.ENAMETOOLONG


def test_path_in_place_of_an_address(memory: SimMemory) -> None:
    assert uaccess.read_path(memory, "a/\udcff") == b"a/\xff"
    assert uaccess.read_path(memory, bytearray(b"a\0b")) == b"a"
    assert refused(lambda: uaccess.read_path(memory, [b"a"])) == Errno.EFAULT
    assert refused(lambda: uaccess.read_path(memory, "")) == Errno.ENOENT
    assert uaccess.read_path(memory, "", may_be_empty=True) == b""


def test_buffers_together_are_no_larger_than_one_read(memory: SimMemory) -> None:
    addr = memory.put(IOVEC.pack(1, MAX_RW_COUNT - 1) + IOVEC.pack(2, 5) + IOVEC.pack(3, 5))
    assert uaccess.read_iovec(memory, addr, 3) == [(1, MAX_RW_COUNT - 1), (2, 1), (3, 0)]
    assert [size for _, size in uaccess.iovec_from_user(memory, addr, 3)] == [MAX_RW_COUNT - 1, 5, 5]


def test_buffers_that_cannot_be(memory: SimMemory) -> None:
    addr = memory.put(IOVEC.pack(1, 1 << 63) + IOVEC.pack(1 << 63, 1))
    assert refused(lambda: uaccess.read_iovec(memory, addr, 1)) == Errno.EINVAL
    assert refused(lambda: uaccess.read_iovec(memory, addr + 16, 1)) == Errno.EFAULT
    assert refused(lambda: uaccess.read_iovec(memory, addr, 3)) == Errno.EFAULT
    assert refused(lambda: uaccess.read_iovec(memory, addr, 1025)) == Errno.EINVAL
    assert uaccess.read_iovec(memory, 0, 0) == []


def test_buffers_in_place_of_an_array(memory: SimMemory) -> None:
    one, two = bytearray(3), memoryview(bytearray(8)).cast("I")
    assert uaccess.read_iovec(memory, [one, two, b"unused"], 2) == [(one, 3), (two, 8)]
    assert refused(lambda: uaccess.read_iovec(memory, [one], 2)) == Errno.EFAULT
    assert refused(lambda: uaccess.read_iovec(memory, [one, "text"], 2)) == Errno.EFAULT


def test_views_end_at_the_first_buffer_that_is_not_there(memory: SimMemory) -> None:
    addr = memory.put(b"0123456789")
    found = uaccess.views(memory, [(0, 0), (addr, 4), (0, 4), (addr, 4)], write=False)
    assert [bytes(view) for view in found] == [b"0123"]
    assert refused(lambda: uaccess.views(memory, [(0, 4), (addr, 4)], write=False)) == Errno.EFAULT
    assert uaccess.views(memory, [(0, 0)], write=True) == ()
    assert refused(lambda: uaccess.views(memory, [(b"read only", 4)], write=True)) == Errno.EFAULT


def test_view_of_a_buffer_ends_with_memory(memory: SimMemory) -> None:
    addr = memory.put(b"0123456789")
    for size in (11, 12, 1000, MAX_RW_COUNT):
        (found,) = uaccess.views(memory, [(addr, size)], write=False)
        assert bytes(found) == b"0123456789"
    assert [len(view) for view in uaccess.views(memory, [(addr, 3), (addr + 9, 3), (addr, 3)], write=True)] == [3, 1]
    assert refused(lambda: uaccess.views(memory, [(b"four", 5)], write=False)) == Errno.EFAULT


def test_times(memory: SimMemory) -> None:
    assert uaccess.read_timespec(memory, memory.put(KERNEL_TIMESPEC.pack(2, 5))) == 2_000_000_005
    assert uaccess.read_timespec(memory, Nanoseconds(7)) == 7
    assert uaccess.read_timespec(memory, memory.put(KERNEL_TIMESPEC.pack(1 << 60, 0))) == (1 << 63) - 1
    assert refused(lambda: uaccess.read_timespec(memory, 0)) == Errno.EFAULT

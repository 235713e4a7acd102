"""What a ring may touch of its program's memory."""

from __future__ import annotations

from array import array

import pytest

from usernel.abi.errno import Errno
from usernel.aio.memory import HostMemory
from usernel.kernel.error import KernelError


@pytest.fixture
def memory() -> HostMemory:
    made = HostMemory()
    made.give(0x1000, bytearray(b"0123456789abcdef"))
    made.give(0x2000, b"read-only")
    return made


def test_a_region_is_found_by_any_address_in_it(memory: HostMemory) -> None:
    assert bytes(memory.view(0x1000, 4)) == b"0123"
    assert bytes(memory.view(0x100A, 6)) == b"abcdef"
    memory.view(0x1002, 2, write=True)[:] = b"XY"
    assert bytes(memory.view(0x1000, 5)) == b"01XY4"


@pytest.mark.parametrize(
    ("addr", "size"), [(0, 1), (0xFFF, 1), (0x1000, 17), (0x1010, 1), (1 << 63, 1), (-1, 1), (0x1000, -1)]
)
def test_nothing_outside_of_a_region_is_touched(memory: HostMemory, addr: int, size: int) -> None:
    with pytest.raises(KernelError) as refused:
        memory.view(addr, size)
    assert refused.value.number == Errno.EFAULT


def test_what_is_read_only_is_not_written(memory: HostMemory) -> None:
    assert bytes(memory.view(0x2000, 4)) == b"read"
    for addr in (0x2000, b"bytes"):
        with pytest.raises(KernelError, match="read-only"):
            memory.view(addr, 1, write=True)


def test_a_buffer_stands_for_its_address(memory: HostMemory) -> None:
    buffer = bytearray(8)
    memory.view(buffer, 4, write=True)[:] = b"abcd"
    assert buffer == b"abcd\0\0\0\0"
    assert not memory.owns(buffer)
    assert memory.owns(0x1000)
    assert len(memory.view(array("i", [1, 2, 3]), 12)) == 12


@pytest.mark.parametrize("value", [None, "text", 1.5, object(), memoryview(bytearray(8))[::2]])
def test_what_is_no_buffer_is_no_memory(memory: HostMemory, value: object) -> None:
    with pytest.raises(KernelError) as refused:
        memory.view(value, 1)
    assert refused.value.number == Errno.EFAULT


def test_a_buffer_has_as_many_bytes_as_it_has(memory: HostMemory) -> None:
    with pytest.raises(KernelError, match="9 bytes are wanted where 8 are"):
        memory.view(bytearray(8), 9)


@pytest.mark.parametrize("address", [0x0FFF, 0x1000, 0x100F])
def test_regions_do_not_overlap(memory: HostMemory, address: int) -> None:
    with pytest.raises(ValueError, match="overlap"):
        memory.give(address, bytearray(2))
    memory.give(0x1010, bytearray(2))
    memory.give(0x0FFE, bytearray(2))


def test_a_region_that_was_taken_back_is_none(memory: HostMemory) -> None:
    memory.take_back(0x1000)
    with pytest.raises(KernelError):
        memory.view(0x1000, 1)
    for address in (0x1000, 0x2001):
        with pytest.raises(KeyError):
            memory.take_back(address)

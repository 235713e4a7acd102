"""Registered buffers, and tags (``io_uring/rsrc.c``). What is expected is what Linux 6.18 answers."""

from __future__ import annotations

from typing import Any

import pytest

from usernel.abi.io_uring import (
    IORING_MAX_REG_BUFFERS,
    IORING_REGISTER_BUFFERS,
    IORING_REGISTER_BUFFERS2,
    IORING_REGISTER_BUFFERS_UPDATE,
    IORING_RSRC_REGISTER_SPARSE,
    IORING_UNREGISTER_BUFFERS,
)
from usernel.abi.io_uring_op import IORING_OP_READ_FIXED, IORING_OP_READV_FIXED
from usernel.abi.uio import IOVEC
from usernel.kernel.error import KernelError
from usernel.kernel.io_uring.request import Request
from usernel.kernel.io_uring.rsrc import import_fixed, import_fixed_vec
from usernel.kernel.io_uring.sqe import Sqe

from .registering import call, tags
from .sim_port import Ring

GIB = 1 << 30
PAGE = 4096
REGISTER, UPDATE = 32, 32
"""Sizes of the structs, which stand where others have a count."""


@pytest.fixture
def ring() -> Ring:
    return Ring()


@pytest.fixture
def at(ring: Ring) -> int:
    """The address of a page."""
    return ring.port.memory.put(bytes(PAGE))


def buffers(ring: Ring, *given: Any) -> Any:
    return call(ring, IORING_REGISTER_BUFFERS, list(given), len(given))


def buffers2(ring: Ring, given: Any, tags: Any = 0, count: int | None = None, flags: int = 0, resv2: int = 0) -> Any:
    count = len(given) if count is None else count
    return call(ring, IORING_REGISTER_BUFFERS2, (count, flags, resv2, given, tags), REGISTER)


def update(ring: Ring, offset: int, given: Any, tags: Any = 0, count: int | None = None, **resv: int) -> Any:
    fields = (offset, resv.get("resv", 0), given, tags, len(given) if count is None else count, resv.get("resv2", 0))
    return call(ring, IORING_REGISTER_BUFFERS_UPDATE, fields, UPDATE)


def request(ring: Ring, index: int) -> Request:
    return Request(ring.ctx, Sqe(IORING_OP_READ_FIXED, buf_index=index))


def test_a_table_is_registered_once_and_unregistered(ring: Ring, at: int) -> None:
    assert call(ring, IORING_UNREGISTER_BUFFERS) == "ENXIO"
    assert buffers(ring, (at, 100), None, (at + 10, 1)) == 0
    assert buffers(ring, (at, 100)) == "EBUSY"
    assert len(ring.ctx.buf_table) == 3
    assert call(ring, IORING_UNREGISTER_BUFFERS) == 0
    assert call(ring, IORING_UNREGISTER_BUFFERS) == "ENXIO"


def test_buffers_that_cannot_be_registered(ring: Ring, at: int) -> None:
    cases = [
        ((at, 0), "EFAULT"), ((0, 5), "EFAULT"), ((at, PAGE + 1), "EFAULT"), ((16, 5), "EFAULT"),
        (b"constant", "EFAULT"), ((at, GIB + 1), "EFAULT"), ((at, 1 << 63), "EINVAL"), (7, "EFAULT"),
        (((1 << 64) - PAGE, PAGE), "EOVERFLOW"), (((1 << 64) - 1, 1), "EOVERFLOW"),
    ]  # fmt: skip
    assert [(given, buffers(ring, (at, 1), given)) for given, _ in cases] == cases
    assert not ring.ctx.buf_table.nodes


def test_a_buffer_may_have_a_gibibyte(ring: Ring, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ring.port.memory, "view", lambda addr, size, write: memoryview(bytearray(1)))
    assert buffers(ring, (PAGE, GIB)) == 0
    assert update(ring, 0, [(PAGE, GIB + 1)]) == "EFAULT"


def test_a_table_has_so_many_slots(ring: Ring) -> None:
    assert call(ring, IORING_REGISTER_BUFFERS, [None], 0) == "EINVAL"
    assert buffers(ring, *[None] * (IORING_MAX_REG_BUFFERS + 1)) == "EINVAL"
    assert buffers(ring, *[None] * IORING_MAX_REG_BUFFERS) == 0
    assert call(ring, IORING_UNREGISTER_BUFFERS) == 0
    assert buffers2(ring, 0, count=IORING_MAX_REG_BUFFERS + 1, flags=IORING_RSRC_REGISTER_SPARSE) == "EINVAL"
    assert buffers2(ring, 0, count=IORING_MAX_REG_BUFFERS, flags=IORING_RSRC_REGISTER_SPARSE) == 0


def test_arrays_may_be_in_memory(ring: Ring, at: int) -> None:
    memory = ring.port.memory
    vector = memory.put(IOVEC.pack(at, 8) + IOVEC.pack(0, 0) + IOVEC.pack(at + 8, 8))
    labels = memory.put((5).to_bytes(8, "little") + bytes(8) + (6).to_bytes(8, "little"))
    assert call(ring, IORING_REGISTER_BUFFERS, 0, 3) == "EFAULT"
    assert call(ring, IORING_REGISTER_BUFFERS, vector, 4) == "EFAULT"
    assert buffers2(ring, vector, labels, 3) == 0
    assert call(ring, IORING_UNREGISTER_BUFFERS) == 0
    assert tags(ring) == [6, 5]


def test_a_struct_of_registration_is_checked(ring: Ring, at: int) -> None:
    given = [(at, 8)]
    assert call(ring, IORING_REGISTER_BUFFERS2, (1, 0, 0, given, 0), REGISTER - 1) == "EINVAL"
    assert call(ring, IORING_REGISTER_BUFFERS2, 16, REGISTER) == "EFAULT"
    assert buffers2(ring, given, count=0) == "EINVAL"
    assert buffers2(ring, given, resv2=1) == "EINVAL"
    assert buffers2(ring, given, flags=2) == "EINVAL"
    assert buffers2(ring, given, flags=IORING_RSRC_REGISTER_SPARSE) == "EINVAL"
    assert call(ring, IORING_REGISTER_BUFFERS_UPDATE, (0, 0, given, 0, 1, 0), UPDATE - 16) == "EINVAL"


def test_an_update_replaces_and_empties(ring: Ring, at: int) -> None:
    assert update(ring, 0, [(at, 8)]) == "ENXIO"
    assert buffers(ring, (at, 8), (at, 8)) == 0
    assert update(ring, 0, [None, (at, 16)]) == 2
    assert [node and node.buf and len(node.buf.view) for node in ring.ctx.buf_table.nodes] == [None, 16]
    assert update(ring, 1, [(at, 8), (at, 8)]) == "EINVAL"
    assert update(ring, 0xFFFFFFFF, [(at, 8)]) == "EOVERFLOW"
    assert update(ring, 0, [(at, 8)], count=0) == "EINVAL"
    assert update(ring, 0, [(at, 8)], resv=1) == "EINVAL"
    assert update(ring, 0, [(at, 8)], resv2=1) == "EINVAL"
    assert update(ring, 0, 0, count=1) == "EFAULT"


def test_an_update_that_fails_says_how_far_it_came(ring: Ring, at: int) -> None:
    assert buffers(ring, (at, 8), (at, 8)) == 0
    assert update(ring, 0, [(at, 16), (0, 3)]) == 1
    assert update(ring, 0, [(0, 3)]) == "EFAULT"
    assert len(import_fixed(request(ring, 0), at, 16)[0]) == 16


def test_tags_are_posted_when_their_buffers_go(ring: Ring, at: int) -> None:
    assert buffers2(ring, [(at, 8), (at, 8), (at, 8)], [1, 2, 3]) == 0
    assert tags(ring) == []
    assert update(ring, 1, [(at, 8)], [4]) == 1
    assert tags(ring) == [2]
    assert call(ring, IORING_UNREGISTER_BUFFERS) == 0
    assert tags(ring) == [3, 4, 1]


def test_an_empty_slot_has_no_tag(ring: Ring, at: int) -> None:
    assert buffers2(ring, [(at, 8), None], [1, 2]) == "EINVAL"
    assert buffers2(ring, 0, [0, 1], count=2, flags=IORING_RSRC_REGISTER_SPARSE) == "EINVAL"
    assert buffers2(ring, 0, [0, 0], count=2, flags=IORING_RSRC_REGISTER_SPARSE) == 0
    assert update(ring, 0, [None], [1]) == "EINVAL"
    assert tags(ring) == []


def test_no_tag_is_posted_of_a_registration_that_fails(ring: Ring, at: int) -> None:
    assert buffers2(ring, [(at, 8), (16, 1)], [1, 2]) == "EFAULT"
    assert buffers2(ring, [(at, 8), (at, 8)], [1]) == "EFAULT"
    assert tags(ring) == []
    assert not len(ring.ctx.buf_table)


def test_a_tag_waits_for_the_last_request(ring: Ring, at: int) -> None:
    file = ring.port.open(5)
    assert buffers2(ring, [(at, 8)], [77]) == 0
    ring.submit(Sqe(IORING_OP_READ_FIXED, fd=5, addr=at, len=8, user_data=1))
    assert call(ring, IORING_UNREGISTER_BUFFERS) == 0
    assert ring.reap() == []
    file.write(b"abc")
    assert ring.results() == [(1, 3), (77, 0)]
    assert ring.port.memory.arena[:3] == b"abc"


def test_a_part_of_a_buffer_lies_within_it(ring: Ring, at: int) -> None:
    assert buffers(ring, (at, 100), None) == 0
    (part,) = import_fixed(request(ring, 0), at + 90, 10)
    part[:] = b"0123456789"
    assert ring.port.memory.arena[90:100] == b"0123456789"
    assert import_fixed(request(ring, 0), at + 100, 0) == ()
    for index, addr, size in (
        (0, at + 91, 10), (0, at - 1, 5), (0, at + 101, 0), (0, (1 << 64) - 2, 5), (1, at, 5), (2, at, 5), (0, b"", 0)
    ):  # fmt: skip
        with pytest.raises(KernelError) as raised:
            import_fixed(request(ring, index), addr, size)
        assert raised.value.name == "EFAULT"


def test_a_buffer_without_an_address_begins_at_0(ring: Ring) -> None:
    given = bytearray(b"0123456789")
    assert buffers(ring, given) == 0
    (part,) = import_fixed(request(ring, 0), 4, 3)
    part[:] = b"xyz"
    assert given == b"0123xyz789"
    assert import_fixed(request(ring, 0), given, 10)[0] == given
    with pytest.raises(KernelError, match="not in the registered buffer"):
        import_fixed(request(ring, 0), 8, 3)


def test_pieces_of_a_buffer(ring: Ring, at: int) -> None:
    assert buffers(ring, (at, 100)) == 0
    first, second = import_fixed_vec(request(ring, 0), [(at + 50, 2), (at, 3)])
    assert (len(first), len(second)) == (2, 3)
    assert import_fixed_vec(request(ring, 0), []) == ()
    for pieces in ([(at, 0)], [(at, 3), (at + 99, 2)]):
        with pytest.raises(KernelError) as raised:
            import_fixed_vec(request(ring, 0), pieces)
        assert raised.value.name == "EFAULT"
    with pytest.raises(KernelError, match="no registered buffer 1"):
        import_fixed_vec(request(ring, 1), [])


def test_pieces_are_no_more_than_one_read_moves(ring: Ring, monkeypatch: pytest.MonkeyPatch) -> None:
    size = GIB
    whole = type("Whole", (), {"__len__": lambda self: size, "__getitem__": lambda self, part: part})()
    monkeypatch.setattr(ring.port.memory, "view", lambda addr, size, write: whole)
    assert buffers(ring, (PAGE, size)) == 0
    assert len(import_fixed_vec(request(ring, 0), [(PAGE, size), (PAGE, size - PAGE)])) == 2
    with pytest.raises(KernelError) as raised:
        import_fixed_vec(request(ring, 0), [(PAGE, size), (PAGE, size - PAGE), (PAGE, 1)])
    assert raised.value.name == "EINVAL"


def test_a_fixed_vector_is_read_when_it_is_submitted(ring: Ring, at: int) -> None:
    file = ring.port.open(5)
    assert buffers(ring, (at, 100)) == 0
    file.content += b"abcdef"
    pieces = [(at + 10, 2), (at, 3)]
    assert ring.do(Sqe(IORING_OP_READV_FIXED, fd=5, addr=pieces, len=2)) == 5
    assert (ring.port.memory.arena[:3], ring.port.memory.arena[10:12]) == (b"cde", b"ab")
    assert ring.do(Sqe(IORING_OP_READV_FIXED, fd=5, addr=[(at, 1 << 63)], len=1)) == "EINVAL"
    assert ring.do(Sqe(IORING_OP_READV_FIXED, fd=5, addr=pieces, len=1025)) == "EINVAL"


def test_a_ring_that_ends_lets_its_buffers_go(ring: Ring, at: int) -> None:
    assert buffers2(ring, [(at, 8)], [9]) == 0
    ring.ctx.close()
    assert not len(ring.ctx.buf_table)

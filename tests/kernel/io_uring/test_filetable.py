"""Registered files (``io_uring/filetable.c``, ``rsrc.c``). What is expected is what Linux 6.18 answers."""

from __future__ import annotations

from typing import Any

import pytest

from usernel.abi.io_uring import (
    IORING_MAX_FIXED_FILES,
    IORING_REGISTER_FILE_ALLOC_RANGE,
    IORING_REGISTER_FILES,
    IORING_REGISTER_FILES2,
    IORING_REGISTER_FILES_SKIP,
    IORING_REGISTER_FILES_UPDATE,
    IORING_REGISTER_FILES_UPDATE2,
    IORING_RSRC_REGISTER_SPARSE,
    IORING_UNREGISTER_FILES,
    IOSQE_FIXED_FILE,
)
from usernel.abi.io_uring_op import (
    IORING_FILE_INDEX_ALLOC,
    IORING_FIXED_FD_NO_CLOEXEC,
    IORING_OP_FILES_UPDATE,
    IORING_OP_FIXED_FD_INSTALL,
    IORING_OP_READ,
)
from usernel.kernel.error import KernelError
from usernel.kernel.io_uring.filetable import fixed_fd_install, fixed_fd_remove
from usernel.kernel.io_uring.sqe import Sqe

from .registering import call, tags
from .sim_port import Ring, SimFile, SimPort

FILE, OTHER, RING, CLOSED = 5, 6, 7, 99
STRUCT = 32
SKIP = IORING_REGISTER_FILES_SKIP


@pytest.fixture
def ring() -> Ring:
    ring = Ring()
    ring.port.open(FILE)
    ring.port.open(OTHER)
    ring.port.open(RING, ring=ring.ctx)
    return ring


@pytest.fixture
def file(ring: Ring) -> SimFile:
    return ring.port.files[FILE]


@pytest.fixture
def other(ring: Ring) -> SimFile:
    return ring.port.files[OTHER]


def files(ring: Ring, *fds: int) -> Any:
    return call(ring, IORING_REGISTER_FILES, list(fds), len(fds))


def sparse(ring: Ring, count: int, tags: Any = 0, fds: Any = 0, flags: int = IORING_RSRC_REGISTER_SPARSE) -> Any:
    return call(ring, IORING_REGISTER_FILES2, (count, flags, 0, fds, tags), STRUCT)


def update(ring: Ring, offset: int, *fds: int) -> Any:
    return call(ring, IORING_REGISTER_FILES_UPDATE, (offset, 0, list(fds)), len(fds))


def update2(ring: Ring, offset: int, fds: Any, tags: Any = 0, count: int | None = None) -> Any:
    fields = (offset, 0, fds, tags, len(fds) if count is None else count, 0)
    return call(ring, IORING_REGISTER_FILES_UPDATE2, fields, STRUCT)


def alloc_range(ring: Ring, offset: int, length: int, resv: int = 0) -> Any:
    return call(ring, IORING_REGISTER_FILE_ALLOC_RANGE, (offset, length, resv))


def op(ring: Ring, offset: int, fds: Any, **fields: Any) -> int | str:
    fields.setdefault("len", len(fds) if isinstance(fds, list) else 1)
    return ring.do(Sqe(IORING_OP_FILES_UPDATE, off=offset, addr=fds, **fields))


def taken(ring: Ring) -> list[SimFile | None]:
    return [node and node.file for node in ring.ctx.file_table.nodes]  # type: ignore[misc]


# ------------------------------------------------------------------------------------------------------- registration


def test_a_table_holds_its_files_open(ring: Ring, file: SimFile) -> None:
    assert call(ring, IORING_UNREGISTER_FILES) == "ENXIO"
    assert files(ring, FILE, -1, FILE) == 0
    assert files(ring, FILE) == "EBUSY"
    assert taken(ring) == [file, None, file]
    assert file.refs == 3
    assert call(ring, IORING_UNREGISTER_FILES) == 0
    assert file.refs == 1


def test_files_that_cannot_be_registered(ring: Ring, file: SimFile) -> None:
    assert files(ring, FILE, CLOSED) == "EBADF"
    assert files(ring, FILE, RING) == "EBADF"
    assert files(ring, FILE, -2) == "EBADF"
    assert call(ring, IORING_REGISTER_FILES, [FILE], 2) == "EFAULT"
    assert call(ring, IORING_REGISTER_FILES, [FILE, None], 2) == "EFAULT"
    assert call(ring, IORING_REGISTER_FILES, 0, 1) == "EFAULT"
    assert call(ring, IORING_REGISTER_FILES, 16, 1) == "EFAULT"
    assert call(ring, IORING_REGISTER_FILES, [FILE], 0) == "EINVAL"
    assert (file.refs, ring.port.files[RING].refs, len(ring.ctx.file_table)) == (1, 1, 0)


def test_a_table_has_no_more_slots_than_a_process_has_descriptors(ring: Ring) -> None:
    ring.port.nofile = 64
    assert sparse(ring, 65) == "EMFILE"
    assert sparse(ring, 64) == 0


def test_a_table_has_no_more_than_2_to_the_20_slots(ring: Ring) -> None:
    ring.port.nofile = IORING_MAX_FIXED_FILES * 2
    assert sparse(ring, IORING_MAX_FIXED_FILES + 1) == "EMFILE"
    assert sparse(ring, IORING_MAX_FIXED_FILES) == 0
    assert fixed_fd_install(ring.ctx, ring.port.files[FILE].get(), IORING_MAX_FIXED_FILES) == 0


def test_what_is_not_given_makes_a_sparse_table(ring: Ring) -> None:
    assert sparse(ring, 0) == "EINVAL"
    assert sparse(ring, 2, fds=[FILE, FILE]) == "EINVAL"
    assert sparse(ring, 2, tags=[0, 7]) == "EINVAL"
    assert sparse(ring, 2, tags=16) == "EFAULT"
    assert sparse(ring, 2, flags=0, tags=[0, 0]) == 0
    assert taken(ring) == [None, None]


def test_descriptors_may_be_in_memory(ring: Ring, file: SimFile) -> None:
    at = ring.port.memory.put(b"".join(fd.to_bytes(4, "little", signed=True) for fd in (FILE, -1)))
    assert call(ring, IORING_REGISTER_FILES, at, 3) == "EFAULT"
    assert call(ring, IORING_REGISTER_FILES, at, 2) == 0
    assert taken(ring) == [file, None]


def test_an_update_replaces_empties_and_skips(ring: Ring, file: SimFile, other: SimFile) -> None:
    assert update(ring, 0, FILE) == "ENXIO"
    assert files(ring, FILE, FILE, FILE, -1) == 0
    assert update(ring, 1, OTHER, SKIP, FILE) == 3
    assert taken(ring) == [file, other, file, file]
    assert update(ring, 0, -1, -1, -1) == 3
    assert taken(ring) == [None, None, None, file]
    assert (file.refs, other.refs) == (2, 1)
    assert update(ring, 4, FILE) == "EINVAL"
    assert update(ring, 0xFFFFFFFF, FILE) == "EOVERFLOW"
    assert update(ring, 0) == "EINVAL"
    assert call(ring, IORING_REGISTER_FILES_UPDATE, (0, 1, [FILE]), 1) == "EINVAL"
    assert call(ring, IORING_REGISTER_FILES_UPDATE, 0, 1) == "EFAULT"


def test_an_update_that_fails_has_emptied_the_slot(ring: Ring, file: SimFile) -> None:
    assert files(ring, FILE, FILE, FILE) == 0
    assert update(ring, 0, SKIP, CLOSED, FILE) == 1
    assert taken(ring) == [file, None, file]
    assert update(ring, 2, RING) == "EBADF"
    assert taken(ring) == [file, None, None]


def test_tags_of_files(ring: Ring) -> None:
    assert call(ring, IORING_REGISTER_FILES2, (3, 0, 0, [FILE] * 3, [1, 2, 3]), STRUCT) == 0
    assert update2(ring, 1, [OTHER, -1], [4, 0]) == 2
    assert tags(ring) == [2, 3]
    assert update2(ring, 0, [-1], [5]) == "EINVAL"
    assert update2(ring, 0, [SKIP], [5]) == "EINVAL"
    assert update2(ring, 0, [OTHER], 16) == "EFAULT"
    assert update2(ring, 0, [OTHER], count=0) == "EINVAL"
    assert tags(ring) == []
    assert call(ring, IORING_UNREGISTER_FILES) == 0
    assert tags(ring) == [4, 1]


def test_no_tag_is_posted_of_a_registration_that_fails(ring: Ring, file: SimFile) -> None:
    assert call(ring, IORING_REGISTER_FILES2, (2, 0, 0, [FILE, CLOSED], [1, 2]), STRUCT) == "EBADF"
    assert call(ring, IORING_REGISTER_FILES2, (2, 0, 0, [FILE, -1], [1, 2]), STRUCT) == "EINVAL"
    assert tags(ring) == []
    assert file.refs == 1


def test_a_file_and_its_tag_wait_for_the_last_request(ring: Ring, file: SimFile) -> None:
    assert call(ring, IORING_REGISTER_FILES2, (1, 0, 0, [FILE], [77]), STRUCT) == 0
    ring.submit(Sqe(IORING_OP_READ, IOSQE_FIXED_FILE, fd=0, addr=bytearray(8), len=8, user_data=1))
    assert call(ring, IORING_UNREGISTER_FILES) == 0
    assert (ring.reap(), file.refs) == ([], 2)
    file.write(b"abc")
    assert ring.results() == [(1, 3), (77, 0)]
    assert file.refs == 1


# -------------------------------------------------------------------------------------------------------------- slots


def test_slots_are_handed_out_of_a_range(ring: Ring) -> None:
    assert alloc_range(ring, 0, 1) == "EINVAL"
    assert sparse(ring, 8) == 0
    assert alloc_range(ring, 4, 5) == "EINVAL"
    assert alloc_range(ring, 0xFFFFFFFF, 1) == "EOVERFLOW"
    assert alloc_range(ring, 0, 4, 1) == "EINVAL"
    assert call(ring, IORING_REGISTER_FILE_ALLOC_RANGE, (4, 4, 0), 1) == "EINVAL"
    assert alloc_range(ring, 4, 4) == 0
    given = [FILE, FILE, FILE, FILE, FILE]
    assert op(ring, IORING_FILE_INDEX_ALLOC, given) == 4
    assert given == [4, 5, 6, 7, FILE]
    assert op(ring, IORING_FILE_INDEX_ALLOC, [FILE]) == "ENFILE"


def test_a_slot_outside_of_the_range_does_not_lead_out_of_it(ring: Ring) -> None:
    assert sparse(ring, 8) == 0
    assert alloc_range(ring, 4, 4) == 0
    given = [FILE]
    for expected in (4, 5, 6):
        assert update(ring, 1, FILE) == 1
        assert op(ring, IORING_FILE_INDEX_ALLOC, given) == 1
        assert given == [expected]
        given[:] = [FILE]
        assert update(ring, 1, -1) == 1


def test_the_search_goes_on_behind_the_last_slot_and_wraps(ring: Ring) -> None:
    assert sparse(ring, 4) == 0
    table = ring.ctx.file_table
    slots = [fixed_fd_install(ring.ctx, ring.port.files[FILE].get(), IORING_FILE_INDEX_ALLOC) for _ in range(4)]
    assert slots == [0, 1, 2, 3]
    with pytest.raises(KernelError) as raised:
        table.free_slot()
    assert raised.value.name == "ENFILE"
    for slot in (0, 3, 2):
        fixed_fd_remove(ring.ctx, slot)
    slots = [fixed_fd_install(ring.ctx, ring.port.files[FILE].get(), IORING_FILE_INDEX_ALLOC) for _ in range(3)]
    assert slots == [2, 3, 0]


def test_an_empty_range_hands_out_nothing(ring: Ring) -> None:
    assert sparse(ring, 4) == 0
    assert alloc_range(ring, 0, 0) == 0
    assert op(ring, IORING_FILE_INDEX_ALLOC, [FILE]) == "ENFILE"


def test_a_file_is_put_into_a_slot_or_let_go(ring: Ring, file: SimFile, other: SimFile) -> None:
    ctx = ring.ctx
    refused = [(1, "ENXIO"), (IORING_FILE_INDEX_ALLOC, "ENFILE")]
    assert [(slot, install(ring, FILE, slot)) for slot, _ in refused] == refused
    assert sparse(ring, 2) == 0
    assert [install(ring, FILE, slot) for slot in (0, 3)] == ["EINVAL", "EINVAL"]
    assert install(ring, RING, 1) == "EBADF"
    assert (file.refs, ring.port.files[RING].refs) == (1, 1)
    assert [install(ring, FILE, 2), install(ring, OTHER, 2), install(ring, FILE, IORING_FILE_INDEX_ALLOC)] == [0, 0, 0]
    assert taken(ring) == [file, other]
    fixed_fd_remove(ctx, 1)
    assert (file.refs, other.refs) == (2, 1)
    assert [remove(ring, slot) for slot in (1, 2, -1)] == ["EBADF", "EINVAL", "EINVAL"]


def install(ring: Ring, fd: int, slot: int) -> int | str:
    try:
        return fixed_fd_install(ring.ctx, ring.port.files[fd].get(), slot)
    except KernelError as error:
        return error.name


def remove(ring: Ring, slot: int) -> int | str:
    try:
        return fixed_fd_remove(ring.ctx, slot)
    except KernelError as error:
        return error.name


# -------------------------------------------------------------------------------------------------------- the opcodes


def test_files_update_is_the_same_by_a_request(ring: Ring, file: SimFile) -> None:
    assert op(ring, 0, [FILE]) == "ENXIO"
    assert sparse(ring, 2) == 0
    assert op(ring, 1 << 32, [FILE, CLOSED]) == 1
    assert taken(ring) == [file, None]
    refused = [
        op(ring, 0, [FILE], len=0), op(ring, 0, [FILE], rw_flags=1), op(ring, 0, [FILE], splice_fd_in=1),
        op(ring, 0, [FILE], ioprio=1), op(ring, 0, [FILE], flags=IOSQE_FIXED_FILE),
    ]  # fmt: skip
    assert refused == ["EINVAL"] * 5
    assert op(ring, 0, [CLOSED]) == "EBADF"
    assert op(ring, 2, [FILE]) == "EINVAL"


def test_any_slots_are_told_in_place_of_the_descriptors(ring: Ring, file: SimFile) -> None:
    assert op(ring, IORING_FILE_INDEX_ALLOC, [FILE]) == "ENXIO"
    assert sparse(ring, 2) == 0
    assert op(ring, IORING_FILE_INDEX_ALLOC, [CLOSED]) == "EBADF"
    assert op(ring, IORING_FILE_INDEX_ALLOC, [RING]) == "EBADF"
    assert op(ring, IORING_FILE_INDEX_ALLOC, [-1]) == "EBADF"
    at = ring.port.memory.put(FILE.to_bytes(4, "little") * 3)
    assert op(ring, IORING_FILE_INDEX_ALLOC, at, len=3) == 2
    assert ring.port.memory.arena == b"\0\0\0\0\1\0\0\0" + FILE.to_bytes(4, "little")
    assert file.refs == 3


def test_a_slot_that_cannot_be_told_is_emptied(ring: Ring, file: SimFile) -> None:
    assert sparse(ring, 2) == 0
    assert op(ring, IORING_FILE_INDEX_ALLOC, (FILE,)) == "EFAULT"
    assert taken(ring) == [None, None]
    assert file.refs == 1


def test_a_registered_file_becomes_a_descriptor(ring: Ring, file: SimFile) -> None:
    sqe = Sqe(IORING_OP_FIXED_FD_INSTALL, IOSQE_FIXED_FILE, fd=0)
    assert ring.do(sqe) == "EBADF"
    assert files(ring, FILE) == 0
    fd = ring.do(sqe)
    assert ring.port.files[int(fd)] is file
    assert ring.do(sqe._replace(fd=1)) == "EBADF"
    assert ring.do(sqe._replace(flags=0, fd=FILE)) == "EBADF"
    assert ring.do(sqe._replace(rw_flags=2)) == "EINVAL"
    unused = "off addr len buf_index splice_fd_in addr3 ioprio".split()
    assert [ring.do(sqe._replace(**{name: 1})) for name in unused] == ["EINVAL"] * 7


def test_whether_a_descriptor_is_closed_on_exec(ring: Ring, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bool] = []

    def remember(self: SimPort, file: Any, *, cloexec: bool) -> int:
        seen.append(cloexec)
        return 3

    monkeypatch.setattr(SimPort, "install", remember)
    assert files(ring, FILE) == 0
    sqe = Sqe(IORING_OP_FIXED_FD_INSTALL, IOSQE_FIXED_FILE, fd=0)
    assert [ring.do(sqe), ring.do(sqe._replace(rw_flags=IORING_FIXED_FD_NO_CLOEXEC))] == [3, 3]
    assert seen == [True, False]


def test_a_descriptor_is_made_with_the_callers_own_credentials(ring: Ring) -> None:
    ring.ctx.personalities[1] = "somebody"
    assert files(ring, FILE) == 0
    assert ring.do(Sqe(IORING_OP_FIXED_FD_INSTALL, IOSQE_FIXED_FILE, fd=0, personality=1)) == "EPERM"


def test_a_ring_that_ends_lets_its_files_go(ring: Ring, file: SimFile) -> None:
    assert files(ring, FILE, FILE) == 0
    ring.ctx.close()
    assert file.refs == 1

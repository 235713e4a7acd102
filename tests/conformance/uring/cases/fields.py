"""Every field of an entry, one at a time, of every opcode: what is looked at, what has to be 0, what is nonsense."""

from __future__ import annotations

import os

from usernel.abi import io_uring as abi

from ..case import case
from ..opcodes import OPCODES
from ..program import NOWHERE, Program

VALUES = {
    "ioprio": (1,),
    "off": (1, 2**63, 2**64 - 1),
    "addr": (NOWHERE, 2**63),
    "len": (1, 2**31, 2**32 - 1),
    "rw_flags": (1, 2**31, 2**32 - 1),
    "buf_index": (0xFFFF,),
    "personality": (0xFFFF,),
    "splice_fd_in": (900, 2**31 - 1, 2**32 - 1),
    "addr3": (1,),
    "pad2": (1,),
}
FLAGS = (abi.IOSQE_FIXED_FILE, abi.IOSQE_ASYNC, abi.IOSQE_IO_DRAIN, abi.IOSQE_IO_LINK)


def one_by_one(u: Program, names: str, *, fd_is_a_file: bool = True) -> None:
    """Send entries of these opcodes whose only field that is not 0, but for the file, is each of the fields in turn."""
    for name in names.split():
        ring = u.ring(4)
        for field, values in VALUES.items():
            for value in values:
                fd = u.file("f", b"0123456789") if fd_is_a_file else -1
                ring.do(OPCODES[name], fd=fd, **{field: value})
                if name != "CLOSE" and fd >= 0:
                    os.close(fd)
        for flags in FLAGS:
            ring.do(OPCODES[name], fd=-1, flags=flags)
            ring.do(OPCODES[name], fd=-1, flags=flags, ioprio=1)
        ring.close()


@case
def of_reads_and_writes(u: Program) -> None:
    one_by_one(u, "READ WRITE READV WRITEV READ_FIXED WRITE_FIXED READV_FIXED WRITEV_FIXED READ_MULTISHOT")


@case
def of_files(u: Program) -> None:
    one_by_one(u, "FSYNC SYNC_FILE_RANGE FALLOCATE FTRUNCATE FADVISE CLOSE STATX FSETXATTR FGETXATTR FIXED_FD_INSTALL")


@case
def of_paths(u: Program) -> None:
    one_by_one(u, "OPENAT OPENAT2 RENAMEAT UNLINKAT MKDIRAT SYMLINKAT LINKAT SETXATTR GETXATTR")


@case
def of_pipes_and_polls(u: Program) -> None:
    one_by_one(u, "SPLICE TEE POLL_ADD POLL_REMOVE EPOLL_CTL")


@case
def of_the_ring_itself(u: Program) -> None:
    one_by_one(u, "NOP TIMEOUT TIMEOUT_REMOVE LINK_TIMEOUT ASYNC_CANCEL MSG_RING FILES_UPDATE")


@case
def of_memory_and_buffers(u: Program) -> None:
    one_by_one(u, "MADVISE PROVIDE_BUFFERS REMOVE_BUFFERS PIPE", fd_is_a_file=False)


@case
def of_opcodes_that_are_none(u: Program) -> None:
    ring = u.ring(4)
    for field, values in VALUES.items():
        ring.do(255, fd=-1, **{field: values[-1]})
    for flags in range(256):
        ring.do(255, flags=flags)

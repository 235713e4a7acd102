"""The opcodes of a ring of the service: those that need neither memory nor the virtual file system."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from usernel.abi.io_uring_op import (
    IORING_OP_ASYNC_CANCEL,
    IORING_OP_FILES_UPDATE,
    IORING_OP_FIXED_FD_INSTALL,
    IORING_OP_LINK_TIMEOUT,
    IORING_OP_MSG_RING,
    IORING_OP_NOP,
    IORING_OP_POLL_ADD,
    IORING_OP_POLL_REMOVE,
    IORING_OP_TIMEOUT,
    IORING_OP_TIMEOUT_REMOVE,
)

from .opcodes import OPS
from .opdef import Op

TASK_OPS: Final[Mapping[int, Op]] = {
    opcode: OPS[opcode]
    for opcode in (
        IORING_OP_NOP, IORING_OP_POLL_ADD, IORING_OP_POLL_REMOVE, IORING_OP_TIMEOUT, IORING_OP_TIMEOUT_REMOVE,
        IORING_OP_ASYNC_CANCEL, IORING_OP_LINK_TIMEOUT, IORING_OP_FILES_UPDATE, IORING_OP_MSG_RING,
        IORING_OP_FIXED_FD_INSTALL,
    )
}  # fmt: skip

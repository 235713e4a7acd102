"""How results, flags and entries are spelled in a trace: by the names of the uapi headers, without their prefixes."""

from __future__ import annotations

from usernel.abi import io_uring as abi
from usernel.abi.errno import Errno
from usernel.abi.io_uring_op import IO_URING_OP
from usernel.abi.names import Names, prefixed

SQ_FLAGS = Names("io_uring_sq_flags", prefixed(vars(abi), "IORING_SQ_"))
OWN_BUFFER = abi.IORING_CQE_F_BUFFER
HIGH = ~0 << abi.IORING_CQE_BUFFER_SHIFT


def result(value: int) -> int | str:
    """A system call's or a request's result: a number, or the name of an errno."""
    if value >= 0:
        return value
    try:
        return Errno(-value).name
    except ValueError:
        return value


def flags(names: Names, prefix: str, value: int) -> list[str | int]:
    """Flags by their names; what has none as a number."""
    return [item.removeprefix(prefix) if isinstance(item, str) else item for item in names.spell(value)]


def setup_flags(value: int) -> list[str | int]:
    """IORING_SETUP_*."""
    return flags(abi.SETUP, "IORING_SETUP_", value)


def enter_flags(value: int) -> list[str | int]:
    """IORING_ENTER_*."""
    return flags(abi.ENTER, "IORING_ENTER_", value)


def sq_flags(value: int) -> list[str | int]:
    """IORING_SQ_*."""
    return flags(SQ_FLAGS, "IORING_SQ_", value)


def features(value: int) -> list[str | int]:
    """IORING_FEAT_*, but for those of opcodes that are compared nowhere: bundles of sends, attributes of metadata."""
    return flags(abi.FEATURES, "IORING_FEAT_", value & ~(abi.IORING_FEAT_RECVSEND_BUNDLE | abi.IORING_FEAT_RW_ATTR))


def cqe_flags(value: int) -> list[str | int]:
    """IORING_CQE_F_*, with the id of a chosen buffer: ``BUFFER:3``."""
    if not value & OWN_BUFFER:
        return flags(abi.CQE_FLAGS, "IORING_CQE_F_", value)
    chosen = f"BUFFER:{value >> abi.IORING_CQE_BUFFER_SHIFT}"
    return [chosen, *flags(abi.CQE_FLAGS, "IORING_CQE_F_", value & ~HIGH & ~OWN_BUFFER)]


def opcode(value: int) -> str | int:
    """IORING_OP_*."""
    return str(IO_URING_OP.name(value)).removeprefix("IORING_OP_")


def register_opcode(value: int) -> str:
    """IORING_REGISTER_*; ``@`` before the opcode of a registered ring."""
    known = abi.REGISTER.name(value & ~abi.IORING_REGISTER_USE_REGISTERED_RING)
    at = "@" if value & abi.IORING_REGISTER_USE_REGISTERED_RING else ""
    return f"{at}{known}".replace("IORING_", "")


def entry(op: int, user_data: int, sqe_flags: int) -> str:
    """A submission: ``1 READ IO_LINK``."""
    return " ".join(map(str, [user_data, opcode(op), *flags(abi.IOSQE, "IOSQE_", sqe_flags)]))

"""Arrays and structs of the program that registration reads and writes, one element at a time (``copy_from_user``).

An array is given by its address, or a sequence stands in its place; a struct likewise, or a tuple of its fields, of
which those at the end may be missing and are 0; one that is written into may be a list.
"""

from __future__ import annotations

import re
from collections.abc import MutableSequence, Sequence
from struct import Struct
from struct import error as struct_error
from typing import TYPE_CHECKING, Any

from usernel.abi.errno import Errno
from usernel.abi.uio import IOVEC

from ..error import KernelError
from .uaccess import SSIZE_MAX, given_iovec

if TYPE_CHECKING:
    from .port import Memory


def given(memory: Memory, arg: Any) -> bool:
    """Whether an argument is there: not a null pointer, and not None."""
    return arg is not None and not (memory.owns(arg) and arg == 0)


def is_sequence(base: Any) -> bool:
    """Whether it is an array of Python values, rather than memory."""
    return isinstance(base, Sequence) and not isinstance(base, (bytes, bytearray, memoryview, str))


class UserArray:
    """An array of structs; one of a single field is an array of its values."""

    __slots__ = ("_base", "_memory", "_struct")

    def __init__(self, memory: Memory, base: Any, struct: Struct) -> None:
        self._memory = memory
        self._base = base
        self._struct = struct

    def get(self, index: int) -> Any:
        """An element. EFAULT where there is none, or something else."""
        if not is_sequence(self._base):
            fields = self._struct.unpack(_element(self._memory, self._base, index, self._struct.size))
        else:
            element = _nth(self._base, index)
            fields = _filled(tuple(element) if isinstance(element, (tuple, list)) else (element,), self._struct)
            _packed(fields, self._struct)
        return fields[0] if len(fields) == 1 else fields

    def put(self, index: int, value: Any) -> None:
        """Write an element. EFAULT where it cannot be written."""
        if isinstance(self._base, MutableSequence) and is_sequence(self._base):
            self._base[index] = value
        elif is_sequence(self._base):
            raise KernelError(Errno.EFAULT, f"a {type(self._base).__name__} is not written into")
        else:
            packed = _packed(value if isinstance(value, tuple) else (value,), self._struct)
            _element(self._memory, self._base, index, self._struct.size, write=True)[:] = packed


class UserIovecs:
    """An array of ``struct iovec``: addresses and sizes, or buffers; None stands for an empty one."""

    __slots__ = ("_base", "_memory")

    def __init__(self, memory: Memory, base: Any) -> None:
        self._memory = memory
        self._base = base

    def get(self, index: int) -> tuple[Any, int]:
        """An element. EFAULT where there is none, EINVAL for a size above SSIZE_MAX."""
        if is_sequence(self._base):
            element = _nth(self._base, index)
            base, size = (0, 0) if element is None else given_iovec(element)
        else:
            base, size = IOVEC.unpack(_element(self._memory, self._base, index, IOVEC.size))
        if size > SSIZE_MAX:
            raise KernelError(Errno.EINVAL, f"a buffer of {size} bytes")
        return base, size


def _nth(base: Sequence[Any], index: int) -> Any:
    if index >= len(base):
        raise KernelError(Errno.EFAULT, f"no element {index} of {len(base)}")
    return base[index]


def _element(memory: Memory, base: Any, index: int, size: int, *, write: bool = False) -> memoryview:
    if memory.owns(base):
        return memory.view(base + index * size, size, write=write)
    return memory.view(base, (index + 1) * size, write=write)[index * size :]


def copy_struct(memory: Memory, arg: Any, struct: Struct) -> tuple[Any, ...]:
    """A struct's fields. EFAULT, also for values that do not fit; an object may stand where an address may."""
    if not isinstance(arg, (tuple, list)):
        return struct.unpack(memory.view(arg, struct.size))
    fields = _filled(tuple(arg), struct)
    wide = zip(fields, _codes(struct), strict=True)
    _packed(tuple(0 if code == "Q" and not isinstance(field, int) else field for field, code in wide), struct)
    return fields


def _codes(struct: Struct) -> str:
    """The format of each field."""
    found = re.findall(r"(\d*)([a-zA-Z])", struct.format)
    return "".join(code if code == "s" else code * int(count or 1) for count, code in found)


def _filled(fields: tuple[Any, ...], struct: Struct) -> tuple[Any, ...]:
    zeros = struct.unpack(bytes(struct.size))
    if len(fields) > len(zeros):
        raise KernelError(Errno.EFAULT, f"{len(fields)} fields of {len(zeros)}")
    return fields + zeros[len(fields) :]


def _packed(fields: tuple[Any, ...], struct: Struct) -> bytes:
    try:
        return struct.pack(*fields)
    except struct_error as error:
        raise KernelError(Errno.EFAULT, str(error)) from None


def put_struct(memory: Memory, arg: Any, struct: Struct, fields: tuple[Any, ...]) -> None:
    """Write a struct. EFAULT."""
    if isinstance(arg, list):
        arg[:] = fields
    else:
        memory.view(arg, struct.size, write=True)[:] = _packed(fields, struct)


def reserved(*fields: Any) -> None:
    """EINVAL where a field that is to be 0 is not."""
    if any(fields):
        raise KernelError(Errno.EINVAL, "a reserved field is to be 0")

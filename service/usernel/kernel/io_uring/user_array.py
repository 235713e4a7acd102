"""Arrays and structs of the program that registration reads and writes, one element at a time (``copy_from_user``).

An array is given by its address, or a sequence stands in its place; a struct likewise, or a tuple of its fields; one
that is written into may be a list.
"""

from __future__ import annotations

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


class UserArray:
    """An array of structs; one of a single field is an array of its values."""

    __slots__ = ("_base", "_memory", "_struct")

    def __init__(self, memory: Memory, base: Any, struct: Struct) -> None:
        self._memory = memory
        self._base = base
        self._struct = struct

    def get(self, index: int) -> Any:
        """An element. EFAULT where there is none."""
        base = self._base
        if _is_sequence(base):
            if index >= len(base):
                raise KernelError(Errno.EFAULT, f"no element {index} of {len(base)}")
            return self._checked(base[index])
        size = self._struct.size
        if self._memory.owns(base):
            view = self._memory.view(base + index * size, size)
        else:
            view = self._memory.view(base, (index + 1) * size)[index * size :]
        fields = self._struct.unpack(view)
        return fields[0] if len(fields) == 1 else fields

    def _checked(self, element: Any) -> Any:
        if len(self._struct.format) == 2 and not isinstance(element, int):
            raise KernelError(Errno.EFAULT, f"{type(element).__name__} is no number")
        return element

    def put(self, index: int, value: Any) -> None:
        """Write an element. EFAULT where it cannot be written."""
        base = self._base
        if _is_sequence(base):
            if not isinstance(base, MutableSequence):
                raise KernelError(Errno.EFAULT, f"a {type(base).__name__} is not written into")
            base[index] = value
            return
        size = self._struct.size
        packed = self._struct.pack(*value) if isinstance(value, tuple) else self._struct.pack(value)
        if self._memory.owns(base):
            self._memory.view(base + index * size, size, write=True)[:] = packed
        else:
            self._memory.view(base, (index + 1) * size, write=True)[index * size :] = packed


def _is_sequence(base: Any) -> bool:
    """Whether it is an array of Python values, rather than memory."""
    return isinstance(base, Sequence) and not isinstance(base, (bytes, bytearray, memoryview, str))


class UserIovecs:
    """An array of ``struct iovec``: addresses and sizes, or buffers; None stands for an empty one."""

    __slots__ = ("_array",)

    def __init__(self, memory: Memory, base: Any) -> None:
        self._array = UserArray(memory, base, IOVEC)

    def get(self, index: int) -> tuple[Any, int]:
        """An element. EFAULT where there is none, EINVAL for a size above SSIZE_MAX."""
        element = self._array.get(index)
        base, size = (0, 0) if element is None else given_iovec(element)
        if size > SSIZE_MAX:
            raise KernelError(Errno.EINVAL, f"a buffer of {size} bytes")
        return base, size


def copy_struct(memory: Memory, arg: Any, struct: Struct) -> tuple[Any, ...]:
    """A struct's fields. EFAULT; fields that are missing at the end of a tuple or a list are 0."""
    if isinstance(arg, (tuple, list)):
        return _filled(tuple(arg), struct)
    return struct.unpack(memory.view(arg, struct.size))


def _filled(fields: tuple[Any, ...], struct: Struct) -> tuple[Any, ...]:
    zeros = struct.unpack(bytes(struct.size))
    if len(fields) > len(zeros):
        raise KernelError(Errno.EFAULT, f"{len(fields)} fields for {len(zeros)}")
    return fields + zeros[len(fields) :]


def put_struct(memory: Memory, arg: Any, struct: Struct, fields: tuple[Any, ...]) -> None:
    """Write a struct. EFAULT, also for fields that do not fit."""
    if isinstance(arg, list):
        arg[:] = fields
        return
    try:
        packed = struct.pack(*fields)
    except struct_error as error:
        raise KernelError(Errno.EFAULT, str(error)) from None
    memory.view(arg, struct.size, write=True)[:] = packed


def reserved(*fields: Any) -> None:
    """EINVAL where a field that is to be 0 is not."""
    for field in fields:
        if any(field) if isinstance(field, (bytes, tuple)) else field:
            raise KernelError(Errno.EINVAL, "a reserved field is to be 0")

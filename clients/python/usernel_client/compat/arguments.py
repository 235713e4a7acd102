"""Arguments as functions written in C take them."""

from __future__ import annotations

import operator
from typing import Any, Final

C_INT: Final = 1 << 31
C_LONG: Final = 1 << 63


def c_int(value: Any, limit: int = C_INT) -> int:
    """A number that fits a C int, or the type whose size ``limit`` is half of. TypeError, OverflowError."""
    number = operator.index(value)
    if not -limit <= number < limit:
        raise OverflowError(f"{number} does not fit: it is at least {-limit} and below {limit}")
    return number


def octets(message: Any) -> bytes:
    """A message's bytes; text as UTF-8. TypeError, UnicodeEncodeError."""
    if isinstance(message, str):
        return message.encode()
    try:
        return bytes(memoryview(message))
    except TypeError:
        raise TypeError(f"a bytes-like object is required, not '{type(message).__name__}'") from None


def text(value: Any, what: str) -> str:
    """A string without a NUL. TypeError, ValueError."""
    if not isinstance(value, str):
        raise TypeError(f"{what} must be str, not {type(value).__name__}")
    if "\0" in value:
        raise ValueError("embedded null character")
    return value

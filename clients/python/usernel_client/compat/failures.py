"""From errnos to the exceptions of a package."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Any, NoReturn

from ..errors import KernelError, ProtocolError

Failures = Mapping[str, tuple[type[Exception], str]]
"""What an errno's name is raised as."""


@contextmanager
def raising(base: type[Exception], failures: Failures) -> Generator[None]:
    """Raise what ``failures`` says of an errno, OSError for any other, and ``base`` for what the service refuses.

    A lost connection stays ConnectionLost, an OSError.
    """
    try:
        yield
    except KernelError as error:
        raise _translated(error, failures) from error
    except ProtocolError as error:
        raise base(str(error)) from error


def _translated(error: KernelError, failures: Failures) -> Exception:
    if error.name in failures:
        kind, text = failures[error.name]
        return kind(text)
    number = getattr(errno, error.name, error.errno or errno.EIO)  # this platform's: the service counts as Linux does
    return OSError(number, os.strerror(number))


def refusing(error: type[Exception], what: str) -> Callable[..., NoReturn]:
    """A function, or a class's ``__init__``, for what usernel does not serve."""

    def refuse(*_args: Any, **_kwargs: Any) -> NoReturn:
        raise error(f"usernel has no {what}: of this package it serves message queues only")

    return refuse

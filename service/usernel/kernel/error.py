"""The kernel's one way to say no: an errno with a sentence."""

from __future__ import annotations

from usernel.abi.errno import Errno, strerror


class KernelError(OSError):
    """A call's negative result: ``errno`` for the program, ``why`` as a sentence for the human.

    It is an ``OSError``, so that code written against the host's calls catches it unchanged.
    """

    def __init__(self, errno: Errno, why: str = "") -> None:
        super().__init__(int(errno), why or strerror(errno))
        self.number = errno
        self.why = why or strerror(errno)

    @property
    def name(self) -> str:
        """The errno's name: ``EAGAIN``."""
        return self.number.name

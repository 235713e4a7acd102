"""What can go wrong: the call, the request, the connection."""

from __future__ import annotations


class KernelError(OSError):
    """A call ended with an errno: ``errno`` for the program, ``name`` (``EAGAIN``), ``detail`` as a sentence."""

    def __init__(self, errno: int, name: str, detail: str) -> None:
        super().__init__(errno, detail)
        self.name = name
        self.detail = detail

    def __reduce__(self) -> tuple[type[KernelError], tuple[int | None, str, str]]:
        # OSError would rebuild it from its two args: it could be neither copied nor sent to another process.
        return type(self), (self.errno, self.name, self.detail)


class ProtocolError(Exception):
    """The service refused a request before it was a call: ``status`` is HTTP's (400, 401, 403), the text says why."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


class ConnectionLost(ConnectionError):  # noqa: N818 - it says what happened
    """The connection ended, or could not be made. A call that was under way may have been executed, or not."""

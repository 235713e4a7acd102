"""A call that a test started: done, or asleep."""

from __future__ import annotations

from usernel.kernel import kernel as model
from usernel.kernel.call import Call, Out, Return
from usernel.kernel.error import KernelError


class WouldSleep(Exception):  # noqa: N818 - it says what would have happened
    """A plain call would have slept, and in process nobody else would have run; ``start`` it instead.

    It was taken back before it was raised.
    """


class CallHandle:
    """One call. It is ``done`` at once, or when something that the test does wakes it."""

    def __init__(self, kernel: model.Kernel, call: Call) -> None:
        self._kernel = kernel
        self._call = call

    @property
    def done(self) -> bool:
        """Whether it has ended."""
        return self._call.done

    @property
    def error(self) -> KernelError | None:
        """The error that it ended with, if it did."""
        return self._call.error

    @property
    def ret(self) -> int:
        """The number it returned; raises its error, and ``WouldSleep`` while it sleeps."""
        return self.outcome().ret

    @property
    def out(self) -> Out | None:
        """What it handed back beside the number."""
        return self.outcome().out

    def interrupt(self) -> None:
        """End it as a signal's handler would (EINTR)."""
        self._kernel.interrupt(self._call)

    def commit(self) -> bool:
        """The receiver has what the call holds (``start(..., hold=True)``). False where it was given back before."""
        return self._kernel.commit(self._call)

    def abort(self) -> None:
        """The receiver vanished: what the call holds goes back to its place."""
        self._kernel.abort(self._call)

    def stat(self) -> Out:
        """The call as ``/proc/[pid]/syscall`` would show it."""
        return self._call.stat()

    def outcome(self) -> Return:
        """Number and the rest; raises its error, and ``WouldSleep`` while it sleeps."""
        if not self._call.done:
            raise WouldSleep(f"{self._call.name} of task {self._call.task.pid} sleeps")
        return self._call.outcome()

    def __repr__(self) -> str:
        return f"<{self._call.name} of task {self._call.task.pid}: {self.stat()['state']}>"

"""Requests to the ring itself, named as liburing names them without ``io_uring_prep_``: polls, timeouts, messages.

Times are in seconds: of CLOCK_MONOTONIC, unless the flags name another clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from usernel.abi import io_uring_op as op
from usernel.kernel.io_uring.sqe import Nanoseconds

from .prep import Prepares
from .prep_paths import slot

NSEC: Final = 10**9


def nanoseconds(seconds: float) -> Nanoseconds:
    """A time as an entry has it."""
    return Nanoseconds(round(seconds * NSEC))


class RingRequests(Prepares):
    """What waits, ends others, or tells another ring."""

    __slots__ = ()

    # polls

    def poll_add(self, fd: int, poll_mask: int, *, user_data: int | None = None, flags: int = 0) -> int:
        """Wait until a file is ready (poll(2)). The result is what it is ready for."""
        return self.prep_rw(op.IORING_OP_POLL_ADD, fd, rw_flags=poll_mask, user_data=user_data, flags=flags)

    def poll_multishot(self, fd: int, poll_mask: int, *, user_data: int | None = None, flags: int = 0) -> int:
        """A completion each time a file becomes ready (IORING_CQE_F_MORE)."""
        return self.prep_rw(
            op.IORING_OP_POLL_ADD, fd, 0, op.IORING_POLL_ADD_MULTI, 0, poll_mask, user_data, flags
        )  # fmt: skip

    def poll_remove(self, target: int, *, user_data: int | None = None, flags: int = 0) -> int:
        """End the poll of this user_data. ENOENT, EALREADY."""
        return self.prep_rw(op.IORING_OP_POLL_REMOVE, -1, target, user_data=user_data, flags=flags)

    def poll_update(
        self, target: int, new_user_data: int | None = None, poll_mask: int | None = None, *, multishot: bool = False,
        user_data: int | None = None, flags: int = 0,
    ) -> int:  # fmt: skip
        """Change what a poll waits for, or its user_data."""
        how = op.IORING_POLL_ADD_MULTI if multishot else 0
        how |= 0 if new_user_data is None else op.IORING_POLL_UPDATE_USER_DATA
        how |= 0 if poll_mask is None else op.IORING_POLL_UPDATE_EVENTS
        return self.prep_rw(
            op.IORING_OP_POLL_REMOVE, -1, target, how, new_user_data or 0, poll_mask or 0, user_data, flags
        )  # fmt: skip

    def epoll_ctl(
        self, epfd: int, fd: int, operation: int, event: tuple[int, int] | None = None, *,
        user_data: int | None = None, flags: int = 0,
    ) -> int:  # fmt: skip
        """epoll_ctl(2); ``event`` is (events, data)."""
        return self.prep_rw(op.IORING_OP_EPOLL_CTL, epfd, event or 0, operation, fd, 0, user_data, flags)

    # timeouts

    def timeout(
        self, seconds: float, count: int = 0, timeout_flags: int = 0, *, user_data: int | None = None, flags: int = 0
    ) -> int:
        """Complete after so long (ETIME), or after ``count`` completions (0)."""
        return self.prep_rw(
            op.IORING_OP_TIMEOUT, -1, nanoseconds(seconds), 1, count, timeout_flags, user_data, flags
        )  # fmt: skip

    def timeout_remove(self, target: int, *, user_data: int | None = None, flags: int = 0) -> int:
        """End the timeout of this user_data. ENOENT."""
        return self.prep_rw(op.IORING_OP_TIMEOUT_REMOVE, -1, target, user_data=user_data, flags=flags)

    def timeout_update(
        self, seconds: float, target: int, timeout_flags: int = 0, *, user_data: int | None = None, flags: int = 0
    ) -> int:
        """Give the timeout of this user_data another time."""
        timeout_flags |= op.IORING_TIMEOUT_UPDATE
        return self.prep_rw(
            op.IORING_OP_TIMEOUT_REMOVE, -1, target, 0, nanoseconds(seconds), timeout_flags, user_data, flags
        )  # fmt: skip

    def link_timeout(
        self, seconds: float, timeout_flags: int = 0, *, user_data: int | None = None, flags: int = 0
    ) -> int:
        """Cancel the request that it is linked to, unless that ends in time."""
        return self.prep_rw(
            op.IORING_OP_LINK_TIMEOUT, -1, nanoseconds(seconds), 1, 0, timeout_flags, user_data, flags
        )  # fmt: skip

    # cancellation

    def cancel(self, target: int, cancel_flags: int = 0, *, user_data: int | None = None, flags: int = 0) -> int:
        """Cancel the request of this user_data. ENOENT, EALREADY for one that runs."""
        return self.prep_rw(op.IORING_OP_ASYNC_CANCEL, -1, target, 0, 0, cancel_flags, user_data, flags)

    def cancel_fd(self, fd: int, cancel_flags: int = 0, *, user_data: int | None = None, flags: int = 0) -> int:
        """Cancel a request on this file; all of them with IORING_ASYNC_CANCEL_ALL."""
        cancel_flags |= op.IORING_ASYNC_CANCEL_FD
        return self.prep_rw(op.IORING_OP_ASYNC_CANCEL, fd, 0, 0, 0, cancel_flags, user_data, flags)

    # buffers and files of the ring

    def provide_buffers(
        self, buf: Any, size: int, count: int, bgid: int, bid: int = 0, *, user_data: int | None = None, flags: int = 0
    ) -> int:
        """Put ``count`` buffers of ``size`` bytes each, one after the other in ``buf``, into a group."""
        return self.prep_rw(op.IORING_OP_PROVIDE_BUFFERS, count, buf, size, bid, 0, user_data, flags, bgid)

    def remove_buffers(self, count: int, bgid: int, *, user_data: int | None = None, flags: int = 0) -> int:
        """Take buffers out of a group. The result is how many there were. ENOENT."""
        return self.prep_rw(op.IORING_OP_REMOVE_BUFFERS, count, user_data=user_data, flags=flags, buf_index=bgid)

    def files_update(self, fds: Sequence[int], offset: int, *, user_data: int | None = None, flags: int = 0) -> int:
        """Replace registered files from a slot on; -1 empties one. The result is how many."""
        return self.prep_rw(op.IORING_OP_FILES_UPDATE, -1, fds, len(fds), offset, 0, user_data, flags)

    # other rings

    def msg_ring(
        self, fd: int, length: int, data: int, msg_flags: int = 0, *, user_data: int | None = None, flags: int = 0
    ) -> int:
        """Post a completion to the ring of this descriptor: ``length`` is its result, ``data`` its user_data."""
        return self.prep_rw(op.IORING_OP_MSG_RING, fd, op.IORING_MSG_DATA, length, data, msg_flags, user_data, flags)

    def msg_ring_fd(
        self, fd: int, source: int, target: int, data: int, msg_flags: int = 0, *,
        user_data: int | None = None, flags: int = 0,
    ) -> int:  # fmt: skip
        """Send a registered file to a slot of another ring, which is told by a completion."""
        return self.prep_rw(
            op.IORING_OP_MSG_RING, fd, op.IORING_MSG_SEND_FD, 0, data, msg_flags, user_data, flags, 0, slot(target),
            source,
        )  # fmt: skip

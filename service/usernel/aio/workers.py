"""io-wq: threads that do what may sleep (``io_uring/io-wq.c``).

Two accounts, each with its own limit: bounded workers for regular files, unbounded ones for what may sleep without end.
Threads start on demand and end when they were idle for a while. Work on one file (``hash_key``) is done in its order.
"""

from __future__ import annotations

import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Hashable
from itertools import count
from queue import Empty, SimpleQueue
from time import monotonic
from typing import Any, Final

from usernel.abi.errno import Errno

from .interrupt_unsafe import Interrupts

IDLE_S: Final = 5.0
"""How long a worker waits for work before it ends (WORKER_IDLE_TIMEOUT)."""
NAMES: Final = count()


class Work:
    """One job on its way: whose it is, what to do, and which thread of the system (tid) is at it."""

    __slots__ = ("account", "ended", "hash_key", "job", "owner", "thread")

    def __init__(self, owner: Hashable, job: Any, account: Account, hash_key: Hashable | None) -> None:
        self.owner = owner
        self.job = job
        self.account = account
        self.hash_key = hash_key
        self.thread: int | None = None
        self.ended = False
        """Whether it was taken back, or done."""


class Account:
    """The workers of one kind, and what waits for them (``struct io_wq_acct``)."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.queue: SimpleQueue[Work | None] = SimpleQueue()
        self.threads: set[threading.Thread] = set()
        self.unfinished = 0
        """Work that is queued or being done, without what waits for another of its file."""

    def stat(self) -> dict[str, int]:
        """How many there may be, and are."""
        return {"limit": self.limit, "workers": len(self.threads), "unfinished": self.unfinished}


class Workers:
    """The workers of a ring, or of all rings of a program.

    ``run(job)`` is called on a worker, then ``done(owner, result)``; what ``run`` raises is a bug: it is told to
    ``threading.excepthook``, and the result is -EIO.
    """

    def __init__(
        self, run: Callable[[Any], Any], done: Callable[[Any, Any], None], *, bounded: int, unbounded: int
    ) -> None:
        self._run = run
        self._done = done
        self._lock = threading.Lock()
        self._bounded, self._unbounded = Account(bounded), Account(unbounded)
        self._work: dict[Hashable, Work] = {}
        self._hashed: dict[Hashable, deque[Work]] = {}
        self._cpus: frozenset[int] | None = None
        self._interrupts = Interrupts()
        self._closed = False
        self._left: list[str] = []

    def queue(self, owner: Hashable, job: Any, *, bound: bool, hash_key: Hashable | None = None) -> None:
        """Have a job done. ``owner`` has one at a time."""
        account = self._bounded if bound else self._unbounded
        work = Work(owner, job, account, hash_key)
        with self._lock:
            if self._closed:
                raise RuntimeError("the workers have been closed")
            self._work[owner] = work
            if hash_key is not None:
                waiting = self._hashed.get(hash_key)
                if waiting is not None:
                    waiting.append(work)
                    return
                self._hashed[hash_key] = deque()
            account.unfinished += 1
            account.queue.put(work)
            try:
                self._staff(account)
            except RuntimeError:
                # No thread can be had, and none is there that would come to it.
                work.ended = True
                del self._work[owner]
                self._done(owner, -Errno.EAGAIN)

    def cancel(self, owner: Hashable) -> bool:
        """Take a job back: True where it has not begun, and never will."""
        with self._lock:
            work = self._work.get(owner)
            if work is None or work.thread is not None:
                return False
            work.ended = True
            del self._work[owner]
            return True

    def interrupt(self, owner: Hashable) -> None:
        """Interrupt a job that is being done, if its system call lets itself be interrupted."""
        with self._lock:
            work = self._work.get(owner)
        if work is not None and work.thread is not None:
            self._interrupts.add(work)

    def limit(self, bounded: int, unbounded: int) -> tuple[int, int]:
        """How many there may be of each kind until now, and from now on; 0: no others."""
        with self._lock:
            before = self._bounded.limit, self._unbounded.limit
            for account, limit in ((self._bounded, bounded), (self._unbounded, unbounded)):
                account.limit = limit or account.limit
                self._staff(account)
        return before

    def bind(self, cpus: frozenset[int] | None) -> None:
        """Bind the workers to CPUs; None: to all that the program may use. OSError."""
        allowed = cpus if cpus is not None else frozenset(os.sched_getaffinity(0))
        with self._lock:
            for thread in self._bounded.threads | self._unbounded.threads:
                if thread.native_id is not None:
                    os.sched_setaffinity(thread.native_id, allowed)
            self._cpus = cpus

    def stat(self) -> dict[str, Any]:
        """How many workers there are, and the names of those that were left behind."""
        with self._lock:
            return {"bounded": self._bounded.stat(), "unbounded": self._unbounded.stat(), "left_behind": [*self._left]}

    def close(self, timeout: float) -> list[str]:
        """End the workers. One whose job does not end in time is left behind: the names of these."""
        until = monotonic() + timeout
        with self._lock:
            self._closed = True
            threads = self._bounded.threads | self._unbounded.threads
            for account in (self._bounded, self._unbounded):
                for _thread in account.threads:
                    account.queue.put(None)
            running = [work for work in self._work.values() if work.thread is not None]
        for work in running:
            self._interrupts.add(work)
        for thread in threads - {threading.current_thread()}:
            thread.join(max(until - monotonic(), 0))
        self._interrupts.close()
        self._left = [thread.name for thread in threads if thread.is_alive()]
        return self._left

    # ---------------------------------------------------------------------------------------------------- the threads

    def _staff(self, account: Account) -> None:
        while len(account.threads) < min(account.limit, account.unfinished):
            kind = "usernel-wrk" if account is self._bounded else "usernel-wrk-unbound"
            thread = threading.Thread(target=self._work_on, args=(account,), name=f"{kind}-{next(NAMES)}", daemon=True)
            account.threads.add(thread)
            try:
                thread.start()
            except RuntimeError:
                account.threads.discard(thread)
                if account.threads:
                    return  # those that there are will come to it
                raise

    def _work_on(self, account: Account) -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals() - {signal.SIGURG})
        if self._cpus is not None:
            os.sched_setaffinity(threading.get_native_id(), self._cpus)
        while True:
            try:
                work = account.queue.get(timeout=IDLE_S)
            except Empty:
                work = None
            if work is None:
                if self._leave(account):
                    return
                continue
            while work is not None:
                self._do(work)
                work = self._next_of(work)

    def _leave(self, account: Account) -> bool:
        with self._lock:
            if not account.queue.empty() and not self._closed:
                return False
            account.threads.discard(threading.current_thread())
            return True

    def _do(self, work: Work) -> None:
        with self._lock:
            if work.ended:
                return
            work.thread = threading.get_native_id()
        try:
            result = self._run(work.job)
        except Exception as error:  # noqa: BLE001 - a bug; whoever waits for the result is not to wait for ever
            threading.excepthook(threading.ExceptHookArgs((type(error), error, error.__traceback__, None)))
            result = -Errno.EIO
        with self._lock:
            work.ended = True
            del self._work[work.owner]
        self._done(work.owner, result)

    def _next_of(self, work: Work) -> Work | None:
        with self._lock:
            if work.hash_key is not None:
                waiting = self._hashed[work.hash_key]
                if waiting:
                    return waiting.popleft()
                del self._hashed[work.hash_key]
            work.account.unfinished -= 1
            return None

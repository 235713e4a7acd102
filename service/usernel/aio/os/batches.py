"""An iterator whose next items may sleep: a worker fetches them, many at a time."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from itertools import islice
from types import TracebackType
from typing import Any, Final, Generic, TypeVar

from ..loop import attach

T = TypeVar("T")
BATCH: Final = 1024
"""Items that are fetched at a time."""


class Batches(AsyncIterator[T], Generic[T]):
    """The items of an iterator that is made, and asked, by a worker.

    ``async for`` begins it; so do ``async with`` and ``await``, which raise what making it raises. Awaited, it is an
    iterator of the plain kind as well: one that sleeps where another batch must be fetched. It is closed at its end,
    by ``close``, by leaving a ``with``, and when nobody has it any more.
    """

    def __init__(self, make: Callable[[], Iterator[T]]) -> None:
        self._make: Callable[[], Iterator[T]] | None = make
        self._iterator: Any = None
        self._ready: deque[T] = deque()
        self._error: Exception | None = None
        self._over = False
        self._in_flight = 0

    # ---------------------------------------------------------------------------------------------- what a worker does

    def _fetch(self) -> None:
        """Get the next items. What is raised is kept, behind those that came before."""
        if self._over:
            return
        try:
            if self._make is not None:
                make, self._make = self._make, None
                self._iterator = make()
            before = len(self._ready)
            self._ready.extend(islice(self._iterator, BATCH))
            self._over = len(self._ready) < before + BATCH
        except Exception as error:  # noqa: BLE001 - it is raised where the items are wanted
            self._error, self._over = error, True

    # -------------------------------------------------------------------------------------------------- asynchronously

    async def _more(self) -> None:
        self._in_flight += 1
        try:
            # Those of one iterator go in order: it is never asked by two threads at once.
            await attach().call(self._fetch, hash_key=self)
        finally:
            self._in_flight -= 1
            self._tidy()

    def __await__(self) -> Generator[Any, None, Batches[T]]:
        return self._begun().__await__()

    async def _begun(self) -> Batches[T]:
        if self._make is not None and not self._over:
            try:
                await self._more()
            except asyncio.CancelledError:
                self.close()
                raise
        if self._error is not None and not self._ready:
            self._raise()
        return self

    def __aiter__(self) -> Batches[T]:
        return self

    async def __anext__(self) -> T:
        while not self._ready:
            if self._over:
                self._raise()
                raise StopAsyncIteration
            await self._more()
        return self._ready.popleft()

    async def __aenter__(self) -> Batches[T]:
        return await self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    async def aclose(self) -> None:
        """Close it."""
        self.close()

    # --------------------------------------------------------------------------------------------------- synchronously

    def __iter__(self) -> Batches[T]:
        return self

    def __next__(self) -> T:
        if not self._ready and not self._over:
            if self._make is not None or self._in_flight:
                raise RuntimeError("await it first")
            self._fetch()
            self._tidy()
        if self._ready:
            return self._ready.popleft()
        self._raise()
        raise StopIteration

    def __enter__(self) -> Batches[T]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Have no more of it. A batch that is being fetched is the last."""
        self._over = True
        self._ready.clear()
        self._error = None
        self._tidy()

    # ------------------------------------------------------------------------------------------------------------- end

    def _raise(self) -> None:
        error, self._error = self._error, None
        try:
            if error is not None:
                raise error
        finally:
            del error  # its traceback has this frame, and with it the iterator

    def _tidy(self) -> None:
        if self._over and not self._in_flight:
            self._end()

    def _end(self) -> None:
        iterator, self._iterator = self._iterator, None
        close = getattr(iterator, "close", None)
        if close is not None:
            close()

    def __del__(self) -> None:
        self._end()

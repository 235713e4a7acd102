"""anyio's calls on files, sent through the ring as those of asyncio's own thread pool are.

anyio has worker threads of its own, so ``install`` puts itself before them, for loops of ours; calls that are not
routed, and other loops, go to them as before. anyio's files and paths gain by it, and so do Starlette's FileResponse
and StaticFiles. Where nothing might sleep, a call is no point at which anyio switches tasks; it is one at which it
cancels.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import copy_context
from functools import partial, wraps
from typing import Any, Final, cast

from .loop import EventLoop
from .routing import Router

OPENER: Final = 7
"""Which of ``open``'s arguments is the program's own function: that may call back into the loop, by anyio's threads."""
TEMPORARY: Final = "anyio._core._tempfile"
"""Where anyio's temporary files are: a function of that module makes one, and does no more."""
ORIGINAL: Final = "usernel_original"
NAME: Final = "run_sync_in_worker_thread"


def install() -> None:
    """From now on anyio's calls on files go through the ring of the loop, where that is one of ours. ImportError."""
    backend, before = _backend()
    if not hasattr(before, ORIGINAL):
        setattr(backend, NAME, classmethod(_routed(before)))


def uninstall() -> None:
    """From now on they do not. ImportError."""
    backend, before = _backend()
    original = getattr(before, ORIGINAL, None)
    if original is not None:
        setattr(backend, NAME, classmethod(original))


def _backend() -> tuple[Any, Callable[..., Awaitable[Any]]]:
    from anyio._backends._asyncio import AsyncIOBackend  # noqa: PLC0415 - it is an extra, and heavy

    return AsyncIOBackend, vars(AsyncIOBackend)[NAME].__func__


def _routed(original: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    @wraps(original)
    async def run_sync_in_worker_thread(
        cls: Any, func: Callable[..., Any], args: tuple[Any, ...], abandon_on_cancel: bool = False, limiter: Any = None
    ) -> Any:
        loop = asyncio.get_running_loop()
        router = loop.router if isinstance(loop, EventLoop) else None
        if router is None or not _is_routed(router, func, args):
            return await original(cls, func, args, abandon_on_cancel=abandon_on_cancel, limiter=limiter)
        await cls.checkpoint_if_cancelled()
        called = partial(copy_context().run, func, *args)
        if limiter is None:
            return await _awaited(router, called, abandon_on_cancel)
        await _acquired(limiter)
        try:
            return await _awaited(router, called, abandon_on_cancel)
        finally:
            limiter.release()

    setattr(run_sync_in_worker_thread, ORIGINAL, original)
    return run_sync_in_worker_thread


def _is_routed(router: Router, func: Callable[..., Any], args: tuple[Any, ...]) -> bool:
    if func is open and any(args[OPENER:]):
        router.handed_on += 1
        return False
    return _makes_temporary(func) or router.knows(func, args)


def _makes_temporary(func: Callable[..., Any]) -> bool:
    return getattr(func, "__module__", None) == TEMPORARY


def _begun(router: Router, called: partial[Any]) -> asyncio.Future[Any]:
    if not _makes_temporary(called.args[0]):
        future = router.route(called, ())
        if future is None:
            raise AssertionError("what is known is not handed on")
        return future
    loop = cast("EventLoop", asyncio.get_running_loop())
    future = loop.create_future()
    router.punted += 1
    loop.ring.call_soon(called, future)
    return future


async def _acquired(limiter: Any) -> None:
    """Take a token, at once where there is one."""
    from anyio import WouldBlock  # noqa: PLC0415 - as above

    try:
        limiter.acquire_nowait()
    except WouldBlock:
        await limiter.acquire()


async def _awaited(router: Router, called: partial[Any], abandon_on_cancel: bool) -> Any:
    future = _begun(router, called)
    if future.done():
        return future.result()
    from anyio import CancelScope  # noqa: PLC0415 - as above

    with CancelScope(shield=not abandon_on_cancel):
        return await future

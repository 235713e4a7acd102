"""A command's stay with the service: connect, act, and say in a sentence what went wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from .failure import Failure, Unreachable
from .options import Options

if TYPE_CHECKING:
    from usernel_client.client import Actor

INTERRUPTED = 130
"""What a shell reports of a program that Ctrl-C ended."""


def run(options: Options, act: Callable[[Actor], Awaitable[None]]) -> None:
    """Connect, let ``act`` act, disconnect. Failure; Ctrl-C ends it quietly."""
    try:
        _run(options, act)
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPTED) from None


def _run(options: Options, act: Callable[[Actor], Awaitable[None]]) -> None:
    from usernel_client import ConnectionLost, KernelError, ProtocolError

    try:
        asyncio.run(_connected(options, act))
    except KernelError as error:
        raise Failure(options, error.detail, errno=error.errno, errno_name=error.name) from None
    except ProtocolError as error:
        raise Failure(options, error.detail, status=error.status) from None
    except ConnectionLost as error:
        raise Unreachable(options, str(error)) from None
    except TimeoutError as error:
        raise Failure(options, str(error) or "the time limit was reached") from None


async def _connected(options: Options, act: Callable[[Actor], Awaitable[None]]) -> None:
    from usernel_client import Client

    async with Client(options.url, token=options.token) as client:
        await act(client if options.task is None else client.task(options.task))

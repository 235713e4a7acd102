"""A command's stay with the service: connect, act, and say in a sentence what went wrong."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import click

from .options import Options

if TYPE_CHECKING:
    from usernel_client.client import Actor

INTERRUPTED = 130
"""What a shell reports of a program that Ctrl-C ended."""


class Failure(click.ClickException):
    """A sentence on stderr, or with ``--json`` an object, and the exit status 1."""

    def __init__(self, options: Options, detail: str, **more: Any) -> None:
        super().__init__(detail)
        self._shown = {**more, "detail": detail}
        self._json = options.json

    def show(self, file: Any = None) -> None:
        """Print it."""
        if self._json:
            click.echo(json.dumps(self._shown), file=file, err=True)
            return
        name = self._shown.get("errno_name")
        click.echo(f"usernel: {f'{name}: ' if name else ''}{self.message}", file=file, err=True)


class Unreachable(Failure):
    """No service answers: the exit status 3."""

    exit_code = 3


def run(options: Options, act: Callable[[Actor], Awaitable[None]]) -> None:
    """Connect, let ``act`` act, disconnect. Failure; Ctrl-C ends it quietly."""
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
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPTED) from None


async def _connected(options: Options, act: Callable[[Actor], Awaitable[None]]) -> None:
    from usernel_client import Client

    async with Client(options.url, token=options.token) as client:
        await act(client if options.task is None else client.task(options.task))

"""Run a command of this machine while a task of the service lives: what it runs of usernel acts as that task."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from .failure import Refused
from .options import Options
from .session import run

if TYPE_CHECKING:
    from usernel_client.client import Actor

NOT_FOUND = 127
KILLED = 128


def run_as(options: Options, prepare: Callable[[Actor], Awaitable[int]], command: Sequence[str]) -> None:
    """Prepare a task, run the command, and end as it does."""
    status = 0

    async def act(actor: Actor) -> None:
        nonlocal status
        status = await _run(options, await prepare(actor), command)

    run(options, act)
    sys.exit(status)


async def _run(options: Options, pid: int, command: Sequence[str]) -> int:
    given = {"USERNEL_URL": options.url, "USERNEL_TOKEN": options.token, "USERNEL_TASK": str(pid)}
    environ = os.environ | {name: value for name, value in given.items() if value is not None}
    try:
        process = await asyncio.create_subprocess_exec(*command, env=environ)
    except OSError as error:
        raise Refused(f"{command[0]} cannot be run: {error.strerror}") from None
    returned = await process.wait()
    return returned if returned >= 0 else KILLED - returned

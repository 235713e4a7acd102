"""Running a program on a loop with a ring."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine
from typing import Any, TypeVar

from .loop import EventLoop, new_event_loop

T = TypeVar("T")


def run(main: Coroutine[Any, Any, T], *, debug: bool | None = None, route: bool = True) -> T:
    """Run a coroutine to its end on a new loop, as ``asyncio.run`` does."""
    with asyncio.Runner(debug=debug, loop_factory=lambda: new_event_loop(route=route)) as runner:
        return runner.run(main)


if sys.version_info < (3, 16):

    class EventLoopPolicy(asyncio.DefaultEventLoopPolicy):
        """The policy whose loops have rings. asyncio's policies are deprecated: prefer ``new_event_loop``."""

        def new_event_loop(self) -> EventLoop:
            """A new loop."""
            return new_event_loop()

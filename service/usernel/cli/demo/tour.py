"""The steps of the tour: what is done, what it answered, and whether that is right."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from usernel.cli.show import console, printable
from usernel_client import KernelError

DEADLINE: Final = 10.0
POLL: Final = 0.01


@dataclass(frozen=True, slots=True)
class Step:
    """One thing shown."""

    chapter: str
    does: str
    answer: str
    right: bool
    expected: str

    def stat(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "chapter": self.chapter, "does": self.does, "answer": self.answer, "expected": self.expected,
            "right": self.right,
        }  # fmt: skip


class Tour:
    """Where the service is, and what was shown so far."""

    def __init__(self, *, quiet: bool) -> None:
        self.url = ""
        self.steps: list[Step] = []
        self._chapter = ""
        self._quiet = quiet
        self._console = console()

    @property
    def wrong(self) -> int:
        """How many answers were not what they should be."""
        return sum(not step.right for step in self.steps)

    def open(self, url: str) -> None:
        """The service is there."""
        self.url = url
        self._print(f"[dim]a service of its own, at {url}, gone with this command[/dim]")

    def chapter(self, title: str) -> None:
        """A new chapter."""
        self._chapter = title
        self._print(f"\n[bold]{title}[/bold]")

    def show(self, does: str, answer: object, expected: object) -> None:
        """One step: what was done, what it answered, what it should answer."""
        step = Step(self._chapter, does, printable(str(answer)), answer == expected, printable(str(expected)))
        self.steps.append(step)
        mark = "[green]✓[/green]" if step.right else "[red]✗[/red]"
        self._print(f"  {mark} {_plain(does)}")
        self._print(f"      [cyan]{_plain(step.answer)}[/cyan]")
        if not step.right:
            self._print(f"      [red]expected: {_plain(step.expected)}[/red]")

    def text(self, text: str) -> None:
        """Something to read, as it is."""
        for line in text.splitlines():
            self._print(f"      [dim]{_plain(line)}[/dim]")

    def close(self, seconds: float) -> None:
        """The end."""
        count = len(self.steps)
        outcome = "[green]all as Linux answers[/green]" if not self.wrong else f"[red]{self.wrong} wrong[/red]"
        self._print(f"\n{count} results in {seconds:.1f} s, {outcome}")

    def _print(self, line: str) -> None:
        if not self._quiet:
            self._console.print(line)

    async def command(self, *words: str) -> asyncio.subprocess.Process:
        """The ``usernel`` command in a process of its own, talking to this service."""
        environ = {**os.environ, "USERNEL_URL": self.url}
        environ.pop("USERNEL_TOKEN", None)
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "usernel.cli", *words, stdout=asyncio.subprocess.PIPE, env=environ
        )


def _plain(text: str) -> str:
    return text.replace("[", r"\[")


async def errno_of(awaitable: Awaitable[Any]) -> str:
    """The name of the errno that a call ends with; what it returned, where it does not fail."""
    try:
        return f"returned {await awaitable!r}"
    except KernelError as error:
        return error.name


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait until something is so. TimeoutError."""
    async with asyncio.timeout(DEADLINE):
        while not await condition():  # noqa: ASYNC110 - what is waited for is another process
            await asyncio.sleep(POLL)


async def output_of(process: asyncio.subprocess.Process) -> str:
    """What a process printed until its end."""
    printed, _ = await process.communicate()
    return printed.decode().rstrip("\n")

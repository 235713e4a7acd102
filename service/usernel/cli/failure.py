"""How a command fails: one sentence on stderr, and an exit status."""

from __future__ import annotations

import json
from typing import Any

import click

from .options import Options


class Refused(click.ClickException):
    """A command that cannot be done: a sentence on stderr, and the exit status 1."""

    def show(self, file: Any = None) -> None:
        """Print it."""
        click.echo(f"usernel: {self.message}", file=file, err=True)


class Failure(Refused):
    """What went wrong with the service; with ``--json`` as an object."""

    def __init__(self, options: Options, detail: str, **more: Any) -> None:
        super().__init__(f"{more['errno_name']}: {detail}" if "errno_name" in more else detail)
        self._shown = {**more, "detail": detail}
        self._json = options.json

    def show(self, file: Any = None) -> None:
        """Print it."""
        if self._json:
            click.echo(json.dumps(self._shown), file=file, err=True)
        else:
            super().show(file)


class Unreachable(Failure):
    """No service answers: the exit status 3."""

    exit_code = 3

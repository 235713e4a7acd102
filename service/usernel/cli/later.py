"""Commands that have a name already and no work yet: they say so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import click

from .failure import Refused

LATER: Final[Mapping[str, str]] = {
    "files": "files",
    "fanotify": "fanotify",
    "watch": "watching files",
    "approvals": "permission events",
    "token": "more than one token",
}


def later(name: str, what: str) -> click.Command:
    """A command that fails with a sentence."""

    @click.command(name, hidden=True, add_help_option=False, context_settings={"ignore_unknown_options": True})
    @click.argument("words", nargs=-1)
    def command(words: tuple[str, ...]) -> None:
        del words
        raise Refused(f"`usernel {name}`: this version does not do {what} yet")

    return command

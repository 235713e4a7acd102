"""How the bytes of a file are text, and what becomes of that when it is told otherwise."""

from __future__ import annotations

import io
from types import EllipsisType
from typing import Any, NamedTuple

NewLine = str | EllipsisType | None
"""A newline to be told of; None is one, too, and ``...`` is none."""


class Text(NamedTuple):
    """How bytes are text."""

    encoding: str
    errors: str
    newline: str | None
    line_buffering: bool
    mode: str
    write_through: bool = False


class Beneath(io.BytesIO):
    """What is beneath a text file of Python's; it knows whether that came to flush it."""

    def __init__(self) -> None:
        super().__init__()
        self.flushed = False

    def flush(self) -> None:
        """Note it."""
        self.flushed = True


class Change(NamedTuple):
    """What a text file of Python's did when it was told to change."""

    text: Text | None
    """How bytes are text since it was flushed; None where it refused before that."""
    recoded: bool
    """Whether it began to encode and to decode anew."""
    error: Exception | None
    """What it raised, before it was flushed or afterwards."""


def changed(text: Text, told: dict[str, Any], newline: NewLine, *, begun: bool) -> Change:
    """Ask Python's own, which has an order in which it looks at things, and in which it changes them.

    ``begun``: whether some text of what was decoded last is there, be it used up.
    """
    named = told if newline is ... else {**told, "newline": newline}
    beneath = Beneath()
    python = io.TextIOWrapper(beneath, text.encoding, text.errors, text.newline, text.line_buffering)
    python.reconfigure(write_through=text.write_through)
    if begun:
        python.read(1)
    beneath.flushed, error = False, None
    try:
        python.reconfigure(**named)
    except Exception as raised:  # noqa: BLE001 - whatever it is, it is what is to be raised
        error = raised.with_traceback(None)  # which has this frame
    if not beneath.flushed:
        return Change(None, recoded=False, error=error)
    after = Text(
        python.encoding,
        python.errors or "strict",
        text.newline if newline is ... else newline,
        python.line_buffering,
        text.mode,
        python.write_through,
    )
    recoded = newline is not ... or any(told[name] is not None for name in ("encoding", "errors"))
    return Change(after, recoded and error is None, error)

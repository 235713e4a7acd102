"""Driving all that a file object offers, one after the other, each on a file that was just opened."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from .twice import Steps

Driven = set[tuple[type, str]]
"""What has given something and not only raised, by the class and the name."""
Arguments = Mapping[str, list[Callable[[bool], tuple[Any, ...]]]]
"""What methods are called with, where it is not nothing; each is told whether the file is of bytes."""
NUMBERED = {"fileno", "name"}
"""What is a number or a name that is another each time."""


def public(cls: type) -> list[str]:
    """The names that it offers."""
    return [name for name in dir(cls) if not name.startswith("_")]


def everything(classes: Iterable[type]) -> Driven:
    """All that there is to drive."""
    return {(cls, name) for cls in classes for name in public(cls)}


def _text(binary: bool, text: str) -> Any:
    return text.encode() if binary else text


ARGUMENTS: Arguments = {
    **{key: [lambda _: (), lambda _: (5,)] for key in ("read", "read1", "peek", "readline")},
    **{key: [lambda _: (bytearray(5000),), lambda _: (bytearray(),)] for key in ("readinto", "readinto1")},
    "readlines": [lambda _: (), lambda _: (30,)],
    "seek": [lambda _: (7,), lambda _: (0, 2)],
    "truncate": [lambda _: (), lambda _: (4,)],
    "write": [lambda binary: (_text(binary, "some\n"),), lambda binary: (_text(binary, "more") * 4000,)],
    "writelines": [lambda binary: ([_text(binary, "one\n"), _text(binary, "two\n")],)],
}


async def drive(steps: Steps, opens: Callable[[], Awaitable[Any]], driven: Driven, *, binary: bool) -> None:
    """Use each thing that a kind of file offers; then look where the file is, and close it."""
    file = await opens()
    cls = type(file)
    await _leave(steps, file)
    for name in public(cls):
        for arguments in ARGUMENTS.get(name, [lambda _: ()]):
            file, args = await opens(), arguments(binary)
            steps.note(cls, name, *args)
            found, well = await _used(steps, file, name, args)
            if well:
                driven.add((cls, name))
            steps.note(*(bytes(arg) for arg in args if isinstance(arg, bytearray)))
            await _leave(steps, file)
            if name == "detach" and well:
                found.close()


async def _used(steps: Steps, file: Any, name: str, args: tuple[Any, ...]) -> tuple[Any, bool]:
    """What a thing is, or gives when it is called; and whether it is there and does not raise."""
    try:
        found = getattr(file, name)
        if inspect.isroutine(found):
            found = found(*args)
        if inspect.isawaitable(found):
            found = await found
    except Exception as error:  # noqa: BLE001 - whatever it is, it is compared
        steps.note(type(error), str(error))
        return None, False
    steps.note(type(found) if name in NUMBERED else found)
    return found, True


async def _leave(steps: Steps, file: Any) -> None:
    for name, args in (("tell", ()), ("read", (3,)), ("aclose", ()), ("close", ())):
        if hasattr(type(file), name):
            await _used(steps, file, name, args)

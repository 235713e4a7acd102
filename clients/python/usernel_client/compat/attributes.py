"""Attributes of classes that stand in for classes written in C, with the same refusals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, Self, TypeVar, overload

T = TypeVar("T")


class Attribute(Generic[T]):
    """An attribute that is asked for when it is read; with ``write`` it can be set, else AttributeError.

    ``member``: the package keeps it as a member of a C structure, whose refusal has other words.
    """

    def __init__(
        self, read: Callable[[Any], T], write: Callable[[Any, T], None] | None = None, *, member: bool = False,
        doc: str | None = None,
    ) -> None:  # fmt: skip
        self._read = read
        self._write = write
        self._member = member
        self._name = ""
        self.__doc__ = doc or read.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...

    @overload
    def __get__(self, instance: object, owner: type) -> T: ...

    def __get__(self, instance: object | None, owner: type) -> Self | T:
        return self if instance is None else self._read(instance)

    def __set__(self, instance: object, value: T) -> None:
        if self._write is None:
            raise AttributeError(self._refusal(type(instance)))
        self._write(instance, value)

    def _refusal(self, owner: type) -> str:
        if self._member:
            return "readonly attribute"
        return f"attribute '{self._name}' of '{owner.__module__}.{owner.__qualname__}' objects is not writable"


def member(read: Callable[[Any], T]) -> Attribute[T]:
    """Decorate what the package keeps as a member of a C structure."""
    return Attribute(read, member=True)

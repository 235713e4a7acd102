"""What arguments and results are made of. A kind parses what a door was given and spells what a door gives back.

Values come as JSON and MessagePack know them (numbers, strings, lists, mappings, bytes) or as Python programs write
them; ``parse`` turns them into what the kernel takes. A value that has no meaning as this kind is a
``BadArgument``: a protocol error, which the kernel never sees. A value that the kernel refuses is left to the kernel.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from reprlib import repr as brief  # a value from outside may be long, or nested without end
from typing import Any, Final

from usernel.abi.names import Names


class BadArgument(ValueError):  # noqa: N818 - it is the caller's argument that is bad
    """A value of the wrong shape: the caller's mistake, before there is a call."""


class Kind:
    """What one argument or field is. ``plain`` says that values come out as they are (``spell`` changes nothing)."""

    __slots__ = ()

    @property
    def plain(self) -> bool:
        """Whether ``spell`` is the identity."""
        return True

    def parse(self, value: Any) -> Any:
        """The kernel's value. Raises ``BadArgument``."""
        raise NotImplementedError

    def spell(self, value: Any) -> Any:
        """The value as the doors write it."""
        return value


FITS_EVERY_INTEGER: Final = 1 << 31


@dataclass(frozen=True, slots=True)
class Integer(Kind):
    """A C integer of ``bits`` bits. Both ways to write a bit pattern are taken: -1 and 0xffffffff are one ``int``."""

    c_type: str
    bits: int
    signed: bool = True

    def parse(self, value: Any) -> int:
        """The number, in the range of the C type."""
        if type(value) is int and 0 <= value < FITS_EVERY_INTEGER:
            return value
        if isinstance(value, bool) or not isinstance(value, int):
            raise BadArgument(f"{brief(value)} is not a number")
        number = int(value)
        half = 1 << (self.bits - 1)
        if not -half <= number < 2 * half:
            raise BadArgument(f"{number} does not fit into a C {self.c_type}")
        if self.signed:
            return number - 2 * half if number >= half else number
        return number + 2 * half if number < 0 else number


INT: Final = Integer("int", 32)
UINT: Final = Integer("unsigned int", 32, signed=False)
LONG: Final = Integer("long", 64)
ULONG: Final = Integer("unsigned long", 64, signed=False)


def c_number(text: str) -> int:
    """A number as C writes it: 0x is hexadecimal, a leading 0 octal. ValueError."""
    text = text.strip()
    if text.lstrip("+-").startswith("0") and text.lstrip("+-0123456789") == "":
        return int(text, 8)
    return int(text, 0)


def _name_or_number(names: Names, value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return int(value)
    if isinstance(value, str):
        if value in names.values:
            return names.values[value]
        try:
            return c_number(value)
        except ValueError:
            known = ", ".join(names.values)
            raise BadArgument(f"{brief(value)} is none of {known}, and no number") from None
    raise BadArgument(f"{brief(value)} is neither a name nor a number")


@dataclass(frozen=True, slots=True)
class Flags(Kind):
    """Flags or-ed together: a number, names in a list (in which numbers may stand), or ``"IPC_CREAT | 0600"``."""

    names: Names
    integer: Integer = INT

    @property
    def plain(self) -> bool:
        """Numbers come out as lists of names."""
        return False

    def parse(self, value: Any) -> int:
        """The or of it all."""
        if type(value) is int:
            return self.integer.parse(value)
        if isinstance(value, str):
            value = [part.strip() for part in value.split("|")]
        parts = value if isinstance(value, (list, tuple, set, frozenset)) else [value]
        flags = 0
        for part in parts:
            flags |= _name_or_number(self.names, part)
        return self.integer.parse(flags)

    def spell(self, value: Any) -> list[str | int]:
        """The names, in the order of the header."""
        return self.names.spell(value)


@dataclass(frozen=True, slots=True)
class Enumeration(Kind):
    """One value out of several, by name or number."""

    names: Names

    @property
    def plain(self) -> bool:
        """Numbers come out as names."""
        return False

    def parse(self, value: Any) -> int:
        """The number, as a C int."""
        return INT.parse(value if type(value) is int else _name_or_number(self.names, value))

    def spell(self, value: Any) -> str | int:
        """The name, or the number where it has none."""
        return self.names.name(value)


@dataclass(frozen=True, slots=True)
class Key(Kind):
    """A System V key: a number, ``"0x4d2"`` or ``"IPC_PRIVATE"``."""

    def parse(self, value: Any) -> int:
        """The key, as a C int."""
        if isinstance(value, str):
            value = 0 if value == "IPC_PRIVATE" else _name_or_number(Names("key", {"IPC_PRIVATE": 0}), value)
        return INT.parse(value)


@dataclass(frozen=True, slots=True)
class Mode(Kind):
    """Permission bits: a number, or octal digits (``"0600"``)."""

    def parse(self, value: Any) -> int:
        """The bits."""
        if isinstance(value, str):
            try:
                value = int(value, 8)
            except ValueError:
                raise BadArgument(f"{brief(value)} is no octal mode") from None
        return UINT.parse(value)


@dataclass(frozen=True, slots=True)
class Text(Kind):
    """A string."""

    def parse(self, value: Any) -> str:
        """The string, which must be encodable as UTF-8."""
        if not isinstance(value, str):
            raise BadArgument(f"{brief(value)} is not a string")
        try:
            value.encode()
        except UnicodeEncodeError:
            raise BadArgument(f"{brief(value)} is not Unicode text (a lone surrogate)") from None
        return value


@dataclass(frozen=True, slots=True)
class NameOrNumber(Kind):
    """A string, or a C long: what prctl(2) takes depends on its option."""

    def parse(self, value: Any) -> int | str:
        """Either."""
        return TEXT.parse(value) if isinstance(value, str) else LONG.parse(value)


@dataclass(frozen=True, slots=True)
class Boolean(Kind):
    """True or false."""

    def parse(self, value: Any) -> bool:
        """The truth."""
        if not isinstance(value, bool):
            raise BadArgument(f"{brief(value)} is neither true nor false")
        return value


@dataclass(frozen=True, slots=True)
class Data(Kind):
    """The bytes of a message. Python programs may give a string, which is meant as UTF-8."""

    def parse(self, value: Any) -> bytes:
        """The bytes."""
        if type(value) is bytes:
            return value
        if isinstance(value, str):
            return Text().parse(value).encode()
        if isinstance(value, (bytes, bytearray, memoryview)):
            return bytes(value)
        raise BadArgument(f"{brief(value)} is not bytes")


class Frozen(Mapping[str, Any]):
    """An object that nobody can change any more."""

    __slots__ = ("_items",)

    def __init__(self, items: Mapping[str, Any]) -> None:
        self._items = dict(items)

    def __getitem__(self, name: str) -> Any:
        return self._items[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __hash__(self) -> int:
        return hash(frozenset(self._items.items()))


MOST_NESTED: Final = 4


@dataclass(frozen=True, slots=True)
class Anything(Kind):
    """A value whose shape depends on another argument, and which the call itself looks at."""

    def parse(self, value: Any) -> Any:
        """The value as it came, its lists as tuples and its objects ``Frozen``."""
        return _frozen(value, MOST_NESTED)


def _frozen(value: Any, nested: int) -> Any:
    if value is None or isinstance(value, (bool, int, float, str, bytes)):
        return value
    if not nested:
        raise BadArgument("a value nested so deep has no meaning")
    if isinstance(value, (list, tuple)):
        return tuple([_frozen(item, nested - 1) for item in value])
    if isinstance(value, Mapping):
        return Frozen({TEXT.parse(name): _frozen(item, nested - 1) for name, item in value.items()})
    raise BadArgument(f"{brief(value)} is no value that a door knows")


KEY: Final = Key()
MODE: Final = Mode()
TEXT: Final = Text()
NAME_OR_NUMBER: Final = NameOrNumber()
BOOL: Final = Boolean()
DATA: Final = Data()
ANYTHING: Final = Anything()


@dataclass(frozen=True, slots=True)
class ListOf(Kind):
    """Any number of one kind. ``unordered`` ones (signal sets, groups) become frozensets."""

    item: Kind
    unordered: bool = False

    @property
    def plain(self) -> bool:
        """As its items."""
        return self.item.plain and not self.unordered

    def parse(self, value: Any) -> Any:
        """The items, parsed."""
        if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, (Sequence, set, frozenset)):
            raise BadArgument(f"{brief(value)} is not a list")
        items = [self.item.parse(item) for item in value]
        return frozenset(items) if self.unordered else tuple(items)

    def spell(self, value: Any) -> list[Any]:
        """The items, spelled; a set in ascending order."""
        return [self.item.spell(item) for item in (sorted(value) if self.unordered else value)]


@dataclass(frozen=True, slots=True)
class Numbers(Kind):
    """Numbers by name, as a namespace's sysctls."""

    def parse(self, value: Any) -> dict[str, int]:
        """The numbers."""
        if not isinstance(value, Mapping):
            raise BadArgument(f"{value!r} is not an object of numbers")
        return {TEXT.parse(name): LONG.parse(number) for name, number in value.items()}


@dataclass(frozen=True, slots=True)
class Messages(Kind):
    """A batch: pairs ``(mtype or priority, bytes)``, or objects with these fields. ``tag`` is the number's name.

    A batch that came as pairs of the right types passes as it is: the number's range is the kernel's to judge.
    """

    tag: str

    def parse(self, value: Any) -> Sequence[tuple[int, bytes]]:
        """The pairs."""
        if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Sequence):
            raise BadArgument("messages is not a list")
        return [self._message(item) for item in value]

    def _message(self, item: Any) -> tuple[int, bytes]:
        if isinstance(item, Mapping):
            unknown = set(item) - {self.tag, "data", "text"}
            if unknown or self.tag not in item or ("data" in item) == ("text" in item):
                raise BadArgument(f"a message has {self.tag!r} and one of 'data' and 'text', not {brief(item)}")
            item = (item[self.tag], item["data"] if "data" in item else item["text"])
        if not isinstance(item, (tuple, list)) or len(item) != 2:
            raise BadArgument(f"a message is a pair ({self.tag}, data)")
        return LONG.parse(item[0]), DATA.parse(item[1])


@dataclass(frozen=True, slots=True)
class Field:
    """A member of a structure. One with a default may be left out; one whose default is None may be null."""

    name: str
    kind: Kind
    default: Any = ...
    doc: str = ""

    @property
    def required(self) -> bool:
        """Whether it must be given."""
        return self.default is ...

    @property
    def nullable(self) -> bool:
        """Whether null may stand for it."""
        return self.default is None


@dataclass(frozen=True, slots=True)
class Structure(Kind):
    """A C structure, by its fields' names. Parsed it is the tuple of its fields, in order."""

    title: str
    fields: tuple[Field, ...]
    _places: Mapping[str, int] = dataclass_field(init=False, repr=False, compare=False)
    _defaults: tuple[Any, ...] = dataclass_field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_places", {field.name: place for place, field in enumerate(self.fields)})
        object.__setattr__(self, "_defaults", tuple([field.default for field in self.fields]))

    @property
    def plain(self) -> bool:
        """As its fields."""
        return all(field.kind.plain for field in self.fields)

    def parse(self, value: Any) -> tuple[Any, ...]:
        """The fields' values, in order. What is not given costs nothing: a structure may have many fields."""
        if isinstance(value, tuple) and len(value) == len(self.fields):
            value = dict(zip(self._places, value, strict=True))
        if not isinstance(value, Mapping):
            raise BadArgument(f"{self.title} is an object with {', '.join(self._places)}")
        values = list(self._defaults)
        for name, item in value.items():
            place = self._places.get(name)
            if place is None:
                raise BadArgument(f"{self.title} has no field {brief(name)}")
            values[place] = parse_value(self.fields[place], item)
        if ... in values:
            raise BadArgument(f"{self.fields[values.index(...)].name!r} is missing")
        return tuple(values)

    def spell(self, value: Any) -> dict[str, Any]:
        """The fields that are there, spelled."""
        kinds = {field.name: field.kind for field in self.fields}
        return {
            name: item if item is None or kinds[name].plain else kinds[name].spell(item) for name, item in value.items()
        }


def parse_field(field: Field, values: Mapping[str, Any]) -> Any:
    """The value of one field out of several. Raises ``BadArgument`` with the field's name."""
    if field.name not in values:
        if field.required:
            raise BadArgument(f"{field.name!r} is missing")
        return field.default
    return parse_value(field, values[field.name])


def parse_value(field: Field, value: Any) -> Any:
    """The value that was given for a field. Raises ``BadArgument`` with the field's name."""
    if value is None and field.default is None:
        return None
    try:
        return field.kind.parse(value)
    except BadArgument as error:
        raise BadArgument(f"{field.name}: {error}") from None

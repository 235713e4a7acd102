"""Facts as bytes: MessagePack, each fact as its type's name and its fields in order.

Fields are only ever added at the end of a fact, with a default, so that old records stay readable.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from usernel.kernel import facts
from usernel.kernel.facts import Fact
from usernel.kernel.fold import FOLDS

TYPES: Final[Mapping[str, type]] = {fact_type.__name__: fact_type for fact_type in FOLDS}
_FIELDS: Final = msgspec.msgpack.Decoder(list[tuple[str, msgspec.Raw]])
_FACTS: Final[Mapping[str, msgspec.msgpack.Decoder[Any]]] = {
    name: msgspec.msgpack.Decoder(fact_type) for name, fact_type in TYPES.items()
}


def encode(some: Sequence[Fact]) -> bytes:
    """A record of these facts."""
    return msgspec.msgpack.encode([(type(fact).__name__, fact) for fact in some])


def decode(record: bytes) -> list[facts.Fact]:
    """The facts of a record. ValueError for what is no record."""
    try:
        return [_FACTS[name].decode(fields) for name, fields in _FIELDS.decode(record)]
    except KeyError as error:
        raise ValueError(f"no fact is called {error}") from None
    except msgspec.MsgspecError as error:
        raise ValueError(f"not a record of facts: {error}") from None

"""Typed methods for every system call, made from the table: for the client, and for tasks in process.

``python -m usernel.cli.stubs`` writes them; with ``--check`` it only says whether they are as they should be.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from usernel.syscalls.kinds import (
    Anything,
    Boolean,
    Data,
    Enumeration,
    Field,
    Flags,
    Integer,
    Key,
    Kind,
    ListOf,
    Messages,
    Mode,
    NameOrNumber,
    Numbers,
    Structure,
    Text,
)
from usernel.syscalls.row import Row
from usernel.syscalls.table import TABLE

ROOT: Final = Path(__file__).resolve().parents[3]
MADE: Final = "Made by `python -m usernel.cli.stubs` from the table of system calls."
TYPES: Final[Mapping[type[Kind], str]] = {
    Integer: "int",
    Flags: "Flags",
    Enumeration: "int | str",
    Key: "int | str",
    Mode: "int | str",
    Text: "str",
    NameOrNumber: "int | str",
    Numbers: "Mapping[str, int]",
    Boolean: "bool",
    Data: "Data",
    Anything: "Any",
    Structure: "Struct",
    Messages: "Sequence[tuple[int, Data]]",
}

CLIENT_HEAD: Final = f'''"""Every system call of the service's table. {MADE}"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .caller import Caller
from .flags import Flags
from .protocol import Result

Data = bytes
Struct = Mapping[str, Any]


class Calls:
    """Typed system calls of one task. KernelError, ProtocolError, ConnectionLost."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
'''

SIM_HEAD: Final = f'''"""Every system call, as a method of a task in process. {MADE}"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from usernel.kernel.call import Return

Data = bytes | str
Flags = int | str | Sequence[int | str]
Struct = Mapping[str, Any] | tuple[Any, ...]


class Calls:
    """Typed system calls. They raise KernelError, and ``WouldSleep`` where they would sleep."""

    __slots__ = ()

    @abstractmethod
    def call(self, name: str, /, *args: Any, **named: Any) -> Any:
        """Call by name."""
'''


def annotation(field: Field) -> str:
    """The Python type of an argument."""
    kind = field.kind
    shown = f"Sequence[{TYPES[type(kind.item)]}]" if isinstance(kind, ListOf) else TYPES[type(kind)]
    return f"{shown} | None" if field.nullable else shown


def signature(row: Row) -> str:
    """The parameters of a call's method. One that others without a default follow has none here."""
    required = max((index for index, field in enumerate(row.args) if field.required), default=-1)
    return "".join(
        f", {field.name}: {annotation(field)}" + ("" if index <= required else f" = {field.default!r}")
        for index, field in enumerate(row.args)
    )


def client_method(row: Row) -> str:
    """A call as the client makes it."""
    args = ", ".join(f'"{field.name}": {field.name}' for field in row.args)
    result = f'await self._caller.result("{row.name}", {{{args}}})'
    return (
        f"    async def {row.name}(self{signature(row)}) -> {'Result' if row.out else 'int'}:\n"
        f'        """{row.man}: {row.summary}"""\n'
        f"        return {result if row.out else f'({result}).ret'}\n"
    )


def sim_method(row: Row) -> str:
    """A call as a task in process makes it."""
    args = "".join(f", {field.name}" for field in row.args)
    head = f"    def {row.name}(self{signature(row)}) -> {'Return' if row.out else 'int'}:\n"
    head += f'        """{row.man}: {row.summary}"""\n'
    kind = "Return" if row.out else "int"
    if row.out is None:
        return head + f'        return int(self.call("{row.name}"{args}))\n'
    return head + f'        result: {kind} = self.call("{row.name}"{args})\n        return result\n'


TARGETS: Final[Mapping[Path, tuple[str, Callable[[Row], str]]]] = {
    ROOT / "clients" / "python" / "usernel_client" / "calls.py": (CLIENT_HEAD, client_method),
    ROOT / "service" / "usernel" / "sim" / "calls.py": (SIM_HEAD, sim_method),
}


def written(head: str, method: Callable[[Row], str]) -> str:
    """A module, as it is committed."""
    return head + "".join("\n" + method(row) for row in TABLE.values())


def main(argv: Sequence[str]) -> int:
    """Write the modules, or with ``--check`` compare them."""
    stale: list[Any] = []
    for path, (head, method) in TARGETS.items():
        text = written(head, method)
        if "--check" not in argv:
            path.write_text(text, "utf-8")
        elif path.read_text("utf-8") != text:
            stale.append(path)
    for path in stale:
        sys.stderr.write(f"{path} is not what the table says; run python -m usernel.cli.stubs\n")
    return 1 if stale else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

"""The README's support table, made from the table of system calls: `python -m tests.ground.support_table` writes it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from usernel.abi.sched import NAMESPACES
from usernel.kernel.io_uring.opcodes import OPS
from usernel.kernel.io_uring.opdef import Ops
from usernel.kernel.io_uring.task_ops import TASK_OPS
from usernel.kernel.ns.tree import KINDS
from usernel.syscalls import cred, file, io_uring, mqueue, msg, namespace, process, signal, task
from usernel.syscalls.row import Row

README = Path(__file__).resolve().parents[2] / "README.md"
BEGIN = "<!-- support table: begin -->\n"
END = "<!-- support table: end -->\n"
FAMILIES = (
    ("System V message queues", msg.ROWS),
    ("POSIX message queues", mqueue.ROWS),
    ("descriptors", file.ROWS),
    ("rings (io_uring)", io_uring.ROWS),
    ("signals", signal.ROWS),
    ("processes", process.ROWS),
    ("credentials and capabilities", cred.ROWS),
    ("namespaces", namespace.ROWS),
    ("tasks and their limits", task.ROWS),
)


def support_table() -> str:
    """One line a family and level of support; what is partial has its own, with the sentence that says why."""
    lines = ["| | calls | support |", "|---|---|---|"]
    for family, rows in FAMILIES:
        lines += _lines(family, rows)
    lines += _opcodes("opcodes of `usernel.Ring`", OPS)
    lines += _opcodes("opcodes of a service's ring", TASK_OPS)
    lines += _kinds()
    return "\n".join(lines) + "\n"


def _lines(family: str, rows: tuple[Row, ...]) -> Iterator[str]:
    for title, some in (
        (family, [row for row in rows if row.number is not None]),
        (f"{family}, usernel's own", [row for row in rows if row.number is None]),
    ):
        levels: dict[str, list[str]] = {"": []}
        for row in some:
            levels.setdefault(row.partial, []).append(f"`{row.name}`")
        for partial, names in levels.items():
            if names:
                yield f"| {title} | {' '.join(names)} | {f'partial: {partial}' if partial else 'whole'} |"


def _opcodes(title: str, ops: Ops) -> Iterator[str]:
    """What a ring's entries may ask for."""
    levels: dict[str, list[str]] = {"": []}
    for op in ops.values():
        levels.setdefault(op.partial, []).append(f"`{op.name}`")
    for partial, names in levels.items():
        yield f"| {title} | {' '.join(names)} | {f'partial: {partial}' if partial else 'whole'} |"


def _kinds() -> Iterator[str]:
    """What the kinds of namespaces isolate."""
    whole = [NAMESPACES[kind.kind] for kind in KINDS if not kind.partial]
    yield f"| namespaces of kind | {' '.join(whole)} | whole |"
    for kind in KINDS:
        if kind.partial:
            yield f"| namespaces of kind | {NAMESPACES[kind.kind]} | partial: {kind.partial} |"


def with_table(readme: str) -> str:
    """The README with its table made anew. ValueError where it has no place for one."""
    pattern = re.compile(re.escape(BEGIN) + ".*?" + re.escape(END), re.DOTALL)
    if len(pattern.findall(readme)) != 1:
        raise ValueError("README.md has not one place for the support table")
    return pattern.sub(lambda _: BEGIN + support_table() + END, readme)


if __name__ == "__main__":
    README.write_text(with_table(README.read_text(encoding="utf-8")), encoding="utf-8")

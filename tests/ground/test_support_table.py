"""The README promises what the table of system calls has, and nothing else."""

from __future__ import annotations

from tests.ground.support_table import README, support_table, with_table
from usernel.abi.io_uring_op import OPCODES
from usernel.kernel.io_uring.opcodes import OPS
from usernel.kernel.io_uring.task_ops import TASK_OPS
from usernel.syscalls.table import TABLE


def test_the_readme_shows_the_table_as_it_is() -> None:
    readme = README.read_text(encoding="utf-8")
    assert with_table(readme) == readme, "run: python -m tests.ground.support_table"


def test_every_row_is_in_it_once() -> None:
    table = support_table()
    for name in TABLE:
        assert table.count(f"`{name}`") == 1


def test_every_opcode_of_either_ring_is_in_it_once() -> None:
    for title, ops in (("opcodes of `usernel.Ring`", OPS), ("opcodes of a service's ring", TASK_OPS)):
        lines = [line for line in support_table().splitlines() if line.startswith(f"| {title} |")]
        cells = " ".join(line.split("|")[2] for line in lines).split()
        assert sorted(cells) == sorted(f"`{op.name}`" for op in ops.values())
    assert {op.name for op in OPS.values()} <= {name.removeprefix("IORING_OP_") for name in OPCODES}

"""The README promises what the table of system calls has, and nothing else."""

from __future__ import annotations

from tests.ground.support_table import README, support_table, with_table
from usernel.syscalls.table import TABLE


def test_the_readme_shows_the_table_as_it_is() -> None:
    readme = README.read_text(encoding="utf-8")
    assert with_table(readme) == readme, "run: python -m tests.ground.support_table"


def test_every_row_is_in_it_once() -> None:
    table = support_table()
    for name in TABLE:
        assert table.count(f"`{name}`") == 1

"""The journal that keeps nothing keeps its promises all the same."""

from __future__ import annotations

from usernel.journal.memory import MemoryJournal
from usernel.journal.port import Journal


def never() -> bytes:
    raise AssertionError("a journal that keeps nothing asks for no bytes")


def test_everything_is_durable_at_once():
    journal: Journal = MemoryJournal()
    assert journal.durable == 0
    for position in (1, 4, 9):
        journal.append(position, never)
        assert journal.durable == position


def test_it_says_that_it_is_ephemeral():
    journal: Journal = MemoryJournal()
    journal.append(3, never)
    assert journal.ephemeral
    assert journal.stat() == {"durable": 3, "ephemeral": True}


def test_nobody_is_ever_called():
    journal: Journal = MemoryJournal()
    journal.listen(never)
    journal.append(1, never)
    assert journal.durable == 1

"""What watches over the service."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from usernel.compose import Service
from usernel.config import Settings
from usernel.journal.port import JournalError, JournalFullError
from usernel.runtime import GroupCommit, Progress
from usernel.version import __version__

from .asking import Ask
from .conftest import at


async def told(ask: Ask, path: str) -> tuple[int, dict[str, Any]]:
    """What is answered; a 503 here is no problem document."""
    async with ask.session.get(path) as response:
        return response.status, await response.json()


async def test_it_lives(ask: Ask):
    assert await ask("GET /livez") == (200, {"status": "live"})


async def test_it_is_ready(running: Service, ask: Ask):
    status, shown = await ask("GET /readyz")
    assert (status, shown["status"], shown["version"]) == (200, "ready", __version__)
    assert shown["journal"] == running.runtime.journal.stat()
    assert set(shown) == {"status", "version", "journal"}


async def test_while_the_journal_is_replayed_it_lives_and_says_how_far_it_is(running: Service, ask: Ask):
    running.runtime.recovery = Progress(total=200, done=50, facts=7)
    status, shown = await told(ask, "/readyz")
    assert (status, shown["status"]) == (503, "replaying")
    assert shown["reason"] == "the journal is being replayed: 25% done"
    assert shown["replay"] == {"bytes": 50, "of_bytes": 200, "facts": 7, "share": 0.25}
    assert await ask("GET /livez") == (200, {"status": "live"})
    status, problem = await ask("POST /v1/msg", {"key": 1})
    assert (status, problem["detail"]) == (503, shown["reason"])
    running.runtime.recovery = None
    assert (await ask("GET /readyz"))[0] == 200


async def test_while_the_disk_is_full_it_lives_and_is_not_ready(tmp_path: Path):
    async with at(Settings(port=0, data_dir=str(tmp_path / "data"))) as (running, ask):
        journal = running.runtime.journal
        assert isinstance(journal, GroupCommit)
        journal._fail(JournalFullError("the disk is full"))
        status, shown = await told(ask, "/readyz")
        assert (status, shown["status"]) == (503, "unavailable")
        assert shown["reason"] == "nothing is acknowledged: the disk is full"
        assert shown["journal"]["failure"] == "the disk is full"
        assert await ask("GET /livez") == (200, {"status": "live"})
        assert await ask.refused("GET /v1/msg") == (503, None)


async def test_where_the_journal_has_failed_for_good_only_a_new_start_helps(tmp_path: Path):
    async with at(Settings(port=0, data_dir=str(tmp_path / "data"))) as (running, ask):
        journal = running.runtime.journal
        assert isinstance(journal, GroupCommit)
        journal._fail(JournalError("it cannot be written"))
        reason = "nothing is acknowledged: it cannot be written"
        assert await told(ask, "/livez") == (503, {"status": "lost", "reason": reason})
        assert (await told(ask, "/readyz"))[1]["status"] == "unavailable"

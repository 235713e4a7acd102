"""Journals of every version so far are read by the version of now, to the same state."""

from __future__ import annotations

import json
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

from usernel.kernel.durable import durable_state
from usernel.version import __version__

from .histories import folded, read
from .record_fixture import FIXTURES, as_json, rebooted, record
from .storing import opened

VERSIONS = sorted(path.name for path in FIXTURES.iterdir() if path.is_dir())
MOST_BYTES = 200_000


def told(found: Any, recorded: Any) -> Any:
    """Of what was found, what the version that recorded told of: a later one may tell more."""
    if isinstance(found, dict) and isinstance(recorded, dict):
        return {key: told(value, recorded[key]) for key, value in found.items() if key in recorded}
    if isinstance(found, list) and isinstance(recorded, list) and len(found) == len(recorded):
        return [told(*pair) for pair in zip(found, recorded, strict=True)]
    return found


@pytest.mark.parametrize("version", VERSIONS)
def test_a_journal_of_old_is_read(version: str, tmp_path: Path) -> None:
    directory = copytree(FIXTURES / version, tmp_path / "data")
    recorded = json.loads((directory / "state.json").read_text(encoding="utf-8"))
    storage = opened(directory)
    try:
        found, damage = read(storage)
        assert damage is None
        kernel = folded(found)
        assert kernel.position == storage.position == recorded["position"]
        assert told(as_json(durable_state(kernel)), recorded["state"]) == recorded["state"]
        assert told(as_json(durable_state(rebooted(kernel))), recorded["rebooted"]) == recorded["rebooted"]
        storage.append(found[-1]._replace(position=storage.position + found[-1].facts))
    finally:
        storage.close()


@pytest.mark.parametrize("version", VERSIONS)
def test_a_journal_of_old_says_something(version: str) -> None:
    """A snapshot and records behind it, messages of both families, what outlives a reboot and what does not."""
    recorded = json.loads((FIXTURES / version / "state.json").read_text(encoding="utf-8"))
    assert (FIXTURES / version / "journal.db").stat().st_size < MOST_BYTES
    assert sorted(path.name for path in (FIXTURES / version).iterdir()) == ["journal.db", "state.json"]
    before, after = recorded["state"], recorded["rebooted"]
    assert len(after["namespaces"]) < len(before["namespaces"])
    tenant = next(ns for ns in after["ipc_namespaces"].values() if "jobs" in ns["mq_names"])
    assert len(tenant["msg_queues"]["0"]["messages"]) == 5
    assert [inode["name"] for inode in tenant["mq_inodes"].values()] == ["jobs"]


def test_the_version_of_now_has_one() -> None:
    """Made by ``python -m tests.journal.record_fixture`` when a version is released."""
    assert __version__ in VERSIONS


def test_it_can_be_recorded_again(tmp_path: Path) -> None:
    record(tmp_path / "again")
    again = json.loads((tmp_path / "again" / "state.json").read_text(encoding="utf-8"))
    latest = json.loads((FIXTURES / __version__ / "state.json").read_text(encoding="utf-8"))
    assert told(again, latest) == latest

"""File systems that a test mounts, where it may."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="to mount something needs root")


@contextmanager
def mounted(path: Path, *args: str | Path) -> Iterator[Path]:
    """Something mounted there by mount(8), with these arguments, until the end."""
    path.mkdir(exist_ok=True)
    subprocess.run(["mount", *args, path], check=True)
    try:
        yield path
    finally:
        subprocess.run(["umount", "--lazy", path], check=True)


@contextmanager
def overlaid(lower: Path, beside: Path) -> Iterator[Path]:
    """A directory as containers have them: over another, which is not written."""
    for name in ("upper", "work"):
        (beside / name).mkdir(parents=True)
    options = f"lowerdir={lower},upperdir={beside}/upper,workdir={beside}/work"
    with mounted(beside / "merged", "-t", "overlay", "overlay", "-o", options) as merged:
        yield merged

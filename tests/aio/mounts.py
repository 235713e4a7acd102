"""File systems that a test mounts, where it may. Elsewhere it is skipped: a container's root may not mount anything."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from usernel.abi.magic import TMPFS_MAGIC
from usernel.aio.resident_unsafe import filesystem

SHM = Path("/dev/shm")


@contextmanager
def mounted(path: Path, *args: str | Path) -> Iterator[Path]:
    """Something mounted there by mount(8), with these arguments, until the end."""
    path.mkdir(exist_ok=True)
    try:
        subprocess.run(["mount", *args, path], check=True, capture_output=True, text=True)
    except subprocess.CalledProcessError as error:
        pytest.skip(f"it cannot be mounted here: {error.stderr.strip()}")
    except FileNotFoundError:
        pytest.skip("there is no mount(8)")
    try:
        yield path
    finally:
        subprocess.run(["umount", "--lazy", path], check=True)


@contextmanager
def in_memory(beside: Path) -> Iterator[Path]:
    """A directory of a tmpfs, which most machines have."""
    if SHM.is_dir() and os.access(SHM, os.W_OK) and _is_tmpfs(SHM):
        with TemporaryDirectory(dir=SHM) as directory:
            yield Path(directory)
    else:
        with mounted(beside, "-t", "tmpfs", "tmpfs") as directory:
            yield directory


def _is_tmpfs(path: Path) -> bool:
    fd = os.open(path, os.O_RDONLY)
    try:
        return filesystem(fd) == TMPFS_MAGIC
    finally:
        os.close(fd)


@contextmanager
def overlaid(lower: Path, beside: Path) -> Iterator[Path]:
    """A directory as containers have them: over another, which is not written."""
    for name in ("upper", "work"):
        (beside / name).mkdir(parents=True)
    options = f"lowerdir={lower},upperdir={beside}/upper,workdir={beside}/work"
    with mounted(beside / "merged", "-t", "overlay", "overlay", "-o", options) as merged:
        yield merged

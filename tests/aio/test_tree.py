"""From a path to the disk in one chain; and a tree of files that is copied by chains in one ring."""

from __future__ import annotations

import os
import random
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from usernel.abi import io_uring as abi
from usernel.abi.errno import Errno
from usernel.abi.io_uring_op import IORING_FSYNC_DATASYNC
from usernel.aio.ring import Ring

FIXED = abi.IOSQE_FIXED_FILE
LANES = 16
"""Files that are copied at once: each has two slots and a buffer."""
LARGEST = 20000
STEPS = 7


@pytest.fixture(params=[True, False], ids=["bypass", "core"])
def ring(request: pytest.FixtureRequest) -> Iterator[Ring]:
    with Ring(256, bypass=request.param) as made:
        made.register_files_sparse(2 * LANES)
        made.register_buffers([bytearray(LARGEST) for _ in range(LANES)])
        yield made


def test_one_chain_from_a_path_to_the_disk(ring: Ring, tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(b"durable" * 100)
    with ring.chain() as chain:
        chain.open_direct(tmp_path / "source", os.O_RDONLY, file_index=0, user_data=1)
        chain.open_direct(tmp_path / "target", os.O_WRONLY | os.O_CREAT, 0o600, 1, user_data=2)
        chain.read_fixed(0, 0, 700, flags=FIXED, user_data=3)
        chain.write_fixed(1, 0, 700, flags=FIXED, user_data=4)
        chain.fsync(1, IORING_FSYNC_DATASYNC, flags=FIXED, user_data=5)
        chain.link_timeout(60, user_data=6)
        chain.close_direct(0, user_data=7)
        chain.close_direct(1, user_data=8)
    found = {cqe.user_data: cqe.res for cqe in ring}
    assert found == {1: 0, 2: 0, 3: 700, 4: 700, 5: 0, 6: -Errno.ECANCELED, 7: 0, 8: 0}
    assert (tmp_path / "target").read_bytes() == b"durable" * 100


def test_what_takes_too_long_ends_the_chain(ring: Ring, tmp_path: Path) -> None:
    r, w = os.pipe()
    with ring.chain() as chain:
        chain.open_direct(tmp_path / "target", os.O_WRONLY | os.O_CREAT, 0o600, 1, user_data=1)
        chain.read_fixed(r, 0, 8, user_data=2)
        chain.link_timeout(0.01, user_data=3)
        chain.write_fixed(1, 0, 8, flags=FIXED, user_data=4)
        chain.close_direct(1, user_data=5)
    found = {cqe.user_data: cqe.res for cqe in ring}
    assert found == {1: 0, 2: -Errno.ECANCELED, 3: -Errno.ETIME, 4: -Errno.ECANCELED, 5: -Errno.ECANCELED}
    assert (tmp_path / "target").read_bytes() == b""
    os.close(r)
    os.close(w)


def plant(root: Path, files: int) -> list[Path]:
    chance = random.Random(files)
    made = []
    for number in range(files):
        path = root / f"d{number % 7}" / f"d{number % 3}" / f"f{number}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(chance.randbytes(chance.choice((0, 1, 100, 4096, 5000, LARGEST))))
        path.chmod(chance.choice((0o600, 0o644, 0o755)))
        made.append(path)
    return made


class Copying:
    """Files that are copied in lanes, one after the other in each."""

    def __init__(self, ring: Ring, source: Path, target: Path, files: list[Path]) -> None:
        self.ring, self.source, self.target = ring, source, target
        self.left = iter(files)
        self.failed: list[tuple[int, int]] = []

    def run(self) -> None:
        for lane in range(LANES):
            self.begin(lane)
        for cqe in self.ring:
            lane, step = divmod(cqe.user_data, STEPS)
            if cqe.res < 0 and step != 4:
                self.failed.append((step, cqe.res))
            if step == STEPS - 1:
                self.begin(lane)

    def begin(self, lane: int) -> None:
        path = next(self.left, None)
        if path is None:
            return
        status, first = path.stat(), lane * STEPS
        here, there = 2 * lane, 2 * lane + 1
        with self.ring.chain() as chain:
            chain.open_direct(path, os.O_RDONLY, 0, here, user_data=first)
            mode, name = stat.S_IMODE(status.st_mode), self.target / path.relative_to(self.source)
            chain.open_direct(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode, there, user_data=first + 1)
            chain.read_fixed(here, lane, status.st_size, flags=FIXED, user_data=first + 2)
            chain.write_fixed(there, lane, status.st_size, flags=FIXED, user_data=first + 3)
            chain.link_timeout(60, user_data=first + 4)
            chain.close_direct(here, user_data=first + 5)
            chain.close_direct(there, user_data=first + 6)


def copy_and_compare(ring: Ring, root: Path, count: int) -> None:
    source, target = root / "source", root / "target"
    files = plant(source, count)
    for directory in sorted({path.parent for path in files}):
        (target / directory.relative_to(source)).mkdir(parents=True)
    copying = Copying(ring, source, target, files)
    before = os.umask(0)
    try:
        copying.run()
    finally:
        os.umask(before)
    assert copying.failed == []
    copies = [path for path in target.rglob("*") if path.is_file()]
    assert len(copies) == count
    for path in files:
        copy = target / path.relative_to(source)
        assert copy.read_bytes() == path.read_bytes()
        assert copy.stat().st_mode == path.stat().st_mode
    assert ring.stat()["requests"] == 0


def test_a_tree_is_copied_by_chains(ring: Ring, tmp_path: Path) -> None:
    copy_and_compare(ring, tmp_path, 200)


@pytest.mark.soak
def test_a_tree_of_ten_thousand_files(ring: Ring, tmp_path: Path) -> None:
    copy_and_compare(ring, tmp_path, 10000)

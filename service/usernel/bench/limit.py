"""What the disk and the page cache give at most: fio."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from functools import partial
from typing import Any

from .corpus import evict, warm
from .reads import CACHED, COLD, TASKS
from .row import Corpus, Row


def fio(cold: bool, engine: str, corpus: Corpus, seconds: float) -> float:
    """Reads a second of fio with an engine: ``psync`` is pread(2), one by one."""
    (evict if cold else warm)(corpus.big)
    command = [
        "fio", "--name=limit", f"--filename={corpus.big}", "--readonly", "--rw=randread", "--bs=4k", "--invalidate=0",
        f"--ioengine={engine}", f"--iodepth={1 if engine == 'psync' else TASKS}", f"--runtime={max(seconds, 1):.0f}",
        "--output-format=json", *([] if cold else ["--time_based"]),
    ]  # fmt: skip
    said = subprocess.run(command, capture_output=True, check=True, timeout=60 + seconds)  # noqa: S603 - nobody's words
    found: dict[str, Any] = json.loads(said.stdout[said.stdout.index(b"{") :])
    return float(found["jobs"][0]["read"]["iops"])


def rows() -> Iterator[Row]:
    """What fio measures, where it can be had."""
    yield Row(CACHED, "fio, pread", partial(fio, False, "psync"), "fio")
    yield Row(COLD, "fio, the host's io_uring", partial(fio, True, "io_uring"), "fio")

"""A program run on uvloop and on a loop of ours: what each of its steps answered or raised, and the files it left."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

import uvloop

import usernel

LINES = b"".join(b"line %d, with more of it: \xc3\xa9\r\n" % number if number % 7 else b"\n" for number in range(400))
LONG = b"x" * 30_000 + b"\n" + b"y" * 100


class Steps:
    """What the steps answered, as words that are alike wherever the files are."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.said: list[Any] = []

    async def __call__(self, step: Awaitable[Any] | Callable[[], Any]) -> Any:
        """Take a step, and note how it went."""
        try:
            value = await step if isinstance(step, Awaitable) else step()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is compared
            self.note(type(error), str(error), error.args, *self._file(error))
            return None
        self.note(value)
        return value

    @property
    def failed(self) -> bool:
        """Whether the last step raised."""
        said = self.said[-1][0]
        return isinstance(said, type) and issubclass(said, Exception)

    def note(self, *said: Any) -> None:
        """Note it."""
        self.said.append(tuple(self._plain(word) for word in said))

    def _file(self, error: Exception) -> tuple[Any, ...]:
        return (error.errno, error.filename, error.filename2) if isinstance(error, OSError) else ()

    def _plain(self, word: Any) -> Any:
        if isinstance(word, os.stat_result):
            return word.st_mode, word.st_size, word.st_nlink, len(word)
        if isinstance(word, os.statvfs_result):
            return word.f_bsize, word.f_namemax, len(word)
        if isinstance(word, float) and word > 1.1e9:
            return "a time of today"
        if isinstance(word, (list, tuple)):
            return type(word).__name__, [self._plain(part) for part in word]
        if isinstance(word, (str, Path)):
            return type(word).__name__, str(word).replace(str(self.place), "")
        known = (bytes, int, float, bool, type, type(None))
        return word if isinstance(word, known) else type(word).__qualname__


def furnish(place: Path) -> None:
    """The files that a program finds."""
    shutil.rmtree(place, ignore_errors=True)
    (place / "dir" / "below").mkdir(parents=True)
    (place / "dir" / "file").write_bytes(b"in a directory")
    (place / "lines").write_bytes(LINES)
    (place / "long").write_bytes(LONG)
    (place / "small").write_bytes(bytes(range(256)) * 40)
    (place / "empty").write_bytes(b"")
    (place / "wrong").write_bytes(b"good\n\xff\xfe\nbad\n")
    (place / "link").symlink_to("small")
    (place / "loop").symlink_to("loop")
    (place / "dangling").symlink_to("nothing")
    os.mkfifo(place / "fifo")
    for path in place.rglob("*"):
        os.utime(path, (1_000_000_000, 1_000_000_000), follow_symlinks=False)


def tree(place: Path) -> dict[str, Any]:
    """What is there afterwards."""
    return {
        str(path.relative_to(place)): path.read_bytes() if path.is_file() else oct(path.lstat().st_mode)
        for path in sorted(place.rglob("*"))
    }


def both(program: Callable[[Steps, Path], Coroutine[Any, Any, None]], place: Path) -> dict[str, int]:
    """Run a program on each, compare, and say where its calls went on ours."""
    found = []
    stat: dict[str, int] = {}
    here = Path.cwd()
    for number, make in enumerate((uvloop.new_event_loop, usernel.new_event_loop)):
        furnish(place)
        steps = Steps(place)
        with asyncio.Runner(loop_factory=make) as runner:
            runner.run(asyncio.wait_for(program(steps, place), 30))
            if number:
                stat = runner.get_loop().ring.stat()["routing"]
        os.chdir(here)
        found.append((steps.said, tree(place)))
    for before, now in zip(found[0][0], found[1][0], strict=True):
        assert now == before, f"{now} here, {before} on uvloop"
    assert found[1][1] == found[0][1]
    return stat

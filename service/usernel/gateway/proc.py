"""``--proc``: what programs find in ``/proc`` of their queues and the limits of these, and what they write there.

The files are ours, and mounted over the host's; they have no other names, so nothing of them is left behind. They show
the IPC namespace in which it all began.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from .backend import Backend, Served
from .pipe_unsafe import IN_CLOSE_WRITE, Watch

SYSVIPC: Final = "sysvipc/msg"
SYSCTLS: Final[Mapping[str, str]] = {
    f"sys/{name.replace('.', '/')}": name
    for name in (
        "kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.msg_next_id", "fs.mqueue.msg_default",
        "fs.mqueue.msg_max", "fs.mqueue.msgsize_default", "fs.mqueue.msgsize_max", "fs.mqueue.queues_max",
    )
}  # fmt: skip
"""The files below ``/proc`` that hold a number, and what it is called."""
SETTLE_SECONDS: Final = 0.002
"""How long after a call the files show what it changed."""
TARGETS: Final = ((Path("/proc") / SYSVIPC, 0o444), *((Path("/proc") / name, 0o644) for name in SYSCTLS))
"""Each file, and its mode."""
LONGEST: Final = 4096
"""Most bytes of what was written that are looked at."""
REFRESH_SECONDS: Final = 0.1
"""How often they are looked after where others use the same queues."""


class ProcFiles:
    """The files, by descriptors in the order of ``TARGETS``, where they are mounted already."""

    def __init__(self, files: Sequence[int], backend: Backend) -> None:
        self._files = dict(zip((SYSVIPC, *SYSCTLS), files, strict=True))
        self._shown: dict[str, bytes] = {}
        self._names: dict[int, str] = {}
        self._due = False
        self._backend = backend
        self._watch = Watch()
        self._loop = asyncio.get_running_loop()
        self._refresh()
        for name in SYSCTLS:
            self._names[self._watch.add_file(Path(f"/proc/self/fd/{self._files[name]}"), IN_CLOSE_WRITE)] = name
        self._loop.add_reader(self._watch.fd, self.take_written)

    def touched(self) -> None:
        """A call was served: what is shown may be old."""
        if not self._due:
            self._due = True
            self._loop.call_later(SETTLE_SECONDS, self._refresh)

    def settle(self) -> None:
        """Before a call returns: show what it changed, where the kernel is near; else soon."""
        if self._backend.shared:
            self.touched()
        else:
            self._fill()

    def _refresh(self) -> None:
        self._due = False
        self._fill()
        if self._backend.shared:
            self._due = True
            self._loop.call_later(REFRESH_SECONDS, self._refresh)

    def _fill(self) -> None:
        self._backend.submit(None, "proc_sysvipc_msg", (), partial(self._show, SYSVIPC))
        for name, sysctl in SYSCTLS.items():
            self._backend.submit(None, "sysctl", (sysctl, None), partial(self._show, name))

    def _show(self, name: str, served: Served) -> None:
        out = served.result.out if served.result is not None else None
        if out is None:
            return
        text = out["text"] if name == SYSVIPC else f"{out['value']}\n"
        data = text.encode()
        if self._shown.get(name) != data:
            self._shown[name] = data
            # In place, for it is mounted: never shorter than both the old and the new content while it changes.
            os.pwrite(self._files[name], data, 0)
            os.ftruncate(self._files[name], len(data))

    def take_written(self) -> None:
        """Act on what programs have written; what is refused is shown as it was."""
        for watched in self._watch.take():
            name = self._names.get(watched)
            if name is None:
                continue
            data = os.pread(self._files[name], LONGEST, 0)
            if data != self._shown.get(name):
                self._write(name, data)

    def _write(self, name: str, data: bytes) -> None:
        self._shown.pop(name, None)
        try:
            value = int(data.split(b"\n", 1)[0])
        except ValueError:
            self._refresh()
            return
        self._backend.submit(None, "sysctl", (SYSCTLS[name], value), lambda _: self.touched())

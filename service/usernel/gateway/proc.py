"""``--proc``: what programs find in ``/proc`` of their queues and the limits of these, and what they write there.

The files are ours, and mounted over the host's. They show the IPC namespace in which it all began.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import Mapping
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
REFRESH_SECONDS: Final = 0.1
"""How often they are looked after where others use the same queues."""


class ProcFiles:
    """The files. ``mounts`` says what stands where; ``begin`` fills them and keeps them from then on."""

    def __init__(self) -> None:
        self._directory = Path(tempfile.mkdtemp(prefix="usernel-proc-"))
        self._files: dict[str, int] = {}
        self._shown: dict[str, bytes] = {}
        self._names: dict[int, str] = {}
        self._due = False
        self._directory.chmod(0o755)
        for name in (SYSVIPC, *SYSCTLS):
            path = self._directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            # Kept open: whoever is not root may not open again for writing what nobody may write to.
            mode = 0o444 if name == SYSVIPC else 0o644
            self._files[name] = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, mode)

    def mounts(self) -> list[tuple[Path, Path]]:
        """Each file, and over which of ``/proc`` it is mounted."""
        return [(self._directory / name, Path("/proc") / name) for name in (SYSVIPC, *SYSCTLS)]

    def begin(self, backend: Backend) -> None:
        """Show what there is, and take what is written."""
        self._backend = backend
        self._watch = Watch()
        self._loop = asyncio.get_running_loop()
        self._refresh()
        for name in SYSCTLS:
            self._names[self._watch.add_file(self._directory / name, IN_CLOSE_WRITE)] = name
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
            data = (self._directory / name).read_bytes()
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

    def close(self) -> None:
        """Remove them."""
        for fd in self._files.values():
            os.close(fd)
        shutil.rmtree(self._directory, ignore_errors=True)

"""usernel: a kernel in user space for message queues, fanotify, io_uring and namespaces.

``usernel.Kernel`` is the whole kernel in process, with a clock you hold and faults you inject. ``usernel.run`` runs an
asyncio program on an event loop whose file I/O is a ring; ``usernel.Ring`` is such a ring by itself. Importing this
package loads neither the web service nor its libraries; those live in ``usernel.http`` and behind the ``usernel``
command.

The layers, of which each may import only those to its right, and siblings never one another::

    cli > compose > http | gateway | aio | sim > runtime > journal | syscalls > kernel > abi

* ``abi``: what crosses the line between user and kernel, as data: errnos, numbers, flags.
* ``kernel``: the model, synchronous and deterministic. A call that must wait is data; durable state changes only by
  folding facts; clocks and the results of the outside world are handed in.
* ``syscalls``: one table row and one thin function a system call. Every door is derived from the row.
* ``journal``: ordered durable bytes. ``runtime``: the asyncio shell, and the only owner of a kernel in a service.
* ``http``: REST, WebSocket and OpenAPI. ``gateway``: unmodified programs. ``aio``: rings and event loops in the
  caller's own process. ``sim``: the kernel in process, for tests.
* ``cli``: the ``usernel`` command. ``compose``: wires them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from usernel.version import __version__

if TYPE_CHECKING:
    from usernel import anyio as anyio
    from usernel import tempfile as tempfile
    from usernel.aio import os as os
    from usernel.aio.files.open_files import OpenFileCache as OpenFileCache
    from usernel.aio.files.opening import open as open  # noqa: A004 - it is Python's
    from usernel.aio.files.stdio import stderr as stderr
    from usernel.aio.files.stdio import stderr_bytes as stderr_bytes
    from usernel.aio.files.stdio import stdin as stdin
    from usernel.aio.files.stdio import stdin_bytes as stdin_bytes
    from usernel.aio.files.stdio import stdout as stdout
    from usernel.aio.files.stdio import stdout_bytes as stdout_bytes
    from usernel.aio.files.whole import copy_file as copy_file
    from usernel.aio.files.whole import read_file as read_file
    from usernel.aio.files.whole import write_file as write_file
    from usernel.aio.loop import EventLoop, attach, new_event_loop
    from usernel.aio.ring import Ring
    from usernel.aio.runner import EventLoopPolicy, run
    from usernel.sim import Kernel

__all__ = ["EventLoop", "EventLoopPolicy", "Kernel", "Ring", "__version__", "attach", "new_event_loop", "run"]

_HOMES = {
    "Kernel": "usernel.sim",
    "Ring": "usernel.aio.ring",
    "EventLoop": "usernel.aio.loop",
    "attach": "usernel.aio.loop",
    "new_event_loop": "usernel.aio.loop",
    "EventLoopPolicy": "usernel.aio.runner",
    "run": "usernel.aio.runner",
    "OpenFileCache": "usernel.aio.files.open_files",
    "open": "usernel.aio.files.opening",
    **dict.fromkeys(("copy_file", "read_file", "write_file"), "usernel.aio.files.whole"),
    **dict.fromkeys(
        ("stderr", "stderr_bytes", "stdin", "stdin_bytes", "stdout", "stdout_bytes"), "usernel.aio.files.stdio"
    ),
}
"""Where what is offered here lives. It is loaded on first use: `usernel --version` needs no table of system calls."""


def __getattr__(name: str) -> object:
    if name in {"anyio", "os", "tempfile"}:
        return import_module(f"usernel.{name}")
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'usernel' has no attribute {name!r}")
    found: object = getattr(import_module(home), name)
    if name != "EventLoopPolicy":  # which warns whoever asks for it
        globals()[name] = found
    return found

"""usernel: a kernel in user space for message queues, fanotify, io_uring and namespaces.

``usernel.Kernel`` is the whole kernel in process, with a clock you hold and faults you inject. Importing this package
loads neither the web service nor its libraries; those live in ``usernel.http`` and behind the ``usernel`` command.

The layers, of which each may import only those to its right, and siblings never one another::

    cli > compose > http > runtime > journal | syscalls > kernel > abi          (sim beside http, for tests)

* ``abi``: what crosses the line between user and kernel, as data: errnos, numbers, flags.
* ``kernel``: the model, synchronous and deterministic. A call that must wait is data; durable state changes only by
  folding facts; clocks and the results of the outside world are handed in.
* ``syscalls``: one table row and one thin function a system call. Every door is derived from the row.
* ``journal``: ordered durable bytes. ``runtime``: the asyncio shell, and the only owner of a kernel in a service.
* ``http``: REST, WebSocket and OpenAPI. ``cli``: the ``usernel`` command. ``compose``: wires them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from usernel.version import __version__

if TYPE_CHECKING:
    from usernel.sim import Kernel

__all__ = ["Kernel", "__version__"]


def __getattr__(name: str) -> object:
    # Loaded on first use, so that `usernel --version` need not build the table of system calls.
    if name == "Kernel":
        from usernel.sim import Kernel  # noqa: PLC0415

        return Kernel
    raise AttributeError(f"module 'usernel' has no attribute {name!r}")

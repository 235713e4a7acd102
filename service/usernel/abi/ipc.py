"""``linux/ipc.h``: what all System V objects share."""

from __future__ import annotations

from typing import Final

from .names import Names

IPC_PRIVATE: Final = 0

IPC_CREAT: Final = 0o1000
IPC_EXCL: Final = 0o2000
IPC_NOWAIT: Final = 0o4000

IPC_RMID: Final = 0
IPC_SET: Final = 1
IPC_STAT: Final = 2
IPC_INFO: Final = 3

IPCMNI: Final = 32768
"""Most identifiers of one kind in a namespace, and so the number of indices an id can hold."""
IPCMNI_SEQ_SHIFT: Final = 15
IPCMNI_IDX_MASK: Final = IPCMNI - 1
IPCID_SEQ_MAX: Final = 0x7FFFFFFF >> IPCMNI_SEQ_SHIFT
IPC_MIN_CYCLE: Final = 64
"""Indices are not reused before this many were handed out (``RADIX_TREE_MAP_SIZE``)."""

KEYS: Final = Names("ipc_key", {"IPC_PRIVATE": IPC_PRIVATE}, one=True)
"""What a key may be called instead of numbered."""
DURABILITY: Final = Names("durability", {"durable": 0, "ephemeral": 1}, one=True)
"""usernel's own: whether a queue outlives the service."""
GET_FLAGS: Final = Names("msgget_flags", {"IPC_CREAT": IPC_CREAT, "IPC_EXCL": IPC_EXCL})

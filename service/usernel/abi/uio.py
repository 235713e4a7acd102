"""``linux/uio.h``: buffers in pieces."""

from __future__ import annotations

from struct import Struct
from typing import Final

UIO_FASTIOV: Final = 8
UIO_MAXIOV: Final = 1024

IOVEC: Final = Struct("=QQ")
"""``struct iovec`` of a 64-bit machine: base len."""

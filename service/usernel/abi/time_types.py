"""``linux/time_types.h`` and the clocks of ``linux/time.h``."""

from __future__ import annotations

from struct import Struct
from typing import Final

CLOCK_REALTIME: Final = 0
CLOCK_MONOTONIC: Final = 1
CLOCK_BOOTTIME: Final = 7

KERNEL_TIMESPEC: Final = Struct("=qq")
"""``struct __kernel_timespec``: tv_sec tv_nsec."""

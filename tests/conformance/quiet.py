"""Waiting until nobody else on this host holds POSIX queues of root's: Linux counts them all (RLIMIT_MSGQUEUE)."""

from __future__ import annotations

import subprocess
import sys
import time

COUNTED = frozenset({"mq_limit.root_is_counted_too", "task.child_inherits"})
"""The cases that come out wrong where another test has a queue open."""
PATIENCE_S = 60.0
ROOM = """
import resource, sys
try:
    import posix_ipc
except ImportError:
    sys.exit(0)
resource.setrlimit(resource.RLIMIT_MSGQUEUE, (97, 819200))
try:
    queue = posix_ipc.MessageQueue(None, posix_ipc.O_CREX, max_messages=1, max_message_size=1)
except OSError:
    sys.exit(1)
queue.close()
queue.unlink()
"""
"""A queue of the smallest size fits exactly where there is no other."""


def wait() -> None:
    """Wait until there is room, or for as long as patience lasts: then the case says what is wrong."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        if not subprocess.run([sys.executable, "-c", ROOM], check=False, capture_output=True).returncode:
            return
        time.sleep(0.2)

"""The end of a thread, as the system has it."""

import time
from pathlib import Path

DEADLINE_S = 10


def join(thread):
    """Wait until the system has no such thread either: before Python 3.13 a thread is joined while it still ends, and
    fork(2) is warned of.
    """
    thread.join()
    deadline = time.monotonic() + DEADLINE_S
    while Path(f"/proc/self/task/{thread.native_id}").exists():
        if time.monotonic() > deadline:
            raise TimeoutError(thread.name)
        time.sleep(0.001)

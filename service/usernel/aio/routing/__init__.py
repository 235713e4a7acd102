"""Sending calls on files through the ring that were meant for a thread pool.

``Router`` looks at what is handed to the default executor. A callable that it knows is done at once where that cannot
sleep, else by the ring's workers; any other is handed on. Which callables are known is a committed list (``known``).
"""

from .router import Router

__all__ = ["Router"]

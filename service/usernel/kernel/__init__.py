"""The model: a synchronous, deterministic kernel that holds the objects and decides what happens to them.

Nothing here knows of clocks, threads, sockets or asyncio: both clocks are handed in, a call that must wait is *data*
(``call.py``, ``wait.py``), and durable state changes only by folding facts (``facts.py``). The runtime owns one
``Kernel`` and turns parked calls into awaits; tests own as many as they like.
"""

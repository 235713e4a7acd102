"""Namespaces: what a task sees of the kernel's objects (``namespaces(7)``).

``namespace.py`` is what all kinds share, one module a kind says what it isolates, and ``tree.py`` holds them all:
how they come into being, what keeps them, and how they end. ``idmap.py`` translates ids; ``pins.py`` is for whoever
administers them.
"""

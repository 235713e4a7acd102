"""Queues side by side in one interleaved run: usernel's doors, Redis lists, and the kernel's own queues.

``python -m tests.bench`` prints the table; ``pytest -m bench -s`` runs a short round of it. Nothing here asserts a
time: the goals are ratios, printed beside what was measured.
"""

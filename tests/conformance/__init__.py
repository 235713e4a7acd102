"""The same cases on Linux itself and on every door of usernel: a difference is a failure.

A *case* drives tasks through system calls and leaves a trace. What the host answered is kept in ``golden/``; where the
host can answer now (root, Linux, namespaces allowed) the golden files are checked against it in the same run.
``python -m tests.conformance.record`` records them anew.
"""

"""The callables that the ring takes over from a thread pool: the rule, held by a test.

``AT_ONCE`` are tried inside the loop and done by a worker where they might sleep; ``WORKERS`` always go to a worker.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, Final

AT_ONCE: Final[Mapping[Callable[..., Any], Callable[..., Any]]] = {}
WORKERS: Final[frozenset[Callable[..., Any]]] = frozenset({os.pread})
METHODS_AT_ONCE: Final[Mapping[tuple[type, str], Callable[..., Any]]] = {}
METHODS_BY_WORKERS: Final[frozenset[tuple[type, str]]] = frozenset()

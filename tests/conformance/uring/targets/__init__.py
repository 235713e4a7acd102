"""The targets of the rings' cases: one module each, with ``refusal()`` and ``syscalls()``.

``refusal()`` says why this machine cannot run it, empty where it can; ``syscalls()`` is what a fresh program calls.
"""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType


def load() -> dict[str, ModuleType]:
    """The targets that there are, by name."""
    names = [module.name for module in pkgutil.iter_modules(__path__) if not module.name.endswith("_unsafe")]
    return {name: importlib.import_module(f"{__name__}.{name}") for name in names}

"""The cases: functions that are handed a program, by module and name."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable

from .program import Program

Case = Callable[[Program], None]
CASES: dict[str, Case] = {}


def case(function: Case) -> Case:
    """Declare a function to be a case: ``module.name``."""
    name = f"{function.__module__.rpartition('.')[2]}.{function.__name__}"
    if name in CASES:
        raise ValueError(f"there are two cases {name}")
    CASES[name] = function
    return function


def load() -> dict[str, Case]:
    """Every case there is."""
    from . import cases

    for module in pkgutil.iter_modules(cases.__path__):
        importlib.import_module(f"{cases.__name__}.{module.name}")
    return CASES

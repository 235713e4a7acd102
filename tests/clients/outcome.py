"""How a call ended."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from usernel_client import KernelError


async def errno_of(awaitable: Awaitable[Any]) -> str:
    try:
        return f"returned {await awaitable!r}"
    except KernelError as error:
        return error.name


async def outcome_of(awaitable: Awaitable[Any]) -> Any:
    try:
        return await awaitable
    except KernelError as error:
        return error.name
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what the test looks at
        return type(error).__name__

"""What a function that tries a call at once answers where it might sleep."""

from __future__ import annotations

from typing import Final


class Later:
    """Not now: let a worker make the call."""

    __slots__ = ()


LATER: Final = Later()

"""``usernel demo``: a tour on real input, against a service of its own, that checks every result it shows."""

from .command import demo

__all__ = ["demo"]

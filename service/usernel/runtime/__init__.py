"""The asyncio shell: the only owner of a kernel in a service. Time comes in here, and sleeping calls become awaits."""

from .runtime import Runtime

__all__ = ["Runtime"]

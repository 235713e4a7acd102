"""The asyncio shell: the only owner of a kernel in a service. Time comes in here, and sleeping calls become awaits."""

from .keeper import Keeper
from .recovery import Progress
from .runtime import Runtime

__all__ = ["Keeper", "Progress", "Runtime"]

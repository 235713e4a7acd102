"""The asyncio shell: the only owner of a kernel in a service. Time comes in here, and sleeping calls become awaits."""

from .commit import GroupCommit
from .keeper import Keeper
from .recovery import Progress
from .runtime import Runtime

__all__ = ["GroupCommit", "Keeper", "Progress", "Runtime"]

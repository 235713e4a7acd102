"""usernel's Python client: System V and POSIX message queues over the network, with Linux's semantics.

``Client`` is for asyncio; ``SyncClient`` has the same methods without ``await``. What many tasks send at once leaves as
one batch. A call that ends with an errno raises ``KernelError``, an ``OSError``.
"""

from .client import Client, Task
from .errors import ConnectionLost, KernelError, ProtocolError
from .mq import Attributes, MqMessage, PosixQueue
from .msg import Message, MessageQueue
from .protocol import Result
from .sync import SyncClient, SyncMessageQueue, SyncPosixQueue, SyncTask

__all__ = [
    "Attributes",
    "Client",
    "ConnectionLost",
    "KernelError",
    "Message",
    "MessageQueue",
    "MqMessage",
    "PosixQueue",
    "ProtocolError",
    "Result",
    "SyncClient",
    "SyncMessageQueue",
    "SyncPosixQueue",
    "SyncTask",
    "Task",
]

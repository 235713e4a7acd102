"""usernel's Python client: message queues, namespaces and rings over the network, with Linux's semantics.

``Client`` is for asyncio; ``SyncClient`` has the same methods without ``await``. What many tasks send at once leaves as
one batch. A call that ends with an errno raises ``KernelError``, an ``OSError``.
"""

from .client import Client, Task
from .errors import ConnectionLost, KernelError, ProtocolError
from .io_uring import Cqe, Entered, Ring
from .mq import Attributes, MqMessage, PosixQueue
from .msg import Message, MessageQueue
from .protocol import Result
from .sync import SyncClient, SyncMessageQueue, SyncPosixQueue, SyncRing, SyncTask

__all__ = [
    "Attributes",
    "Client",
    "ConnectionLost",
    "Cqe",
    "Entered",
    "KernelError",
    "Message",
    "MessageQueue",
    "MqMessage",
    "PosixQueue",
    "ProtocolError",
    "Result",
    "Ring",
    "SyncClient",
    "SyncMessageQueue",
    "SyncPosixQueue",
    "SyncRing",
    "SyncTask",
    "Task",
]

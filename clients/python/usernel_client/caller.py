"""Who makes the calls: a connection, and the task on it."""

from __future__ import annotations

from typing import Any

from .connection import Connection, Orphan
from .protocol import Reply, Result, plain_out


class Caller:
    """Calls of one task: the connection's own (``pid`` None), or another that it may act as."""

    def __init__(self, connection: Connection, pid: int | None) -> None:
        self.connection = connection
        self.pid = pid

    async def reply(
        self, name: str, args: dict[str, Any], *, wait: float | None = None, orphan: Orphan | None = None
    ) -> Reply:
        """Make a call; see ``Connection.call``. KernelError, ProtocolError, ConnectionLost, TimeoutError."""
        return await self.connection.call(name, args, self.pid, wait, orphan)

    async def result(self, name: str, args: dict[str, Any]) -> Result:
        """Make a call; its number, and what it hands back as plain values."""
        reply = await self.reply(name, args)
        return Result(reply.ret, plain_out(reply.out))

    async def out(self, name: str, args: dict[str, Any]) -> dict[str, Any]:
        """Make a call; what it hands back."""
        return (await self.result(name, args)).out or {}

"""A client of ``/v1/syscalls`` that sees frames."""

from __future__ import annotations

import json
from socket import SHUT_RDWR
from typing import Any

import aiohttp
import msgspec

JSON, MSGPACK = "usernel.v1.json", "usernel.v1.msgpack"
BOTH = (JSON, MSGPACK)


class Frames:
    """One connection, in the subprotocol that was agreed on."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        self.ws = ws
        self.text = ws.protocol != MSGPACK

    async def send(self, *frames: Any) -> None:
        """One frame for each."""
        for frame in frames:
            if self.text:
                await self.ws.send_str(json.dumps(frame))
            else:
                await self.ws.send_bytes(msgspec.msgpack.encode(frame))

    async def frame(self) -> list[dict[str, Any]]:
        """The replies of the next frame."""
        message = await self.ws.receive(timeout=10)
        assert message.type is (aiohttp.WSMsgType.TEXT if self.text else aiohttp.WSMsgType.BINARY), message
        replies = json.loads(message.data) if self.text else msgspec.msgpack.decode(message.data)
        return replies if isinstance(replies, list) else [replies]

    async def replies(self, count: int) -> list[dict[str, Any]]:
        """So many replies, in whatever frames they come."""
        replies: list[dict[str, Any]] = []
        while len(replies) < count:
            replies += await self.frame()
        assert len(replies) == count
        return replies

    async def reply(self, frame: Any) -> dict[str, Any]:
        """The one reply to a frame."""
        await self.send(frame)
        return (await self.replies(1))[0]

    async def call(self, name: str, **args: Any) -> Any:
        """What a call returns, or the name of its errno."""
        reply = await self.reply({"id": name, "call": name, "args": args})
        assert reply["id"] == name
        return reply["errno_name"] if "errno" in reply else reply["ret"]

    async def closed(self) -> tuple[int | None, str | None]:
        """With which code and words the service closes, whatever it says before."""
        while (message := await self.ws.receive(timeout=10)).type in {aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY}:
            pass
        return self.ws.close_code, message.extra

    def vanish(self) -> None:
        """The connection ends without a word, there and then."""
        self.ws.get_extra_info("socket").shutdown(SHUT_RDWR)

    def reset(self) -> None:
        """The connection breaks, with what was not read."""
        self.ws._conn.transport.abort()

"""Frames between the driver and the processes it drives: a length and marshalled data, over a stream socket."""

from __future__ import annotations

import marshal
import socket
import struct
from typing import Any

LENGTH = struct.Struct("<I")


def send(stream: socket.socket, value: Any) -> None:
    body = marshal.dumps(value)
    stream.sendall(LENGTH.pack(len(body)) + body)


def receive(stream: socket.socket) -> Any:
    """The next frame. EOFError where the other side is gone."""
    (length,) = LENGTH.unpack(_exactly(stream, LENGTH.size))
    return marshal.loads(_exactly(stream, length))


def _exactly(stream: socket.socket, count: int) -> bytes:
    parts = []
    while count:
        try:
            part = stream.recv(count)
        except ConnectionResetError:
            part = b""
        if not part:
            raise EOFError
        parts.append(part)
        count -= len(part)
    return b"".join(parts)

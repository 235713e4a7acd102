"""What one client, and all of them together, may ask for at once."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of the service. One past a bound is an error with a sentence (429, EAGAIN, a close code), never memory."""

    body_bytes: int = 16 * 1024 * 1024 + 64 * 1024
    """A REST body: the largest message Linux allows in a queue, in base64 only where it is smaller."""
    frame_bytes: int = 16 * 1024 * 1024 + 64 * 1024
    """A WebSocket frame."""
    connections: int = 1024
    """Open connections, of all clients."""
    parked: int = 1024
    """Calls of one client that sleep."""
    unwritten: int = 4096
    """Outcomes of one WebSocket client that are done and not written; above it nothing more is read from the client."""
    joined_bytes: int = 256 * 1024
    """Message bytes after which no more replies are joined into a frame."""
    heartbeat: float = 20.0
    """Seconds between pings to a WebSocket client; one that does not answer within half of that is gone."""
    tick: float = 0.005
    """Seconds for which one client's frames are acted on before the others have their turn."""

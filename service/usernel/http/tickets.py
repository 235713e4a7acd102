"""One-use tickets for browsers, which cannot put a header on a WebSocket."""

from __future__ import annotations

import secrets
from time import monotonic

TTL = 30.0
MOST = 1024


class Tickets:
    """Tickets that were handed out and not used yet; each is good once, for 30 seconds."""

    def __init__(self) -> None:
        self._expiry: dict[str, float] = {}

    def issue(self) -> str | None:
        """A new ticket; None where too many are out."""
        now = monotonic()
        self._expiry = {ticket: expiry for ticket, expiry in self._expiry.items() if expiry > now}
        if len(self._expiry) >= MOST:
            return None
        ticket = secrets.token_urlsafe(32)
        self._expiry[ticket] = now + TTL
        return ticket

    def redeem(self, ticket: str) -> bool:
        """Whether a ticket is good; it is not afterwards."""
        return self._expiry.pop(ticket, 0.0) > monotonic()

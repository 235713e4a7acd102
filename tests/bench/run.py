"""One interleaved run: every server up, then round after round, each row once a round, in an order that turns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack

from tests.bench.contender import Contender, Ledger, Peer
from tests.bench.linux_peers import PEERS
from tests.bench.redis_peer import RedisPeer
from tests.bench.usernel_peer import UsernelPeer


def peers() -> list[Peer]:
    """Everything that is measured, in the order of the table."""
    return [UsernelPeer(), RedisPeer(), *PEERS]


def run(rounds: int, seconds: float, only: Sequence[str], progress: Callable[[str], None]) -> Ledger:
    """Measure `rounds` times each row whose name has one of the words `only` in it (all where there are none)."""
    ledger = Ledger()
    with ExitStack() as servers:
        rows: list[Contender] = []
        for peer in peers():
            reason = peer.missing()
            if reason is not None:
                ledger.missing[peer.name] = reason
            else:
                rows += servers.enter_context(peer.serve())
        rows = [row for row in rows if not only or any(word.lower() in row.name.lower() for word in only)]
        for number in range(rounds):
            turn = number % max(len(rows), 1)
            for row in rows[turn:] + rows[:turn]:
                progress(f"round {number + 1}/{rounds}: {row.name}")
                ledger.measure(row, seconds)
        ledger.order([row.name for row in rows])
    return ledger

"""The judge of a history: a pure function from what clients did and were told to what cannot be.

A receive whose answer was cut may have taken what it asked for, or held it for a while: each of its messages excuses
one that is gone or came late. Nothing else excuses anything.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from .history import End, History, Kind, Operation

DEFAULT = (16384, 0o600)
"""``msg_qbytes`` and mode of a queue that nobody has changed."""
SYSTEM_V = "msg"
GONE = frozenset({"EINVAL", "EIDRM", "ENOENT"})


@dataclass(slots=True, eq=False)
class Message:
    """A message that was to be sent, and where it came out."""

    body: bytes
    lane: int
    send: Operation
    index: int
    receive: Operation | None = None
    place: int = 0

    @property
    def acked(self) -> bool:
        return self.send.acked and self.index < self.send.went

    @property
    def in_doubt(self) -> bool:
        return self.send.cut

    def precedes(self, other: Message) -> bool:
        """Whether it was sent before the other, for certain."""
        if self.send is other.send:
            return self.index < other.index
        return self.send.ended < other.send.began

    def __str__(self) -> str:
        return f"{self.body[:24]!r} ({self.lane}), {self.send}"


@dataclass(slots=True, eq=False)
class Claim:
    """Something wrong, unless one of these receives had the message in its hands."""

    wrong: str
    excuses: list[Operation]


def violations(history: History | Sequence[Operation]) -> list[str]:
    """Everything in a history that may not be, as sentences. What was never drained cannot be judged, and is wrong."""
    operations = history.operations if isinstance(history, History) else list(history)
    messages, found = _messages(operations)
    found += _existence(operations)
    found += _settings(operations)
    claims, certain = _order(messages, operations)
    lost, never = _lost(messages, operations)
    return found + certain + never + _unexcused(claims + lost)


# ------------------------------------------------------------------------------------------------------------- messages


def _messages(operations: Sequence[Operation]) -> tuple[list[Message], list[str]]:
    """What was sent, each with its receive; and what was received that should not have been."""
    sent = {
        item[1]: Message(item[1], item[0], operation, index)
        for operation in operations
        if operation.kind is Kind.SEND
        for index, item in enumerate(operation.messages)
    }
    found: list[str] = []
    for operation in operations:
        if operation.kind is Kind.RECEIVE and operation.acked:
            for place, (lane, body) in enumerate(operation.messages):
                found += _received(sent.get(body), operation, place, lane, body)
    return list(sent.values()), found


def _received(message: Message | None, receive: Operation, place: int, lane: int, body: bytes) -> Iterator[str]:
    if message is None or receive.ended < message.send.began:
        yield f"phantom: {body[:24]!r} in {receive}, and nobody had sent it"
        return
    if (lane, receive.queue) != (message.lane, message.send.queue):
        yield f"changed: {message} came with {lane} in {receive}"
    if not (message.acked or message.in_doubt):
        yield f"refused, yet there: {message} in {receive}"
    if message.receive is not None:
        yield f"duplicate: {message} in {message.receive} and again in {receive}"
        return
    message.receive, message.place = receive, place


# ---------------------------------------------------------------------------------------------------------------- order


def _order(messages: list[Message], operations: Sequence[Operation]) -> tuple[list[Claim], list[str]]:
    """What came out behind something that was sent later: claims, and what no cut receive could be the reason of."""
    claims: list[Claim] = []
    certain: list[str] = []
    cut = _cut_receives(operations)
    for queue, received in _by_queue(message for message in messages if message.receive is not None).items():
        late: dict[int, tuple[Message, Message]] = {}
        for firsts, thens in _ordered(queue, received):
            for first, then in _overtaken(firsts, thens):
                late.setdefault(id(first), (first, then))
        claims += [_late(first, then, cut[queue]) for first, then in late.values()]
        certain += _in_one_answer(queue, received)
    return claims, certain


def _ordered(queue: str, received: list[Message]) -> Iterator[tuple[list[Message], list[Message]]]:
    """Pairs of groups: what is in the first comes out before what is in the second and was sent behind it."""
    lanes = sorted({message.lane for message in received})
    for lane in lanes:
        firsts = [message for message in received if message.lane == lane]
        yield firsts, firsts if _typed(queue) else [message for message in received if message.lane <= lane]
    if _typed(queue):
        yield received, [message for message in received if message.receive and not message.receive.mtype]


def _typed(queue: str) -> bool:
    """Whether it is a System V queue: in order but for receives of a type; a POSIX one is in order of priority."""
    return queue.startswith(SYSTEM_V)


def _overtaken(firsts: list[Message], thens: list[Message]) -> Iterator[tuple[Message, Message]]:
    """Each of ``firsts`` that came out behind one that was sent later: for certain, in other answers."""
    thens = sorted(thens, key=lambda message: message.send.began)
    began = [message.send.began for message in thens]
    earliest: list[Message] = []
    for message in reversed(thens):
        earliest.append(min(earliest[-1], message, key=_came) if earliest else message)
    earliest.reverse()
    for first in firsts:
        index = bisect_right(began, first.send.ended)
        if index < len(thens) and _came(earliest[index]) < _asked(first):
            yield first, earliest[index]
    yield from _overtaken_in_batches(firsts, thens)


def _overtaken_in_batches(firsts: list[Message], thens: list[Message]) -> Iterator[tuple[Message, Message]]:
    batches: defaultdict[int, list[Message]] = defaultdict(list)
    for message in thens:
        batches[id(message.send)].append(message)
    for first in firsts:
        for then in batches[id(first.send)]:
            if first.index < then.index and _came(then) < _asked(first):
                yield first, then


def _in_one_answer(queue: str, received: list[Message]) -> Iterator[str]:
    answers: defaultdict[int, list[Message]] = defaultdict(list)
    for message in received:
        answers[id(message.receive)].append(message)
    for answer in answers.values():
        answer.sort(key=lambda message: message.place)
        for earlier, later in combinations(answer, 2):
            if later.precedes(earlier) and _comes_first(queue, later, earlier):
                yield f"reordered: {later} came behind {earlier} in one answer"


def _comes_first(queue: str, message: Message, other: Message) -> bool:
    """Whether a message that was sent earlier than the other comes out before it in one and the same receive."""
    return message.lane >= other.lane if not _typed(queue) else True


def _came(message: Message) -> int:
    assert message.receive is not None
    return message.receive.ended


def _asked(message: Message) -> int:
    assert message.receive is not None
    return message.receive.began


def _late(first: Message, then: Message, cut: list[Operation]) -> Claim:
    assert then.receive is not None
    held = [
        receive
        for receive in cut
        if receive.mtype in {0, first.lane}
        and receive.began < then.receive.ended < receive.ended
        and receive.ended < _asked(first)
    ]
    return Claim(f"reordered: {first} came in {first.receive}, behind {then} in {then.receive}", held)


# ----------------------------------------------------------------------------------------------------------------- loss


def _lost(messages: list[Message], operations: Sequence[Operation]) -> tuple[list[Claim], list[str]]:
    """What was acknowledged and never came, as claims; and what cannot be told because its queue was never drained."""
    claims: list[Claim] = []
    never: list[str] = []
    drains = _drains(operations)
    ends = {queue for queue, _ in _gone(operations)}
    cut = _cut_receives(operations)
    for message in _missing(messages):
        queue = message.send.queue or ""
        drained = next((drain for drain in drains[queue] if drain.began > message.send.ended), None)
        if drained is not None:
            claims.append(Claim(f"lost: {message}", _takers(message, drained, cut[queue])))
        elif queue not in ends:
            never.append(f"never drained: {message}")
    return claims, never


def _missing(messages: list[Message]) -> Iterator[Message]:
    """Messages that were kept and never came: acknowledged, or of a batch of which a later one was kept."""
    reached: defaultdict[int, int] = defaultdict(lambda: -1)
    for message in messages:
        if message.receive is not None:
            reached[id(message.send)] = max(reached[id(message.send)], message.index)
    for message in messages:
        kept = message.acked or (message.in_doubt and message.index < reached[id(message.send)])
        if kept and message.receive is None:
            yield message


def _takers(message: Message, drained: Operation, cut: list[Operation]) -> list[Operation]:
    return [
        receive
        for receive in cut
        if receive.mtype in {0, message.lane} and receive.ended > message.send.began and receive.began < drained.ended
    ]


def _drains(operations: Sequence[Operation]) -> defaultdict[str, list[Operation]]:
    drains: defaultdict[str, list[Operation]] = defaultdict(list)
    for operation in operations:
        if operation.kind is Kind.DRAINED and operation.acked and operation.queue:
            drains[operation.queue].append(operation)
    return drains


def _cut_receives(operations: Sequence[Operation]) -> defaultdict[str, list[Operation]]:
    cut: defaultdict[str, list[Operation]] = defaultdict(list)
    for operation in operations:
        if operation.kind is Kind.RECEIVE and operation.cut and operation.queue:
            cut[operation.queue].append(operation)
    return cut


def _unexcused(claims: list[Claim]) -> list[str]:
    """What is left when as many claims as can be are excused: a matching of claims with the messages of receives."""
    holding: defaultdict[int, list[Claim]] = defaultdict(list)
    return [claim.wrong for claim in claims if not _excuse(claim, holding, set())]


def _excuse(claim: Claim, holding: defaultdict[int, list[Claim]], seen: set[int]) -> bool:
    for receive in claim.excuses:
        if id(receive) in seen:
            continue
        seen.add(id(receive))
        held = holding[id(receive)]
        if len(held) < receive.asked:
            held.append(claim)
            return True
        for other in held:
            if _excuse(other, holding, seen):
                held[held.index(other)] = claim
                return True
    return False


# ------------------------------------------------------------------------------------------------------------ existence


def _gone(operations: Sequence[Operation]) -> Iterator[tuple[str, Operation]]:
    """Each queue that is seen to be gone, or told to be, and by which operation; those that saw it first come first."""
    known: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for operation in sorted(operations, key=lambda operation: operation.ended):
        queue, found = operation.queue, known[operation.key]
        if operation.kind is Kind.OPEN and operation.acked and queue:
            yield from ((other, operation) for other in _others(found, operation))
            found.setdefault(queue, operation.ended)
        elif operation.kind is Kind.REMOVE and operation.acked and queue:
            yield queue, operation
        elif operation.end is End.REFUSED and operation.errno in GONE:
            yield from ((other, operation) for other in ([queue] if queue else _others(found, operation)))


def _others(found: dict[str, int], operation: Operation) -> list[str]:
    """The queues that had a key before it was looked at, and were not what was seen."""
    return [queue for queue, since in found.items() if queue != operation.queue and since < operation.began]


def _existence(operations: Sequence[Operation]) -> list[str]:
    """Queues that are gone though nobody removed them, and queues that are there though they were gone."""
    removals: defaultdict[str, list[Operation]] = defaultdict(list)
    for operation in operations:
        if operation.kind is Kind.REMOVE and operation.queue and operation.end is not End.REFUSED:
            removals[operation.queue].append(operation)
    found: list[str] = []
    ended: dict[str, Operation] = {}
    for queue, seen in _gone(operations):
        if all(removal.began > seen.ended for removal in removals[queue]):
            found.append(f"queue lost: {queue} is gone in {seen}, and nobody had removed it")
        ended.setdefault(queue, seen)
    for operation in operations:
        gone = ended.get(operation.queue or "")
        if gone is not None and operation.acked and operation.began > gone.ended and _needs_queue(operation):
            found.append(f"resurrected: {operation.queue} is there in {operation}, and was gone in {gone}")
    return found + _reused(operations)


def _needs_queue(operation: Operation) -> bool:
    """Whether it cannot succeed on a queue without a name: a descriptor reaches an unlinked POSIX queue still."""
    return operation.kind is Kind.OPEN or _typed(operation.queue or "")


def _reused(operations: Sequence[Operation]) -> list[str]:
    keys: dict[str, str] = {}
    found = []
    for operation in operations:
        if operation.kind is Kind.OPEN and operation.acked and operation.queue:
            key = keys.setdefault(operation.queue, operation.key)
            if key != operation.key:
                found.append(f"reused: {operation.queue} was the queue of {key}, and is that of {operation.key}")
    return found


# ------------------------------------------------------------------------------------------------------------- settings


def _settings(operations: Sequence[Operation]) -> list[str]:
    """Each look at a queue's settings: some write gave them that no later one, or later look, has replaced."""
    found: list[str] = []
    for queue, about in _by_queue_settings(operations).items():
        writes = [Operation(Kind.SET, "", queue, value=DEFAULT, end=End.ACKED)]
        for operation in about:
            if operation.kind is Kind.SET and operation.end is not End.REFUSED:
                writes.append(operation)
            elif operation.kind is Kind.STAT and operation.acked:
                if not any(_visible(write, operation, writes) for write in writes):
                    found.append(f"settings: {operation} of {queue} shows {operation.value}")
                writes.append(operation)
    return found


def _visible(write: Operation, look: Operation, writes: Iterable[Operation]) -> bool:
    if write.value != look.value or write.began > look.ended:
        return False
    return not any(
        other.acked and other.value != write.value and other.began > write.ended and other.ended < look.began
        for other in writes
    )


def _by_queue_settings(operations: Sequence[Operation]) -> dict[str, list[Operation]]:
    about: defaultdict[str, list[Operation]] = defaultdict(list)
    for operation in operations:
        if operation.kind in {Kind.SET, Kind.STAT} and operation.queue:
            about[operation.queue].append(operation)
    return about


def _by_queue(messages: Iterable[Message]) -> dict[str, list[Message]]:
    queues: defaultdict[str, list[Message]] = defaultdict(list)
    for message in messages:
        queues[message.send.queue or ""].append(message)
    return queues

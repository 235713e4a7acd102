"""Receiving in two steps against a plain model: what is held keeps its place, and abort gives it to whom it is due."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import usernel
from tests.conformance.targets.invariants import check
from tests.kernel.shadow import Shadow
from usernel.sim import CallHandle

Body = tuple[int, bytes]
PHASES = [Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink]


@dataclass
class Model:
    """A queue as a list of what was sent and is not gone; ``held`` are places in it. Nobody sleeps on it."""

    sent: list[Body] = field(default_factory=list)
    gone: set[int] = field(default_factory=set)
    held: set[int] = field(default_factory=set)

    @property
    def there(self) -> list[int]:
        """The places that count in the queue."""
        return [place for place in range(len(self.sent)) if place not in self.gone]

    def first(self, wanted: int, posix: bool) -> int | None:
        """The place of the message that a receiver gets."""
        visible = [place for place in self.there if place not in self.held]
        if posix:
            return min(visible, key=lambda place: (-self.sent[place][0], place), default=None)
        if wanted < 0:
            low = [place for place in visible if self.sent[place][0] <= -wanted]
            return min(low, key=lambda place: (self.sent[place][0], place), default=None)
        return next((place for place in visible if wanted in (0, self.sent[place][0])), None)

    def hold(self, wanted: int, most: int, posix: bool) -> list[int]:
        """Hold up to ``most`` messages."""
        taken: list[int] = []
        while len(taken) < most and (place := self.first(wanted, posix)) is not None:
            taken.append(place)
            self.held.add(place)
        return taken


class Queue:
    """One queue of either family, and its model."""

    def __init__(self, posix: bool) -> None:
        self.posix = posix
        self.kernel = usernel.Kernel()
        self.shadow = Shadow(self.kernel)
        self.task = self.kernel.fork()
        self.model = Model()
        self.open: list[tuple[CallHandle, list[int]]] = []
        if posix:
            self.queue = self.task.mq_open("q", "O_CREAT | O_RDWR | O_NONBLOCK", 0o600, (100, 8))
        else:
            self.queue = self.task.msgget("IPC_PRIVATE", 0o600)

    def send(self, kinds: list[int]) -> None:
        messages = [(kind, b"%d" % (len(self.model.sent) + index)) for index, kind in enumerate(kinds)]
        batch = self.task.mq_timedsend_batch if self.posix else self.task.msgsnd_batch
        assert batch(self.queue, messages) == len(messages)
        self.model.sent += messages

    def receive(self, wanted: int, most: int) -> None:
        expected = self.model.hold(wanted, most, self.posix)
        if self.posix:
            call = self.task.start("mq_timedreceive_batch", self.queue, most, hold=True)
        else:
            call = self.task.start("msgrcv_batch", self.queue, most, None, wanted, "IPC_NOWAIT", hold=True)
        if not expected:
            assert call.error is not None
            return
        assert call.out is not None
        assert [tuple(body) for body in call.out["messages"]] == [self.model.sent[place] for place in expected]
        self.open.append((call, expected))

    def settle(self, which: int, commit: bool) -> None:
        if not self.open:
            return
        call, places = self.open.pop(which % len(self.open))
        self.model.held -= set(places)
        if commit:
            assert call.commit()
            self.model.gone |= set(places)
        else:
            call.abort()
            assert call.error is not None
            assert call.error.name == "EINTR"

    def look(self) -> None:
        """The queue counts what is held, and shows what is not."""
        there = self.model.there
        total = sum(len(self.model.sent[place][1]) for place in there)
        visible = [self.model.sent[place][1] for place in there if place not in self.model.held]
        if self.posix:
            stat = self.task.mq_stat("q").out
            assert (stat["mq_curmsgs"], stat["qsize"], stat["held"]) == (len(there), total, len(self.model.held))
            shown = self.task.mq_peek(self.queue, 0, 1000).out["messages"]
        else:
            stat = self.task.msg_stat(self.queue).out
            assert (stat["msg_qnum"], stat["msg_cbytes"], stat["held"]) == (len(there), total, len(self.model.held))
            shown = self.task.msg_peek(self.queue, 0, 1000).out["messages"]
            assert [message["data"] for message in shown] == visible
        assert sorted(message["data"] for message in shown) == sorted(visible)


kinds = st.lists(st.integers(1, 3), min_size=1, max_size=4)
steps = st.one_of(
    st.tuples(st.just("send"), st.fixed_dictionaries({"kinds": kinds})),
    st.tuples(st.just("receive"), st.fixed_dictionaries({"wanted": st.integers(-3, 3), "most": st.integers(1, 3)})),
    st.tuples(st.just("settle"), st.fixed_dictionaries({"which": st.integers(0, 5), "commit": st.booleans()})),
)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck), phases=PHASES, print_blob=True)
@given(st.booleans(), st.lists(steps, max_size=30))
def test_held_messages_keep_their_places_and_count(posix: bool, history: list[tuple[str, dict[str, Any]]]) -> None:
    queue = Queue(posix)
    for name, how in history:
        getattr(queue, name)(**how)
        queue.look()
        check(queue.kernel.model)
        queue.shadow.follow()


@settings(max_examples=60, deadline=None, phases=PHASES)
@given(st.booleans(), st.lists(st.integers(1, 3), min_size=1, max_size=6), st.integers(1, 6), st.data())
def test_aborted_messages_go_to_those_who_wait(posix: bool, sent: list[int], waiting: int, data: st.DataObject) -> None:
    """As many receivers as wait get the messages in the order of the queue, whatever order they were held in."""
    queue = Queue(posix)
    queue.send(sent)
    queue.receive(0 if posix else data.draw(st.sampled_from([0, -3])), len(sent))
    if posix:
        queue.task.mq_getsetattr(queue.queue, {"mq_flags": 0})
    row = "mq_timedreceive" if posix else "msgrcv"
    receivers = [queue.task.start(row, queue.queue, hold=data.draw(st.booleans())) for _ in range(waiting)]
    assert not any(receiver.done for receiver in receivers)
    queue.settle(0, commit=False)
    order = sorted(queue.model.sent, key=lambda body: -body[0]) if posix else queue.model.sent
    got = [receiver.out["data"] for receiver in receivers if receiver.done and receiver.out]
    assert got == [body[1] for body in order[:waiting]]
    assert [receiver.done for receiver in receivers] == [index < len(sent) for index in range(waiting)]
    check(queue.kernel.model)
    queue.shadow.follow()

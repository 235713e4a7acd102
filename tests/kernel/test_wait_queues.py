"""The order of sleepers, against plain lists."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from usernel.kernel.call import Call
from usernel.kernel.kernel import Kernel
from usernel.kernel.wait import PriorityWaitQueue, WaitQueue

numbers = st.integers(0, 5)


def calls() -> list[Call]:
    """Six calls, each of a task of its own."""
    kernel = Kernel()
    return [Call(kernel.init, f"call{number}", lambda *_: None, ()) for number in range(6)]  # type: ignore[arg-type]


@given(st.lists(st.tuples(st.sampled_from(["add", "remove", "rotate"]), numbers)))
def test_sleepers_stand_in_the_order_of_their_coming_and_rotate_to_the_tail(steps: list[tuple[str, int]]) -> None:
    queue, made = WaitQueue(), calls()
    model: list[int] = []
    for name, number in steps:
        if (name == "add") == (number in model):
            continue
        if number in model:
            model.remove(number)
        if name != "remove":
            model.append(number)
        getattr(queue, name)(*([made[number], number] if name == "add" else [made[number]]))
        assert [entry for _, entry in queue] == model
        assert len(queue) == len(model)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["add", "add", "remove"]), numbers, st.integers(-20, 19))))
def test_sleepers_stand_by_priority_and_then_in_the_order_of_their_coming(steps: list[tuple[str, int, int]]) -> None:
    queue = PriorityWaitQueue()
    made: dict[int, Any] = {}
    model: list[tuple[int, int]] = []
    for order, (name, number, nice) in enumerate(steps):
        if name == "add" and number not in made:
            call = made[number] = Call(Niced(120 + nice), "call", lambda *_: None, ())  # type: ignore[arg-type]
            queue.add(call, order)
            model = sorted([*model, (120 + nice, order)])
        elif name == "remove" and number in made:
            call = made.pop(number)
            gone = next(entry for found, entry in queue if found is call)
            queue.remove(call)
            queue.remove(call)
            model = [pair for pair in model if pair[1] != gone]
        assert [entry for _, entry in queue] == [order for _, order in model]
        first = queue.first()
        assert (first[1] if first else None) == (model[0][1] if model else None)


class Niced:
    """As much of a task as the order of sleepers looks at."""

    def __init__(self, prio: int) -> None:
        self.prio = prio


def test_a_queue_may_change_while_it_is_walked() -> None:
    queue, made = WaitQueue(), calls()
    for number, call in enumerate(made):
        queue.add(call, number)
    for call, _ in queue:
        queue.remove(call)
    assert len(queue) == 0

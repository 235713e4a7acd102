"""The same seed and the same steps are the same history, to the last fact, output and answer."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import usernel
from tests.syscalls.world import Step, World, steps
from usernel.sim import Task
from usernel.sim.kernel import EPOCH_NS


def lived(seed: int, history: list[Step]) -> tuple[Any, ...]:
    """All that can be seen of a history in which every tenth send fails."""
    world = World(seed)
    world.kernel.fault("msgsnd", "EAGAIN", times=None, chance=0.1)
    world.kernel.fault("mq_timedsend", "EAGAIN", times=None, chance=0.1)
    outcomes = []
    for step in history:
        world.live(step)
        outcomes.append([(row.name, call.done) for row, call in world.asleep])
    return list(world.kernel.facts), list(world.kernel.take_outputs()), world.answered, outcomes, world.kernel.stat()


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.reuse, Phase.generate])
@given(st.integers(0, 2**32), st.lists(steps, min_size=20, max_size=60))
def test_a_history_is_replayed_by_its_seed(seed: int, history: list[Step]) -> None:
    assert lived(seed, history) == lived(seed, history)


def coins(kernel: usernel.Kernel) -> list[bool]:
    """Which of many calls a fault with an even chance struck."""
    task = kernel.fork()
    kernel.fault("getpid", "EPERM", times=None, chance=0.5)
    return [task.start("getpid").error is not None for _ in range(64)]


def test_another_seed_is_another_history() -> None:
    assert coins(usernel.Kernel(seed=1)) == coins(usernel.Kernel(seed=1))
    assert coins(usernel.Kernel(seed=1)) != coins(usernel.Kernel(seed=2))


def test_two_kernels_know_nothing_of_each_other() -> None:
    one, other = usernel.Kernel(), usernel.Kernel()
    one.fork().msgget(1, 0o1600)
    one.advance(5)
    assert other.stat()["msg_queues"] == 0
    assert other.model.monotonic_ns == 0
    assert other.model.realtime_ns == EPOCH_NS


def test_facts_are_all_since_the_beginning_and_outputs_those_since_the_last_time() -> None:
    kernel = usernel.Kernel()
    task: Task = kernel.fork()
    task.msgget(1, 0o1600)
    names = [type(fact).__name__ for fact in kernel.facts]
    assert names == ["QueueCreated"]
    assert [type(fact).__name__ for fact in kernel.facts] == names
    task.exit_group(3)
    assert [(output.pid, output.status) for output in kernel.take_outputs()] == [(task.pid, 3)]  # type: ignore[union-attr]
    assert kernel.take_outputs() == []

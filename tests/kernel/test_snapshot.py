"""A snapshot is the durable state of one moment, in parts of bounded size."""

from __future__ import annotations

from copy import deepcopy

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import usernel
from tests.syscalls.world import Step, World, steps
from usernel.kernel.durable import durable_state
from usernel.kernel.facts import Fact, MessagesRestored, MqMessagesRestored
from usernel.kernel.fold import FOLDS
from usernel.kernel.kernel import Kernel
from usernel.kernel.snapshot import PART_BYTES, PART_MESSAGES, Snapshot

from .shadow import restored

CREATE = "O_CREAT | O_RDWR"


@pytest.fixture
def kernel() -> usernel.Kernel:
    return usernel.Kernel()


def contents(kernel: usernel.Kernel) -> list[list[Fact]]:
    """The messages of a snapshot, by its parts."""
    parts = [[fact for fact in part if has_messages(fact)] for part in Snapshot(kernel.model).parts()]
    return [part for part in parts if part]


def has_messages(fact: Fact) -> bool:
    return isinstance(fact, (MessagesRestored, MqMessagesRestored))


def folded(parts: list[list[Fact]]) -> Kernel:
    made = Kernel()
    for part in parts:
        for fact in part:
            FOLDS[type(fact)](made, fact)
    return made


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(steps, min_size=10, max_size=40), st.lists(steps, min_size=5, max_size=15))
def test_it_is_the_state_of_its_moment_whatever_comes_after(before: list[Step], after: list[Step]) -> None:
    """Its facts are made when they are written: what happens meanwhile must not be in them."""
    world = World()
    for step in before:
        world.live(step)
    state, snapshot = deepcopy(durable_state(world.kernel.model)), Snapshot(world.kernel.model)
    for step in after:
        world.live(step)
    assert durable_state(folded([list(part) for part in snapshot.parts()])) == state


def test_of_a_fresh_kernel_it_is_almost_nothing(kernel: usernel.Kernel) -> None:
    (part,) = Snapshot(kernel.model).parts()
    assert len(part) < 12
    assert durable_state(restored(kernel.model)) == durable_state(Kernel())


def test_its_position_is_that_of_the_last_fact(kernel: usernel.Kernel) -> None:
    kernel.fork().msgget(1, 0o1600)
    snapshot = Snapshot(kernel.model)
    assert (snapshot.position, snapshot.messages) == (len(kernel.facts), 0)


def queue_of(kernel: usernel.Kernel, bodies: list[bytes]) -> int:
    """A System V queue of these messages, whatever its limits would say."""
    task = kernel.init
    task.sysctl("kernel.msgmax", 2**30)
    task.sysctl("kernel.msgmnb", 2**30)
    msqid = task.msgget(1, 0o1600)
    task.msgsnd_batch(msqid, [(1, body) for body in bodies])
    return msqid


@pytest.mark.parametrize(("count", "sizes"), [
    (PART_MESSAGES - 1, [PART_MESSAGES - 1]),
    (PART_MESSAGES, [PART_MESSAGES]),
    (PART_MESSAGES + 1, [PART_MESSAGES, 1]),
    (2 * PART_MESSAGES + 5, [PART_MESSAGES, PART_MESSAGES, 5]),
])  # fmt: skip
def test_a_part_has_a_bounded_number_of_messages(kernel: usernel.Kernel, count: int, sizes: list[int]) -> None:
    queue_of(kernel, [b""] * count)
    assert [sum(len(fact.messages) for fact in part) for part in contents(kernel)] == sizes
    assert durable_state(restored(kernel.model)) == durable_state(kernel.model)


@pytest.mark.parametrize(("sizes", "parts"), [
    ([PART_BYTES // 2] * 2, [2]),
    ([PART_BYTES // 2] * 3, [2, 1]),
    ([PART_BYTES - 1, 1, 1], [2, 1]),
    ([PART_BYTES, 1], [1, 1]),
    ([3 * PART_BYTES, 1, 3 * PART_BYTES], [1, 2]),
])  # fmt: skip
def test_a_part_has_a_bounded_number_of_bytes(kernel: usernel.Kernel, sizes: list[int], parts: list[int]) -> None:
    """The message that fills it is the last one in it."""
    queue_of(kernel, [bytes(size) for size in sizes])
    assert [sum(len(fact.messages) for fact in part) for part in contents(kernel)] == parts
    assert durable_state(restored(kernel.model)) == durable_state(kernel.model)


def test_small_queues_share_a_part(kernel: usernel.Kernel) -> None:
    for _ in range(20):
        kernel.init.msgsnd(kernel.init.msgget(0, 0o600), 1, b"x")
    mqdes = kernel.init.mq_open("q", CREATE, 0o600)
    kernel.init.mq_timedsend(mqdes, b"y", msg_prio=1)
    (part,) = contents(kernel)
    assert len(part) == 21


def test_what_is_held_is_in_its_place(kernel: usernel.Kernel) -> None:
    task = kernel.fork()
    msqid = task.msgget(1, 0o1600)
    task.msgsnd_batch(msqid, [(kind, bytes([kind])) for kind in (1, 2, 3)])
    mqdes = task.mq_open("q", CREATE, 0o600)
    task.mq_timedsend_batch(mqdes, [(1, b"a"), (2, b"b")])
    assert task.start("msgrcv", msqid, 8, 2, hold=True).done
    assert task.start("mq_timedreceive", mqdes, hold=True).done
    assert Snapshot(kernel.model).messages == 5
    made = restored(kernel.model)
    assert durable_state(made) == durable_state(kernel.model)
    queue = next(iter(made.ipc_namespaces.values())).msg_ids.by_index[0]
    assert ([seq for seq, _ in queue.messages], queue.held) == ([1, 2, 3], {})


def test_of_an_ephemeral_queue_there_is_only_that_it_is(kernel: usernel.Kernel) -> None:
    task = kernel.fork()
    task.msgsnd(task.msgget(1, 0o1600, "ephemeral"), 1, b"secret")
    mqdes = task.mq_open("q", CREATE, 0o600, None, "ephemeral")
    task.mq_timedsend(mqdes, b"secret", msg_prio=1)
    snapshot = Snapshot(kernel.model)
    assert snapshot.messages == 0
    assert contents(kernel) == []
    made = restored(kernel.model)
    assert durable_state(made) == durable_state(kernel.model)
    assert [queue.qnum for queue in next(iter(made.ipc_namespaces.values())).msg_ids.by_index.values()] == [0]


def test_an_unlinked_queue_that_is_open_is_in_it(kernel: usernel.Kernel) -> None:
    task = kernel.fork()
    mqdes = task.mq_open("q", CREATE, 0o600)
    task.mq_timedsend(mqdes, b"x", msg_prio=1)
    task.mq_unlink("q")
    task.mq_open("q", CREATE, 0o600)
    made = restored(kernel.model)
    assert durable_state(made) == durable_state(kernel.model)
    assert len(next(iter(made.ipc_namespaces.values())).mq_inodes) == 2


def test_what_was_given_is_not_given_again(kernel: usernel.Kernel) -> None:
    """Numbers of what was gone already when the snapshot was made."""
    task = kernel.fork()
    ids = [task.msgget(0, 0o600) for _ in range(3)]
    for msqid in ids:
        task.msgctl(msqid, "IPC_RMID")
    task.close(task.mq_open("q", CREATE, 0o600))
    task.mq_unlink("q")
    gone = kernel.fork(unshare="CLONE_NEWIPC | CLONE_NEWUTS")
    gone.exit_group(0)
    made = restored(kernel.model)
    assert made.ns_tree.next_numbers() == kernel.model.ns_tree.next_numbers()
    assert made.last_ino == 1
    new = next(iter(made.ipc_namespaces.values())).msg_ids
    assert new.allocate(10) == task._task.nsproxy.ipc.msg_ids.allocate(10)
    assert new.allocate(10) not in ids

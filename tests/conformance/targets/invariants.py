"""What holds in a kernel whenever no call is running."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from usernel.abi.io_uring import IORING_SETUP_DEFER_TASKRUN
from usernel.kernel.file import File
from usernel.kernel.io_uring.ctx import RingCtx
from usernel.kernel.io_uring.file import UringFile
from usernel.kernel.io_uring.task_port import TaskFile
from usernel.kernel.ipc.hold import Hold
from usernel.kernel.ipc.mqueue_file import MqFile
from usernel.kernel.ipc.mqueue_inode import MqInode
from usernel.kernel.ipc.msg_queue import MsgQueue
from usernel.kernel.kernel import Kernel
from usernel.kernel.ns.ipc import IpcNamespace
from usernel.kernel.ns.namespace import Namespace
from usernel.kernel.ns.tree import FIRST_DYNAMIC_INUM, kept_by
from usernel.kernel.nsfs import NsFile


def check(kernel: Kernel, held: Iterable[Namespace] = ()) -> None:
    """Fail where the kernel's tables contradict one another; ``held`` is what somebody outside of it keeps."""
    assert not kernel._ready, "a woken call has not run"
    for ns in kernel.ipc_namespaces.values():
        check_namespace(kernel, ns)
    charges: Counter[int] = Counter()
    for ns in kernel.ipc_namespaces.values():
        for inode in ns.mq_inodes.values():
            charges[inode.charged] += inode.bytes
    assert kernel.mq_charges == dict(charges), "a user is charged for other queues than there are"
    check_files(kernel)
    check_references(kernel, held)
    check_processes(kernel)
    check_sleepers(kernel)
    check_holds(kernel)


def check_namespace(kernel: Kernel, ns: IpcNamespace) -> None:
    """One namespace's tables: by key, by index, by name."""
    ids = ns.msg_ids
    assert ids.by_key == {queue.perm.key: queue for queue in ids.by_index.values() if queue.perm.key}
    assert ids.max_idx == max(ids.by_index, default=-1)
    for index, queue in ids.by_index.items():
        assert queue.perm.id & 0x7FFF == index
        assert not queue.removed
        check_msg_queue(queue)
    assert all(inode.name == name for name, inode in ns.mq_names.items())
    assert {inode.ino for inode in ns.mq_names.values()} <= set(ns.mq_inodes)
    for inode in ns.mq_inodes.values():
        assert inode.name is None or ns.mq_names.get(inode.name) is inode
        assert inode.name is not None or inode.files, "a queue with neither name nor descriptor is still there"
        check_mqueue(inode)


def check_references(kernel: Kernel, held: Iterable[Namespace]) -> None:
    """Each namespace is counted by what keeps it, and each member is in it."""
    tasks: Counter[Namespace] = Counter()
    refs: Counter[Namespace] = Counter(kept for ns in kernel.ns_tree for kept in kept_by(ns))
    refs.update(held)
    for task in {pid.task for pid in kernel.pids.values() if pid.task is not None}:
        own = [task.cred.user_ns, task.thread_pid.ns, *(() if task.exited else task.nsproxy.members)]
        tasks.update(own)
        refs.update([*own, *(() if task.exited else task.nsproxy.everything[len(task.nsproxy.members) :])])
    refs.update(file.ns for file in open_files(kernel) if isinstance(file, (MqFile, NsFile)))
    for ns in kernel.ns_tree:
        assert ns.tasks == tasks[ns], f"{ns.link} has {tasks[ns]} members, not {ns.tasks}"
        initial = ns.inum < FIRST_DYNAMIC_INUM
        assert ns.refs == refs[ns] + ns.pinned + initial, f"{ns.link} is kept by {refs[ns]}, not {ns.refs}"
        assert ns.refs, f"{ns.link} is there, and nothing keeps it"


def check_processes(kernel: Kernel) -> None:
    """Parents, children, threads and numbers agree."""
    living = [pid.task for pid in kernel.pids.values() if pid.task is not None]
    assert kernel.user_tasks == dict(Counter(task.cred.uid for task in living))
    groups = Counter(task.group.pgrp for task in living if task is task.leader)
    for number, pid in kernel.pids.items():
        assert len(pid.group_members) == groups[pid]
        assert pid.nr == number
        assert pid.attached > 0
        for ns, inside in pid.numbers:
            assert ns.pids[inside] is pid
        task = pid.task
        if task is not None and task is task.leader:
            assert task.parent is None or task.parent.children[task.pid] is task
            assert all(child.parent is task for child in task.children.values())
            assert all(thread.group is task.group for thread in task.group.threads.values())


def check_msg_queue(queue: MsgQueue) -> None:
    """One System V queue: its counts, its order, and that nobody sleeps who need not."""
    everything = [*(body for _, body in queue.messages), *queue.held.values()]
    assert queue.cbytes == sum(len(data) for _, data in everything)
    assert queue.qnum == len(everything)
    places = [seq for seq, _ in queue.messages]
    assert places == sorted(set(places))
    assert not set(places) & set(queue.held)
    assert max([*places, *queue.held], default=0) < queue.next_seq
    assert all(kind >= 1 for kind, _ in everything)
    assert not any(queue.fits(sender.size) for _, sender in queue.senders), "a sender sleeps beside room"
    for _, receiver in queue.receivers:
        assert not any(receiver.wants(kind) for _, (kind, _) in queue.messages), "a receiver sleeps beside its message"


def check_mqueue(inode: MqInode) -> None:
    """One POSIX queue, likewise."""
    everything = [*(body for _, body in inode.messages()), *inode.held.values()]
    assert inode.curmsgs == len(everything) <= inode.maxmsg
    assert inode.qsize == sum(len(data) for _, data in everything)
    assert all(len(data) <= inode.msgsize for _, data in everything)
    assert inode._priorities == sorted(inode.levels)
    assert all(inode.levels.values())
    for priority, level in inode.levels.items():
        assert [seq for seq, _ in level] == sorted({seq for seq, _ in level})
        assert all(kind == priority for _, (kind, _) in level)
    assert inode.full or not inode.senders, "a sender sleeps beside room"
    assert not inode.visible or not inode.receivers, "a receiver sleeps beside a message"
    assert inode.notify is None or not inode.notify.owner.exited


def open_files(kernel: Kernel) -> Counter[File]:
    """Each open file, and by how many it is held: descriptors, calls that sleep on it, rings."""
    refs: Counter[File] = Counter()
    for table in {task.fds for task in kernel.tasks.values()}:
        assert table.users == sum(task.fds is table for task in kernel.tasks.values())
        refs.update(file for _, file in table)
    for task in kernel.tasks.values():
        refs.update(file for call in task.parked if call.block for file in call.block.files)
    unseen = [file for file in refs if isinstance(file, UringFile)]
    while unseen:
        held = list(held_by_ring(unseen.pop().ctx))
        unseen += {file for file in held if isinstance(file, UringFile) and file not in refs}
        refs.update(held)
    return refs


def held_by_ring(ctx: RingCtx) -> Iterator[File]:
    """What a ring holds open: what is registered, once for each node, and the files of its requests."""
    nodes = {node for node in ctx.file_table.nodes if node is not None}
    for req in ctx.inflight:
        if req.file_node is not None:
            nodes.add(req.file_node)
        elif isinstance(req.file, TaskFile):
            yield req.file.file
    yield from (node.file.file for node in nodes if isinstance(node.file, TaskFile))


def check_files(kernel: Kernel) -> None:
    """Each open file is counted by whatever holds it; each queue by its open files. No ring keeps what is done."""
    refs = open_files(kernel)
    assert all(file.refs == count for file, count in refs.items())
    for ctx in (file.ctx for file in refs if isinstance(file, UringFile)):
        assert not ctx.dying
        assert not ctx.compl_reqs, "a completion was not posted"
        assert ctx.flags & IORING_SETUP_DEFER_TASKRUN or not ctx.work_pending, "task work was not run"
    opens = Counter(file.inode for file in refs if isinstance(file, MqFile))
    for ns in kernel.ipc_namespaces.values():
        for inode in ns.mq_inodes.values():
            assert inode.files == opens[inode], f"queue {inode.name} is open {opens[inode]} times, not {inode.files}"


def check_sleepers(kernel: Kernel) -> None:
    """A parked call belongs to a task that lives, and stands in the queues it sleeps on."""
    for task in kernel.tasks.values():
        assert not task.exited
        for call in task.parked:
            assert call.block is not None
            assert not call.done
            assert all(any(found is call for found, _ in queue) for queue in call.block.on)


def check_holds(kernel: Kernel) -> None:
    """Each message that is held is in the hands of one call that is done, of a task that lives."""
    held = Counter(
        (hold.queue, seq) for task in kernel.tasks.values() for call in task.holding
        if isinstance(hold := call.held, Hold) for seq, _ in hold.messages
        if not getattr(hold.queue, "removed", False)
    )  # fmt: skip
    queues = [queue for ns in kernel.ipc_namespaces.values() for queue in ns.msg_ids.by_index.values()]
    inodes = [inode for ns in kernel.ipc_namespaces.values() for inode in ns.mq_inodes.values()]
    there = {(queue, seq) for queue in (*queues, *inodes) for seq in queue.held}
    assert all(count == 1 for count in held.values())
    assert there <= set(held), "a message is held by nobody"

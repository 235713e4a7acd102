"""POSIX message queues: mq_open, mq_unlink, mq_timedsend, mq_timedreceive, mq_getsetattr (``ipc/mqueue.c``)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from usernel.abi.capability import CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER, CAP_SYS_RESOURCE
from usernel.abi.errno import Errno
from usernel.abi.fcntl import O_ACCMODE, O_CREAT, O_EXCL, O_NONBLOCK, O_RDWR, O_WRONLY
from usernel.abi.mqueue import HARD_MSGMAX, HARD_MSGSIZEMAX, MQ_PRIO_MAX
from usernel.abi.resource import RLIMIT_MSGQUEUE
from usernel.abi.stat import MAY_READ, MAY_WRITE, NAME_MAX, PATH_MAX, S_IALLUGO

from ..call import Block, Call, Out, Return, Wake
from ..cred import Cred
from ..error import KernelError
from ..facts import Body, MqCreated, MqReceived, MqSent, MqUnlinked
from ..fdtable import open_fd
from ..ns.idmap import INVALID_ID
from .hold import BODY, SEQ, Hold, Message
from .mq_notify import do_notify
from .mqueue_file import MqFile, mq_file
from .mqueue_inode import MqInode, mq_bytes

if TYPE_CHECKING:
    from ..kernel import Kernel
    from ..ns.ipc import IpcNamespace
    from ..task import Task


UINT_MAX = 0xFFFFFFFF


class MqSender(NamedTuple):
    """A send in progress: the messages, how many of them went; ``batch`` calls return that count, others 0."""

    file: MqFile
    messages: Sequence[Body]
    sent: int
    until: int | None
    batch: bool


class MqReceiver(NamedTuple):
    """A receive in progress, for up to ``count`` messages."""

    file: MqFile
    most: int
    until: int | None
    batch: bool


class MqAttr(NamedTuple):
    """The fields of ``struct mq_attr`` that mq_open(2) reads."""

    mq_maxmsg: int
    mq_msgsize: int


def check_name(name: str) -> None:
    """Whether a name may be looked up at all (``getname``, ``lookup_noperm``). ENOENT, EACCES, ENAMETOOLONG."""
    size = len(name.encode())
    if not name:
        raise KernelError(Errno.ENOENT, "a queue's name is not empty")
    if size >= PATH_MAX:
        raise KernelError(Errno.ENAMETOOLONG, f"a name of {size} bytes")
    if name in (".", "..") or "/" in name or "\0" in name:
        raise KernelError(Errno.EACCES, "the system call takes a queue's name without a slash (mq_open(3) strips it)")


def lookup(ns: IpcNamespace, name: str) -> MqInode | None:
    """The queue of a name, if there is one. As ``check_name``, and ENAMETOOLONG above NAME_MAX bytes."""
    check_name(name)
    if len(name.encode()) > NAME_MAX:
        raise KernelError(Errno.ENAMETOOLONG, f"a queue's name has {NAME_MAX} bytes at most")
    return ns.mq_names.get(name)


def mq_open(
    kernel: Kernel, call: Call, name: str, oflag: int, mode: int, attr: MqAttr | None, ephemeral: bool | None
) -> Return:
    """Open a queue, or make it (``do_mq_open``). Returns the descriptor, close-on-exec as always on Linux.

    A new one is ``ephemeral`` as asked for, or (None) as its namespace makes them.

    ENOENT EACCES ENAMETOOLONG for names; EMFILE at RLIMIT_NOFILE and at RLIMIT_MSGQUEUE; EEXIST; EINVAL for attributes
    outside the limits and for both access modes at once; ENOSPC at queues_max; EOVERFLOW.
    """
    task = call.task
    check_name(name) if not name or len(name.encode()) >= PATH_MAX else None
    task.fds.unused(task)
    inode = lookup(task.nsproxy.ipc, name)
    if inode is None:
        inode = _create(kernel, task, name, oflag, mode & ~task.umask & S_IALLUGO, attr, ephemeral)
    else:
        _may_open(task.cred, inode, oflag)
    call.ephemeral = inode.ephemeral
    return Return(open_fd(task, MqFile(kernel, inode, oflag)))


def _may_open(cred: Cred, inode: MqInode, oflag: int) -> None:
    """The rules for a queue that exists already (``prepare_open``)."""
    if oflag & O_CREAT and oflag & O_EXCL:
        raise KernelError(Errno.EEXIST, f"the queue {inode.name} exists")
    if oflag & O_ACCMODE == O_RDWR | O_WRONLY:
        raise KernelError(Errno.EINVAL, "O_RDWR and O_WRONLY exclude each other")
    wanted = {0: MAY_READ, O_WRONLY: MAY_WRITE, O_RDWR: MAY_READ | MAY_WRITE}[oflag & O_ACCMODE]
    if not inode_permission(cred, inode, wanted):
        raise KernelError(Errno.EACCES, f"the mode {inode.mode:04o} of queue {inode.name} does not allow it")


def inode_permission(cred: Cred, inode: MqInode, wanted: int) -> bool:
    """Whether the mode bits, or a capability over them, grant an access (``generic_permission``)."""
    mode = inode.mode
    if cred.fsuid == inode.uid:
        mode >>= 6
    elif cred.in_group(inode.gid):
        mode >>= 3
    if not wanted & ~mode or capable_wrt_inode(cred, inode, CAP_DAC_OVERRIDE):
        return True
    return wanted == MAY_READ and capable_wrt_inode(cred, inode, CAP_DAC_READ_SEARCH)


def capable_wrt_inode(cred: Cred, inode: MqInode, capability: int) -> bool:
    """Whether a capability counts for a file: its ids have to be mapped where the task is."""
    ns = cred.user_ns
    mapped = ns.uid_map.up(inode.uid) != INVALID_ID and ns.gid_map.up(inode.gid) != INVALID_ID
    return mapped and cred.ns_capable(ns, capability)


def _create(
    kernel: Kernel, task: Task, name: str, oflag: int, mode: int, attr: MqAttr | None, ephemeral: bool | None
) -> MqInode:
    if not oflag & O_CREAT:
        raise KernelError(Errno.ENOENT, f"no queue is called {name}, and O_CREAT is not given")
    ns, cred = task.nsproxy.ipc, task.cred
    # Compared unsigned, as Linux does: -1 is no limit.
    if ns.mq_queues_count >= ns.mq_queues_max & UINT_MAX and not cred.capable(CAP_SYS_RESOURCE):
        raise KernelError(Errno.ENOSPC, f"the namespace holds {ns.mq_queues_count} queues, its queues_max")
    maxmsg, msgsize = _shape(ns, cred, attr)
    limit, used = task.rlimits[RLIMIT_MSGQUEUE].cur, kernel.mq_charges.get(cred.uid, 0)
    if used + mq_bytes(maxmsg, msgsize) > limit:
        raise KernelError(
            Errno.EMFILE,
            f"{mq_bytes(maxmsg, msgsize)} bytes beside the {used} of uid {cred.uid}: RLIMIT_MSGQUEUE is {limit}",
        )
    ino = kernel.last_ino + 1
    owner = (cred.fsuid, cred.fsgid, cred.uid)
    ephemeral = bool(ns.ephemeral) if ephemeral is None else ephemeral
    kernel.record(MqCreated(ns.inum, ino, name, mode, *owner, maxmsg, msgsize, kernel.realtime_ns, ephemeral))
    return ns.mq_inodes[ino]


def _shape(ns: IpcNamespace, cred: Cred, attr: MqAttr | None) -> tuple[int, int]:
    """``mq_maxmsg`` and ``mq_msgsize`` of a new queue, checked (``mqueue_get_inode``)."""
    maxmsg = min(ns.mq_msg_max, ns.mq_msg_default) if attr is None else attr.mq_maxmsg
    msgsize = min(ns.mq_msgsize_max, ns.mq_msgsize_default) if attr is None else attr.mq_msgsize
    privileged = cred.capable(CAP_SYS_RESOURCE)
    most = HARD_MSGMAX if privileged else ns.mq_msg_max
    largest = HARD_MSGSIZEMAX if privileged else ns.mq_msgsize_max
    if not (0 < maxmsg <= most and 0 < msgsize <= largest):
        raise KernelError(
            Errno.EINVAL, f"mq_maxmsg {maxmsg} is not in 1 to {most}, or mq_msgsize {msgsize} not in 1 to {largest}"
        )
    return maxmsg, msgsize


def mq_unlink(kernel: Kernel, call: Call, name: str) -> Return:
    """Take a queue's name away; it ends with its last descriptor. ENOENT; EPERM for another than its owner (sticky)."""
    ns, cred = call.task.nsproxy.ipc, call.task.cred
    inode = lookup(ns, name)
    if inode is None:
        raise KernelError(Errno.ENOENT, f"no queue is called {name}")
    call.ephemeral = inode.ephemeral
    if cred.fsuid not in (inode.uid, ns.uid) and not capable_wrt_inode(cred, inode, CAP_FOWNER):
        raise KernelError(Errno.EPERM, f"queue {name} belongs to uid {inode.uid}")
    kernel.record(MqUnlinked(ns.inum, name, kernel.realtime_ns))
    kernel.put_inode(inode)
    return Return(0)


def mq_send(
    kernel: Kernel, call: Call, mqdes: int, priority: int, data: bytes, size: int, until: int | None
) -> Return | Block:
    """Put the first ``size`` bytes in as a message, waiting for room until ``until`` (ns REALTIME, None for ever).

    Returns 0. EINVAL for a priority of MQ_PRIO_MAX or more; EBADF; EMSGSIZE; EFAULT where there are fewer bytes; EAGAIN
    under O_NONBLOCK; ETIMEDOUT; EINTR.
    """
    file = _sending(call, mqdes, priority, size)
    if size > len(data):
        raise KernelError(Errno.EFAULT, f"msg_len is {size}, and there are {len(data)} bytes")
    return _send(kernel, call, MqSender(file, ((priority, data[:size]),), 0, until, False))


def _sending(call: Call, mqdes: int, priority: int, size: int) -> MqFile:
    """The queue that a message of this size goes to. EINVAL, EBADF, EMSGSIZE."""
    if not 0 <= priority < MQ_PRIO_MAX:
        raise KernelError(Errno.EINVAL, f"a priority is 0 to {MQ_PRIO_MAX - 1}")
    file = mq_file(call.task, mqdes)
    call.ephemeral = file.inode.ephemeral
    if not file.writable:
        raise KernelError(Errno.EBADF, f"descriptor {mqdes} is not open for writing")
    if not 0 <= size <= file.inode.msgsize:
        raise KernelError(Errno.EMSGSIZE, f"{size} bytes, and mq_msgsize is {file.inode.msgsize}")
    return file


def mq_send_batch(
    kernel: Kernel, call: Call, mqdes: int, messages: Sequence[Body], until: int | None
) -> Return | Block:
    """Put messages ``(priority, data)`` in as one call: it returns how many went.

    As ``mq_send``; after the first message an error only ends the call.
    """
    file = _sending(call, mqdes, messages[0][0], len(messages[0][1]))
    size = file.inode.msgsize
    bad = (i for i, (prio, data) in enumerate(messages) if not 0 <= prio < MQ_PRIO_MAX or len(data) > size)
    good = messages[: next(bad, len(messages))]
    return _send(kernel, call, MqSender(file, good, 0, until, True))


def _send(kernel: Kernel, call: Call, sender: MqSender) -> Return | Block:
    sent = _push(kernel, call, sender)
    if sent == len(sender.messages):
        return Return(sent if sender.batch else 0)
    sender, inode = sender._replace(sent=sent), sender.file.inode
    if sender.file.flags & O_NONBLOCK:
        return _cut_short(sender, KernelError(Errno.EAGAIN, f"queue {inode.name} holds {inode.curmsgs} messages"))
    return Block(on=(inode.senders,), stage=_send_woken, entry=sender, until=sender.until, files=(sender.file,))


def _send_woken(kernel: Kernel, call: Call, sender: MqSender, wake: Wake) -> Return | Block:
    """Whoever made room has put the message in; a batch goes on with the next."""
    if wake is Wake.WOKEN:
        return _send(kernel, call, sender._replace(sent=sender.sent + 1))
    return _cut_short(sender, sleep_error(call, wake))


def _cut_short(sender: MqSender, error: KernelError) -> Return:
    if sender.sent:
        return Return(sender.sent)
    raise error


def sleep_error(call: Call, wake: Wake) -> KernelError:
    """Why a sleep ended without what it was for."""
    if wake is Wake.TIMED_OUT:
        return KernelError(Errno.ETIMEDOUT, f"{call.name} waited until its time limit")
    return KernelError(Errno.EINTR, f"{call.name} was interrupted")


def _push(kernel: Kernel, call: Call, sender: MqSender) -> int:
    """Put in as many messages as there are places for; a receiver that waits is handed one. Returns how many went."""
    inode, messages, sent = sender.file.inode, sender.messages, sender.sent
    while sent < len(messages) and not inode.full:
        empty, waited_for = not inode.visible, bool(inode.receivers)
        end = sent + 1 if waited_for else min(len(messages), sent + inode.maxmsg - inode.curmsgs)
        part = tuple(messages[sent:end])
        kernel.record(MqSent(inode.ns, inode.ino, kernel.realtime_ns, part), ephemeral=inode.ephemeral)
        sent = end
        if waited_for:
            _hand_off(kernel, inode)
        else:
            do_notify(kernel, inode, call.task, empty)
    return sent


def _hand_off(kernel: Kernel, inode: MqInode) -> None:
    """Give visible messages to the receivers that wait, the most urgent first (``pipelined_send``)."""
    while inode.visible and (waiting := inode.receivers.first()):
        receiver = waiting[0]
        taken = inode.take_first(1)
        if not receiver.hold:
            _leave(kernel, inode, taken)
        kernel.wake(receiver, taken)


def mq_receive(
    kernel: Kernel, call: Call, mqdes: int, msg_len: int | None, until: int | None, count: int, batch: bool
) -> Return | Block:
    """Take the oldest of the most urgent messages, waiting for the first until ``until`` (ns REALTIME, None for ever).

    Returns its length, for a batch how many came. EBADF; EMSGSIZE where the buffer of ``msg_len`` bytes (None: large
    enough) is smaller than mq_msgsize; EAGAIN under O_NONBLOCK; ETIMEDOUT; EINTR.
    """
    file = mq_file(call.task, mqdes)
    call.ephemeral = file.inode.ephemeral
    if not file.readable:
        raise KernelError(Errno.EBADF, f"descriptor {mqdes} is not open for reading")
    if msg_len is not None and msg_len < file.inode.msgsize:
        raise KernelError(Errno.EMSGSIZE, f"a buffer of {msg_len} bytes, and mq_msgsize is {file.inode.msgsize}")
    receiver = MqReceiver(file, count, until, batch)
    inode = file.inode
    if inode.visible:
        return _received(call, receiver, _take(kernel, call, receiver, count))
    if file.flags & O_NONBLOCK:
        raise KernelError(Errno.EAGAIN, f"queue {inode.name} is empty")
    return Block(on=(inode.receivers,), stage=_receive_woken, entry=receiver, until=until, files=(file,))


def _receive_woken(kernel: Kernel, call: Call, receiver: MqReceiver, wake: Any) -> Return | Block:
    """A sender has handed over a message; a batch takes what else is there."""
    if isinstance(wake, Wake):
        raise sleep_error(call, wake)
    more = _take(kernel, call, receiver, receiver.most - 1) if receiver.most > 1 else []
    return _received(call, receiver, [*wake, *more])


def _take(kernel: Kernel, call: Call, receiver: MqReceiver, count: int) -> list[Message]:
    taken = receiver.file.inode.take_first(count)
    if taken and not call.hold:
        commit_received(kernel, receiver.file.inode, taken, call.task.pid)
    return taken


def _received(call: Call, receiver: MqReceiver, taken: list[Message]) -> Return:
    if call.hold:
        call.held = Hold(receiver.file.inode, taken, commit_received, abort_received)
    if receiver.batch:
        return Return(len(taken), {"messages": list(map(BODY, taken))})
    _, (priority, data) = taken[0]
    return Return(len(data), {"priority": priority, "data": data})


def _leave(kernel: Kernel, inode: MqInode, messages: list[Message]) -> None:
    seqs = tuple(map(SEQ, messages))
    kernel.record(MqReceived(inode.ns, inode.ino, kernel.realtime_ns, seqs), ephemeral=inode.ephemeral)


def commit_received(kernel: Kernel, inode: MqInode, messages: list[Message], pid: int) -> None:
    """Held messages leave the queue, and senders that wait put theirs in (``pipelined_receive``)."""
    if not kernel.inode_lives(inode):
        return
    _leave(kernel, inode, messages)
    if not inode.senders:
        kernel.wake_all(inode.pollers)
    while not inode.full and (waiting := inode.senders.first()):
        call, sender = waiting
        body = sender.messages[sender.sent]
        kernel.record(MqSent(inode.ns, inode.ino, kernel.realtime_ns, (body,)), ephemeral=inode.ephemeral)
        kernel.wake(call, Wake.WOKEN)
    _hand_off(kernel, inode)


def abort_received(kernel: Kernel, inode: MqInode, messages: list[Message]) -> None:
    """Held messages go back to their places, or to receivers that wait."""
    if not kernel.inode_lives(inode):
        return
    inode.give_back(messages)
    _hand_off(kernel, inode)
    if inode.visible:
        kernel.wake_all(inode.pollers)


def mq_getsetattr(call: Call, mqdes: int, mq_flags: int | None) -> Return:
    """Read a queue's attributes, and set O_NONBLOCK of the open file (``do_mq_getsetattr``). EINVAL, EBADF."""
    if mq_flags is not None and mq_flags & ~O_NONBLOCK:
        raise KernelError(Errno.EINVAL, "O_NONBLOCK is the only flag that can be set")
    file = mq_file(call.task, mqdes)
    out = mq_attr(file)
    if mq_flags is not None:
        file.flags = file.flags & ~O_NONBLOCK | mq_flags
    return Return(0, out)


def mq_attr(file: MqFile) -> Out:
    """``struct mq_attr`` as mq_getattr(3) reads it."""
    inode = file.inode
    return {
        "mq_flags": file.flags & O_NONBLOCK, "mq_maxmsg": inode.maxmsg, "mq_msgsize": inode.msgsize,
        "mq_curmsgs": inode.curmsgs,
    }  # fmt: skip


def mq_list(ns: IpcNamespace, after: str, limit: int) -> tuple[list[Out], str | None]:
    """Queues by name, those behind ``after``, and the name to go on from where there are more."""
    page = sorted(name for name in ns.mq_names if name > after)[: limit + 1]
    return [ns.mq_names[name].stat() for name in page[:limit]], page[limit - 1] if len(page) > limit else None


def mq_peek(call: Call, mqdes: int, after: int, limit: int) -> tuple[list[Out], int | None]:
    """Messages as they would be received, those behind the place ``after``; nothing leaves. EBADF."""
    file = mq_file(call.task, mqdes)
    if not file.readable:
        raise KernelError(Errno.EBADF, f"descriptor {mqdes} is not open for reading")
    messages = list(file.inode.messages())
    start = next((i + 1 for i, message in enumerate(messages) if message[0] == after), 0)
    page = messages[start : start + limit]
    items = [{"seq": seq, "priority": priority, "data": data} for seq, (priority, data) in page]
    return items, page[-1][0] if start + limit < len(messages) else None

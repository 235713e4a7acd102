"""System V message queues: msgget, msgsnd, msgrcv (``ipc/msg.c``), one message or many at a time."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, auto
from itertools import takewhile
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from usernel.abi.errno import Errno
from usernel.abi.ipc import IPC_CREAT, IPC_EXCL, IPC_NOWAIT, IPC_PRIVATE
from usernel.abi.msg import MSG_COPY, MSG_EXCEPT, MSG_NOERROR
from usernel.abi.stat import S_IRUGO, S_IRWXUGO, S_IWUGO

from ..call import Block, Call, Return, Wake
from ..error import KernelError
from ..facts import Body, MessagesReceived, MessagesSent, QueueCreated, SysctlSet
from .hold import BODY, DATA, SEQ, Hold, Message, size_of
from .ids import ipcperms
from .msg_queue import MsgQueue

if TYPE_CHECKING:
    from ..kernel import Kernel
    from ..ns.ipc import IpcNamespace

KIND: Final = itemgetter(0)
LONG_MIN = -(1 << 63)
LONG_MAX = (1 << 63) - 1


class Search(Enum):
    """Which message a receiver wants (``convert_mode``)."""

    ANY = auto()
    EQUAL = auto()
    NOTEQUAL = auto()
    LESSEQUAL = auto()
    NUMBER = auto()

    @classmethod
    def of(cls, msgtyp: int, msgflg: int) -> tuple[Search, int]:
        """The search that ``msgrcv``'s type and flags ask for, and the type it compares with."""
        if msgflg & MSG_COPY:
            return cls.NUMBER, msgtyp
        if msgtyp == 0:
            return cls.ANY, 0
        if msgtyp < 0:
            return cls.LESSEQUAL, LONG_MAX if msgtyp == LONG_MIN else -msgtyp
        return (cls.NOTEQUAL if msgflg & MSG_EXCEPT else cls.EQUAL), msgtyp


class Sender(NamedTuple):
    """A send in progress: the messages, how many of them went; ``batch`` calls return that count, others 0."""

    queue: MsgQueue
    messages: Sequence[Body]
    sent: int
    msgflg: int
    batch: bool

    @property
    def size(self) -> int:
        """The bytes of the message that does not fit yet."""
        return len(self.messages[self.sent][1])


class Receiver(NamedTuple):
    """What a receiver wants: up to ``most`` messages that ``search`` finds, none larger than ``size`` (None: any)."""

    queue: MsgQueue
    search: Search
    msgtyp: int
    size: int | None
    most: int
    msgflg: int
    batch: bool

    def wants(self, kind: int) -> bool:
        """Whether a message of this type answers the search (``testmsg``)."""
        if self.search is Search.EQUAL:
            return kind == self.msgtyp
        if self.search is Search.LESSEQUAL:
            return kind <= self.msgtyp
        if self.search is Search.NOTEQUAL:
            return kind != self.msgtyp
        return True

    def overflows(self, data: bytes) -> bool:
        """Whether a message is larger than the buffer, and MSG_NOERROR does not allow to cut it."""
        return self.size is not None and len(data) > self.size and not self.msgflg & MSG_NOERROR


def msgget(kernel: Kernel, call: Call, key: int, msgflg: int, ephemeral: bool | None) -> Return:
    """Find the queue of a key, or make it (``ipcget``). ENOENT, EEXIST, EACCES, ENOSPC.

    A new one is ``ephemeral`` as asked for, or (None) as its namespace makes them.
    """
    ns = call.task.nsproxy.ipc
    if key == IPC_PRIVATE:
        return Return(_newque(kernel, call, ns, key, msgflg, ephemeral))
    queue = ns.msg_ids.find(key)
    if queue is None:
        if not msgflg & IPC_CREAT:
            raise KernelError(Errno.ENOENT, f"no queue has the key {key:#x}, and IPC_CREAT is not given")
        return Return(_newque(kernel, call, ns, key, msgflg, ephemeral))
    if msgflg & IPC_CREAT and msgflg & IPC_EXCL:
        raise KernelError(Errno.EEXIST, f"a queue with the key {key:#x} exists")
    if not ipcperms(call.task.cred, queue.ns, queue.perm, msgflg):
        raise KernelError(Errno.EACCES, f"the mode {queue.perm.mode:04o} of queue {queue.perm.id} does not allow it")
    call.ephemeral = queue.ephemeral
    return Return(queue.perm.id)


def _newque(kernel: Kernel, call: Call, ns: IpcNamespace, key: int, msgflg: int, ephemeral: bool | None) -> int:
    chosen = ns.msg_ids.next_id >= 0
    msqid = ns.msg_ids.allocate(ns.msg_ctlmni)
    if msqid is None:  # and what was asked for is forgotten all the same
        wanted = ns.msg_ids.next_id
        kernel.record(SysctlSet(ns.inum, "kernel.msg_next_id", -1))
        raise KernelError(Errno.ENOSPC, f"no index from that of msg_next_id {wanted} on is free")
    cred = call.task.cred
    mode = msgflg & S_IRWXUGO
    call.ephemeral = bool(ns.ephemeral) if ephemeral is None else ephemeral
    made = QueueCreated(
        ns.inum, msqid, key, mode, cred.euid, cred.egid, ns.msg_ctlmnb, kernel.seconds, chosen, call.ephemeral
    )
    kernel.record(made)
    return msqid


def msgsnd(kernel: Kernel, call: Call, msqid: int, kind: int, data: bytes, size: int, msgflg: int) -> Return | Block:
    """Put the first ``size`` bytes into a queue as a message, waiting for room (``do_msgsnd``).

    Returns 0. EINVAL for a bad id, a type below 1 or more bytes than msgmax; EFAULT for fewer bytes; EACCES;
    EAGAIN where there is no room and IPC_NOWAIT is given; EIDRM; EINTR.
    """
    ns = call.task.nsproxy.ipc
    if not 0 <= size <= ns.msg_ctlmax:
        raise KernelError(Errno.EINVAL, f"{size} bytes, and msgmax is {ns.msg_ctlmax}")
    if kind < 1:
        raise KernelError(Errno.EINVAL, f"the message type {kind} is below 1")
    if size > len(data) and msqid >= 0:  # an id that cannot be is seen first, one that is nobody's is not
        raise KernelError(Errno.EFAULT, f"msgsz is {size}, and there are {len(data)} bytes")
    queue = ns.msg_ids.obtain(msqid)
    call.ephemeral = queue.ephemeral
    return _send(kernel, call, Sender(queue, ((kind, data[:size]),), 0, msgflg, False), None)


def msgsnd_batch(kernel: Kernel, call: Call, msqid: int, messages: Sequence[Body], msgflg: int) -> Return | Block:
    """Put messages into a queue as one call (as ``sendmmsg(2)``): it returns how many went.

    As ``msgsnd``; after the first message an error only ends the call.
    """
    ns = call.task.nsproxy.ipc
    limit = ns.msg_ctlmax
    good = messages
    if max(map(len, map(DATA, messages))) > limit or min(map(KIND, messages)) < 1:
        good = list(takewhile(lambda message: message[0] >= 1 and len(message[1]) <= limit, messages))
    if not good:
        kind, data = messages[0]
        too_long = f"{len(data)} bytes, and msgmax is {limit}"
        raise KernelError(Errno.EINVAL, too_long if len(data) > limit else f"the message type {kind} is below 1")
    queue = ns.msg_ids.obtain(msqid)
    call.ephemeral = queue.ephemeral
    return _send(kernel, call, Sender(queue, good, 0, msgflg, True), None)


def _send(kernel: Kernel, call: Call, sender: Sender, wake: Any) -> Return | Block:
    """Send what fits; the stage of a woken sender too."""
    queue, sent = sender.queue, sender.sent
    error = _refusal(call, queue, wake, S_IWUGO)
    if error is None:
        sent = _push(kernel, call.task.leader.pid, sender)
        if sent == len(sender.messages):
            return Return(sent if sender.batch else 0)
        if sender.msgflg & IPC_NOWAIT:
            error = KernelError(Errno.EAGAIN, f"queue {queue.perm.id} is full: {queue.cbytes} of {queue.qbytes} bytes")
    if error is None:
        return Block(on=(queue.senders,), stage=_send, entry=sender._replace(sent=sent))
    if sent:
        return Return(sent)
    raise error


def _refusal(call: Call, queue: MsgQueue, wake: Any, access: int) -> KernelError | None:
    """Why a call on a queue cannot go on, in the order in which ``ipc/msg.c`` looks."""
    if queue.removed:
        return KernelError(Errno.EIDRM, f"queue {queue.perm.id} was removed")
    if wake is Wake.INTERRUPTED:
        return KernelError(Errno.EINTR, f"{call.name} was interrupted")
    if not ipcperms(call.task.cred, queue.ns, queue.perm, access):
        return KernelError(Errno.EACCES, f"the mode {queue.perm.mode:04o} of queue {queue.perm.id} does not allow it")
    return None


def _push(kernel: Kernel, pid: int, sender: Sender) -> int:
    """Put in as many messages as fit, handing each to a receiver that waits for it; how many of all went."""
    queue, messages, sent = sender.queue, sender.messages, sender.sent
    while sent < len(messages):
        waited_for = bool(queue.receivers)
        count = _fitting(queue, messages, sent, one=waited_for)
        if not count:
            break
        part = tuple(messages[sent : sent + count])
        fact = MessagesSent(queue.ns.inum, queue.perm.id, pid, kernel.seconds, part)
        kernel.record(fact, ephemeral=queue.ephemeral)
        sent += count
        if waited_for:
            _pipeline(kernel, queue, len(queue.messages) - 1)
    return sent


def _fitting(queue: MsgQueue, messages: Sequence[Body], start: int, *, one: bool) -> int:
    """How many messages from ``start`` on fit together; ``one`` at a time while receivers wait: they make room."""
    left = len(messages) - start
    if one or left == 1:
        return 1 if queue.fits(len(messages[start][1])) else 0
    if size_of(messages) + queue.cbytes <= queue.qbytes and left + queue.qnum <= queue.qbytes:
        return left
    room, places = queue.qbytes - queue.cbytes, queue.qbytes - queue.qnum
    end = min(len(messages), start + max(places, 0))
    for index in range(start, end):
        room -= len(messages[index][1])
        if room < 0:
            return index - start
    return end - start


def _pipeline(kernel: Kernel, queue: MsgQueue, index: int) -> None:
    """Hand the message at an index to the first receiver that waits for it (``pipelined_send``).

    A receiver whose buffer is too small is woken with E2BIG on the way.
    """
    _, (kind, data) = queue.messages[index]
    for call, receiver in queue.receivers:
        if not receiver.wants(kind):
            continue
        if receiver.overflows(data):
            kernel.wake(call, _too_big(data, receiver))
            continue
        taken = [queue.take(index)]
        if not call.hold:
            _leave(kernel, queue, taken, call.task.leader.pid)
        kernel.wake(call, taken)
        return


def msgrcv(
    kernel: Kernel, call: Call, msqid: int, msgsz: int | None, msgtyp: int, msgflg: int, count: int, batch: bool
) -> Return | Block:
    """Take messages out of a queue, waiting for the first (``do_msgrcv``; a batch as ``recvmmsg(2)``).

    ``msgsz`` is the size of the buffer in bytes, None for one that holds anything. Returns the message's length, for a
    batch how many came. EINVAL; EACCES; E2BIG; ENOMSG under IPC_NOWAIT; EIDRM; EINTR.
    """
    if msqid < 0 or (msgsz is not None and msgsz < 0):
        raise KernelError(Errno.EINVAL, "an id or a size is below 0")
    if msgflg & MSG_COPY and (msgflg & MSG_EXCEPT or not msgflg & IPC_NOWAIT):
        raise KernelError(Errno.EINVAL, "MSG_COPY wants IPC_NOWAIT and does not go with MSG_EXCEPT")
    search, number = Search.of(msgtyp, msgflg)
    queue = call.task.nsproxy.ipc.msg_ids.obtain(msqid)
    call.ephemeral = queue.ephemeral
    return _receive(kernel, call, Receiver(queue, search, number, msgsz, count, msgflg, batch), None)


def _receive(kernel: Kernel, call: Call, receiver: Receiver, wake: Any) -> Return | Block:
    """Take what is there; the stage of a woken receiver too, who may have been handed a message."""
    queue = receiver.queue
    if isinstance(wake, KernelError):
        raise wake
    if isinstance(wake, list):
        more = _take(kernel, call, receiver, receiver.most - 1) if receiver.most > 1 and not queue.removed else []
        return _received(kernel, call, receiver, [*wake, *more])
    error = _refusal(call, queue, wake, S_IRUGO)
    if error is not None:
        raise error
    if receiver.msgflg & MSG_COPY:
        return _copy(call.task.nsproxy.ipc.msg_ctlmax, receiver)
    if taken := _take(kernel, call, receiver, receiver.most):
        return _received(kernel, call, receiver, taken)
    index = _find(receiver)
    if index is not None:
        raise _too_big(queue.messages[index][1][1], receiver)
    if receiver.msgflg & IPC_NOWAIT:
        raise KernelError(Errno.ENOMSG, f"queue {queue.perm.id} has no such message")
    return Block(on=(queue.receivers,), stage=_receive, entry=receiver)


def _find(receiver: Receiver) -> int | None:
    """The index of the message that a receiver gets (``find_msg``)."""
    messages = receiver.queue.messages
    if receiver.search is Search.ANY:
        return 0 if messages else None
    if receiver.search is Search.NUMBER:
        return receiver.msgtyp if 0 <= receiver.msgtyp < len(messages) else None
    wanted = ((kind, index) for index, (_, (kind, _)) in enumerate(messages) if receiver.wants(kind))
    found = min(wanted, default=None) if receiver.search is Search.LESSEQUAL else next(wanted, None)
    return None if found is None else found[1]


def _take(kernel: Kernel, call: Call, receiver: Receiver, count: int) -> list[Message]:
    """Take up to ``count`` messages: held, or (when the call does not hold) gone, with the room given to senders."""
    queue = receiver.queue
    if receiver.search is Search.ANY and receiver.size is None:
        taken = queue.take_first(count)
    else:
        taken = []
        while len(taken) < count:
            index = _find(receiver)
            if index is None or receiver.overflows(queue.messages[index][1][1]):
                break
            taken.append(queue.take(index))
    if taken and not call.hold:
        commit_received(kernel, queue, taken, call.task.leader.pid)
    return taken


def _received(kernel: Kernel, call: Call, receiver: Receiver, taken: list[Message]) -> Return:
    if call.hold:
        call.held = Hold(receiver.queue, taken, commit_received, abort_received)
    if receiver.batch:
        messages = list(map(BODY, taken))
        if receiver.size is not None:
            messages = [(kind, data[: receiver.size]) for kind, data in messages]
        return Return(len(taken), {"messages": messages})
    _, (kind, data) = taken[0]
    data = data if receiver.size is None else data[: receiver.size]
    return Return(len(data), {"mtype": kind, "data": data})


def _copy(msgmax: int, receiver: Receiver) -> Return:
    """MSG_COPY: the message at a place of the queue, which stays in (``prepare_copy``, ``copy_msg``)."""
    index = _find(receiver)
    if index is None:
        raise KernelError(Errno.ENOMSG, f"queue {receiver.queue.perm.id} has no message number {receiver.msgtyp}")
    _, (kind, data) = receiver.queue.messages[index]
    if receiver.overflows(data):
        raise _too_big(data, receiver)
    # The copy's buffer is made before the queue is looked at, at most msgmax long, and MSG_NOERROR does not help then.
    size = msgmax if receiver.size is None else min(receiver.size, msgmax)
    if len(data) > size:
        raise KernelError(Errno.EINVAL, f"the message has {len(data)} bytes, and the copy's buffer {size}")
    return Return(len(data), {"mtype": kind, "data": data})


def _too_big(data: bytes, receiver: Receiver) -> KernelError:
    return KernelError(Errno.E2BIG, f"the message has {len(data)} bytes, and the buffer {receiver.size}")


def _leave(kernel: Kernel, queue: MsgQueue, messages: list[Message], pid: int) -> None:
    seqs = tuple(map(SEQ, messages))
    fact = MessagesReceived(queue.ns.inum, queue.perm.id, pid, kernel.seconds, seqs)
    kernel.record(fact, ephemeral=queue.ephemeral)


def commit_received(kernel: Kernel, queue: MsgQueue, messages: list[Message], pid: int) -> None:
    """Held messages leave the queue, and blocked senders get the room. Nothing happens to a removed queue's."""
    if queue.removed:
        return
    _leave(kernel, queue, messages, pid)
    if queue.senders:
        ss_wakeup(kernel, queue)


def abort_received(kernel: Kernel, queue: MsgQueue, messages: list[Message]) -> None:
    """Held messages go back to their places, or to receivers that wait for them."""
    if queue.removed:
        return
    in_place = sorted(messages)  # a batch of the lowest types came in the order of these
    queue.give_back(in_place)
    for message in in_place:
        if not queue.receivers:
            return
        _pipeline(kernel, queue, queue.messages.index(message))


def ss_wakeup(kernel: Kernel, queue: MsgQueue) -> None:
    """Wake every sender whose message would fit now, in order; the others go to the tail (``ss_wakeup``).

    Each is measured against the queue as it is, so more may wake than can send; they find out and sleep again.
    """
    for call, sender in queue.senders:
        if queue.fits(sender.size):
            kernel.wake(call, Wake.WOKEN)
        else:
            queue.senders.rotate(call)


def expunge_all(kernel: Kernel, queue: MsgQueue, reason: Any) -> None:
    """Wake every receiver (``expunge_all``): to look again, or with the error that ends the call."""
    for call, _ in queue.receivers:
        kernel.wake(call, reason)

"""msgctl(2) and what shows queues as a whole: /proc/sysvipc/msg, lists, a look without receiving (``ipc/msg.c``)."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from usernel.abi.capability import CAP_SYS_RESOURCE
from usernel.abi.errno import Errno
from usernel.abi.ipc import IPC_INFO, IPC_RMID, IPC_SET, IPC_STAT
from usernel.abi.msg import MSG_INFO, MSG_STAT, MSG_STAT_ANY, MSGMAP, MSGPOOL, MSGSEG, MSGSSZ, MSGTQL
from usernel.abi.stat import S_IRUGO, S_IRWXUGO

from ..call import Call, Out, Return, Wake
from ..error import KernelError
from ..facts import QueueRemoved, QueueSet
from ..ns.idmap import INVALID_ID
from .ids import ipcperms, may_control
from .msg import expunge_all, ss_wakeup
from .msg_queue import MsgQueue

if TYPE_CHECKING:
    from ..kernel import Kernel
    from ..task import Task

INT_MAX = 0x7FFFFFFF
PROC_HEADER = (
    "       key      msqid perms      cbytes       qnum lspid lrpid   uid   gid  cuid  cgid "
    "     stime      rtime      ctime\n"
)


class MsqidSet(NamedTuple):
    """What IPC_SET reads of a ``struct msqid_ds``; None leaves a field as it is."""

    uid: int | None
    gid: int | None
    mode: int | None
    msg_qbytes: int | None


def msgctl(kernel: Kernel, call: Call, msqid: int, cmd: int, buf: MsqidSet | None) -> Return:
    """Look at a queue or the namespace, change or remove a queue (``ksys_msgctl``).

    ``buf`` is for IPC_SET. EINVAL for a bad id or command;
    EACCES for IPC_STAT without read permission; EPERM for IPC_SET and IPC_RMID by another than owner or creator, and
    for a ``msg_qbytes`` above msgmnb without CAP_SYS_RESOURCE; EFAULT for IPC_SET without ``buf``.
    """
    if msqid < 0 or cmd < 0:
        raise KernelError(Errno.EINVAL, "an id or a command is below 0")
    if cmd in (IPC_INFO, MSG_INFO):
        return _info(call, cmd)
    if cmd in (IPC_STAT, MSG_STAT, MSG_STAT_ANY):
        return _stat(call, msqid, cmd)
    if cmd == IPC_SET:
        return _set(kernel, call, msqid, buf)
    if cmd == IPC_RMID:
        return _rmid(kernel, call, msqid)
    raise KernelError(Errno.EINVAL, f"{cmd} is no command of msgctl")


def _info(call: Call, cmd: int) -> Return:
    """``struct msginfo``; MSG_INFO tells what is in use in three fields that IPC_INFO fills with constants."""
    ns = call.task.nsproxy.ipc
    queues = ns.msg_ids.by_index.values()
    info: Out = {"msgpool": MSGPOOL, "msgmap": MSGMAP, "msgmax": ns.msg_ctlmax, "msgmnb": ns.msg_ctlmnb}
    info |= {"msgmni": ns.msg_ctlmni, "msgssz": MSGSSZ, "msgtql": MSGTQL, "msgseg": MSGSEG}
    if cmd == MSG_INFO:
        info["msgpool"] = ns.msg_ids.in_use
        info["msgmap"] = min(sum(queue.qnum for queue in queues), INT_MAX)
        info["msgtql"] = min(sum(queue.cbytes for queue in queues), INT_MAX)
    return Return(max(ns.msg_ids.max_idx, 0), info)


def _stat(call: Call, msqid: int, cmd: int) -> Return:
    ids = call.task.nsproxy.ipc.msg_ids
    queue = ids.obtain(msqid) if cmd == IPC_STAT else ids.at_index(msqid)
    call.ephemeral = queue.ephemeral
    if cmd != MSG_STAT_ANY:
        _check_readable(call, queue)
    return Return(0 if cmd == IPC_STAT else queue.perm.id, msqid_ds(call.task, queue))


def _check_readable(call: Call, queue: MsgQueue) -> None:
    if not ipcperms(call.task.cred, queue.ns, queue.perm, S_IRUGO):
        raise KernelError(Errno.EACCES, f"the mode {queue.perm.mode:04o} of queue {queue.perm.id} does not allow it")


def msg_stat(call: Call, msqid: int) -> Out:
    """A queue as IPC_STAT shows it, and what Linux does not show. EINVAL, EACCES."""
    queue = call.task.nsproxy.ipc.msg_ids.obtain(msqid)
    call.ephemeral = queue.ephemeral
    _check_readable(call, queue)
    return queue.seen_by(call.task)


def msqid_ds(viewer: Task, queue: MsgQueue) -> Out:
    """``struct msqid_ds``: what Linux itself shows of a queue."""
    stat = queue.seen_by(viewer)
    return {name: value for name, value in stat.items() if name.startswith("msg_")}


def _controlled(call: Call, msqid: int) -> MsgQueue:
    queue = call.task.nsproxy.ipc.msg_ids.obtain(msqid)
    call.ephemeral = queue.ephemeral
    if not may_control(call.task.cred, queue.ns, queue.perm):
        raise KernelError(Errno.EPERM, f"queue {msqid} belongs to uid {queue.perm.uid}, made by uid {queue.perm.cuid}")
    return queue


def _set(kernel: Kernel, call: Call, msqid: int, buf: MsqidSet | None) -> Return:
    if buf is None:
        raise KernelError(Errno.EFAULT, "IPC_SET wants a msqid_ds")
    queue = _controlled(call, msqid)
    perm = queue.perm
    ns = queue.ns
    maps = call.task.cred.user_ns
    uid = perm.uid if buf.uid is None else maps.uid_map.down(buf.uid & INVALID_ID)
    gid = perm.gid if buf.gid is None else maps.gid_map.down(buf.gid & INVALID_ID)
    mode = perm.mode if buf.mode is None else buf.mode
    qbytes = queue.qbytes if buf.msg_qbytes is None else buf.msg_qbytes
    if qbytes > ns.msg_ctlmnb and not call.task.cred.capable(CAP_SYS_RESOURCE):
        raise KernelError(Errno.EPERM, f"msg_qbytes {qbytes} is above msgmnb {ns.msg_ctlmnb}")
    if INVALID_ID in (uid, gid):
        raise KernelError(Errno.EINVAL, "-1 is no user or group, nor one without a mapping")
    mode = perm.mode & ~S_IRWXUGO | mode & S_IRWXUGO
    fact = QueueSet(ns.inum, msqid, uid, gid, mode, qbytes, kernel.seconds)
    kernel.record(fact, ephemeral=queue.ephemeral)
    # Receivers may be shut out by the new mode, and senders may have room in the new size.
    expunge_all(kernel, queue, Wake.WOKEN)
    ss_wakeup(kernel, queue)
    return Return(0)


def _rmid(kernel: Kernel, call: Call, msqid: int) -> Return:
    queue = _controlled(call, msqid)
    kernel.record(QueueRemoved(queue.ns.inum, msqid))
    expunge_all(kernel, queue, Wake.WOKEN)
    for sender, _ in queue.senders:
        kernel.wake(sender, Wake.WOKEN)
    return Return(0)


def proc_sysvipc_msg(call: Call) -> str:
    """The text of ``/proc/sysvipc/msg``, byte for byte."""
    by_index = call.task.nsproxy.ipc.msg_ids.by_index
    return PROC_HEADER + "".join(_proc_line(call.task, by_index[index]) for index in sorted(by_index))


def _proc_line(viewer: Task, queue: MsgQueue) -> str:
    seen = queue.seen_by(viewer)
    perm = seen["msg_perm"]
    return (
        f"{perm['key']:10d} {queue.perm.id:10d}  {perm['mode']:4o}  {queue.cbytes:10d} {queue.qnum:10d} "
        f"{seen['msg_lspid']:5d} {seen['msg_lrpid']:5d} {perm['uid']:5d} {perm['gid']:5d} {perm['cuid']:5d} "
        f"{perm['cgid']:5d} {queue.stime:10d} {queue.rtime:10d} {queue.ctime:10d}\n"
    )


def msg_list(call: Call, after: int, limit: int) -> tuple[list[Out], int | None]:
    """Queues by index, those behind index ``after``, and the index to go on from where there are more."""
    by_index = call.task.nsproxy.ipc.msg_ids.by_index
    page = sorted(index for index in by_index if index > after)[: limit + 1]
    return [by_index[index].seen_by(call.task) for index in page[:limit]], page[limit - 1] if len(
        page
    ) > limit else None


def msg_peek(call: Call, msqid: int, after: int, limit: int) -> tuple[list[Out], int | None]:
    """Messages that a receiver could see, those behind place ``after``; nothing leaves. EINVAL, EACCES."""
    queue = call.task.nsproxy.ipc.msg_ids.obtain(msqid)
    call.ephemeral = queue.ephemeral
    _check_readable(call, queue)
    found = list(islice((message for message in queue.messages if message[0] > after), limit + 1))
    items = [{"seq": seq, "mtype": kind, "data": data} for seq, (kind, data) in found[:limit]]
    return items, found[limit - 1][0] if len(found) > limit else None

"""What a program is answered for bad pointers, bad descriptors and bad arguments; the answers are to be the host's."""

import os
import struct

from raw_unsafe import (
    IPC_CREAT,
    IPC_NOWAIT,
    IPC_RMID,
    IPC_SET,
    IPC_STAT,
    KERNEL,
    MSQID_DS,
    NOWHERE,
    SIGEV_NONE,
    SIGEV_SIGNAL,
    Edge,
    address,
    attr,
    buffer,
    call,
    message,
    mq_flags,
    mq_open,
    mq_receive,
    mq_send,
    msgrcv,
    msgsnd,
    sigevent,
)

NAME = b"usernel-errors-%d" % os.getpid()
CREATE = os.O_CREAT | os.O_RDWR
BAD = {"nowhere": NOWHERE, "the kernel's": KERNEL, "minus one": -1}
unreadable, readonly = Edge(readable=False, writable=False).start, Edge(writable=False).start
NOT_TO_READ = {**BAD, "unreadable": unreadable}
NOT_TO_WRITE = {**BAD, "unreadable": unreadable, "read-only": readonly}
edge = Edge()


def system_v():
    queue = call("msgget", 0, IPC_CREAT | 0o600)
    for what, where in NOT_TO_READ.items():
        print("msgsnd", what, call("msgsnd", queue, where, 4, 0), call("msgsnd", -1, where, 4, 0))
        print("IPC_SET", what, call("msgctl", queue, IPC_SET, where), call("msgctl", -1, IPC_SET, where))
    for what, where in NOT_TO_WRITE.items():
        print("IPC_STAT", what, call("msgctl", queue, IPC_STAT, where), call("msgctl", -1, IPC_STAT, where))
        msgsnd(queue, 5, b"lost")
        print("msgrcv", what, call("msgrcv", queue, where, 64, 0, IPC_NOWAIT), msgrcv(queue, 0, 64, IPC_NOWAIT))
    for size in (0, 4, 5, 100):
        print("msgsnd at the edge", size, call("msgsnd", queue, edge.put(message(1, b"whole")[: 8 + size]), size, 0))
    print("msgsnd without a type", call("msgsnd", queue, edge.end - 4, 0, 0))
    for _ in range(3):
        print("msgrcv at the edge", call("msgrcv", queue, edge.end - 12, 64, 0, IPC_NOWAIT))
    print("msgrcv of nothing", call("msgrcv", queue, NOWHERE, 64, 0, IPC_NOWAIT), msgrcv(queue, 0, -1))
    owner = MSQID_DS.pack(0, os.getuid(), os.getgid(), 0, 0, 0o640, *(0,) * 13)
    print("IPC_SET", call("msgctl", queue, IPC_SET, owner))
    print("IPC_RMID needs no pointer", call("msgctl", queue, IPC_RMID, NOWHERE), call("msgctl", queue, IPC_RMID, 0))
    print("bad ids", msgsnd(-1, 1), msgrcv(-1), call("msgctl", -5, IPC_STAT, buffer(200)))


def opening():
    for what, where in NOT_TO_READ.items():
        print("mq_open", what, call("mq_open", where, CREATE, 0o600, None), call("mq_unlink", where))
        print("its attr", what, call("mq_open", NAME, CREATE, 0o600, where))
    long = b"x" * 255
    for name in (b"", b"/x", b"a/b", b".", b"..", long + b"x", b"x" * 4095, b"x" * 5000):
        print("named", name[:4], len(name), mq_open(name, CREATE), call("mq_unlink", name))
    for at in (NAME + b"\0", NAME):
        found = call("mq_open", edge.put(at), CREATE, 0o600, None)
        print("a name at the edge", found if isinstance(found, str) else "opened", call("mq_unlink", edge.put(at)))
    print("a long one", isinstance(mq_open(long, CREATE), int), call("mq_unlink", long))
    for shape in ((0, 0, 64), (0, 2, 0), (0, -1, 64), (0, 1 << 40, 64), (0, 2, 1 << 40)):
        print("shape", shape, mq_open(NAME, CREATE, 0o600, attr(*shape)))
    print("not there", mq_open(NAME), call("mq_unlink", NAME))


def descriptors(queue, reader, writer):
    here, there = os.pipe()
    bad = {
        "none": 1000,
        "minus one": -1,
        "a file's": os.open("/dev/null", os.O_RDWR),
        "a pipe's": here,
        "its end's": there,
    }
    for what, fd in bad.items():
        print("descriptor", what, mq_send(fd, b"x"), mq_receive(fd), mq_flags(fd), call("mq_notify", fd, None))
        print("and attr", what, call("mq_notify", fd, sigevent(SIGEV_NONE)), mq_flags(fd, os.O_NONBLOCK))
    print("wrong mode", mq_send(reader, b"x"), mq_receive(writer), mq_receive(reader), mq_send(writer, b"x"))
    print("emptied", mq_receive(queue), mq_receive(reader))


def pointers(queue, reader):
    for what, where in NOT_TO_READ.items():
        print(
            "send", what, call("mq_timedsend", queue, where, 4, 0, None), call("mq_timedsend", queue, b"x", 1, 0, where)
        )
        print("and others", call("mq_notify", queue, where), call("mq_getsetattr", queue, where, None))
    for what, where in NOT_TO_WRITE.items():
        mq_send(queue, b"lost")
        mq_send(queue, b"lost too")
        print("receive", what, call("mq_timedreceive", queue, where, 64, None, None))
        print("its priority", what, call("mq_timedreceive", queue, buffer(64), 64, where, None), mq_receive(reader))
        print("its attr", what, call("mq_getsetattr", queue, None, where), call("mq_getsetattr", queue, attr(0), where))
    print("no buffers", call("mq_getsetattr", queue, None, None), call("mq_timedsend", queue, None, 0, 0, None))
    print("nothing was sent", mq_receive(queue))


def arguments(queue, reader, writer):
    for until in ((0, -1), (0, 10**9), (-1, 0), (0, 0), (1 << 62, 0)):
        time = struct.pack("=qq", *until)
        print("until", until, mq_send(queue, b"x", 0, time), mq_receive(reader, 64, time))
        print("in vain", mq_receive(reader, 64, time), mq_send(1000, b"x", 0, time))
    print("past", mq_receive(queue, 64, struct.pack("=qq", 1, 0)))
    print("priorities", [mq_send(queue, b"x", priority) for priority in (32767, 32768, -1)], mq_receive(queue))
    print("sizes", mq_send(queue, b"x" * 65), call("mq_timedsend", queue, b"x", -1, 0, None), mq_receive(queue, 63))
    print("flags", mq_flags(queue, os.O_APPEND), mq_flags(queue, os.O_NONBLOCK | 1), mq_flags(queue, 0))
    for kind, signo in ((SIGEV_SIGNAL, 65), (SIGEV_SIGNAL, -1), (SIGEV_SIGNAL, 0), (3, 10), (-1, 10), (4, 10)):
        print("sigevent", kind, signo, call("mq_notify", queue, sigevent(kind, signo)), call("mq_notify", queue, None))
    print("twice", call("mq_notify", queue, sigevent(SIGEV_NONE)), call("mq_notify", reader, sigevent(SIGEV_NONE)))
    print("by another descriptor", call("mq_notify", reader, None), call("mq_notify", writer, sigevent(SIGEV_NONE)))
    print("there already", mq_open(NAME, CREATE | os.O_EXCL), mq_open(NAME, os.O_RDWR | os.O_WRONLY))


def posix():
    queue = mq_open(NAME, CREATE | os.O_EXCL, 0o600, attr())
    reader, writer = mq_open(NAME, os.O_RDONLY | os.O_NONBLOCK), mq_open(NAME, os.O_WRONLY | os.O_NONBLOCK)
    descriptors(queue, reader, writer)
    pointers(queue, reader)
    arguments(queue, reader, writer)
    print("unlinked", call("mq_unlink", NAME), call("mq_unlink", NAME), mq_open(NAME))
    for fd in (queue, reader, writer):
        os.close(fd)
        print("closed", mq_send(fd, b"x"), mq_receive(fd), mq_flags(fd))
    print("a thread's, without a socket", call("mq_notify", 1000, sigevent(2, 1000, address(buffer(32)))))


system_v()
opening()
posix()

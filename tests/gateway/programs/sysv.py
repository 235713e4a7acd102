"""What a program may ask of System V queues: it prints the answers, which are to be the host's."""

import ctypes
import errno
import os
import signal
import threading
import time

from threads import join

libc = ctypes.CDLL(None, use_errno=True)
IPC_CREAT, IPC_NOWAIT, IPC_RMID, IPC_SET, IPC_STAT, MSG_NOERROR = 0o1000, 0o4000, 0, 1, 2, 0o10000
KEY = 0x7E57 + os.getpid()
BAD = ctypes.c_void_p(8)


class Message(ctypes.Structure):
    _fields_ = [("type", ctypes.c_long), ("bytes", ctypes.c_char * 8192)]


def answer(name, result):
    print(name, errno.errorcode[ctypes.get_errno()] if result < 0 else result, flush=True)
    return result


def send(queue, kind, data, flags=0):
    return libc.msgsnd(queue, ctypes.byref(Message(kind, data)), len(data), flags)


def receive(queue, kind=0, size=8192, flags=0):
    message = Message()
    got = libc.msgrcv(queue, ctypes.byref(message), size, ctypes.c_long(kind), flags)
    return got, message.type, message.bytes[: max(got, 0)]


queue = libc.msgget(KEY, IPC_CREAT | 0o600)
answer("not there", libc.msgget(KEY + 1, 0))
answer("there already", libc.msgget(KEY, IPC_CREAT | 0o2000 | 0o600))
for kind, data in ((5, b"five"), (2, b"two"), (9, b"nine")):
    answer("msgsnd", send(queue, kind, data))
print("lowest up to 4", receive(queue, -4))
answer("too small", receive(queue, 9, 2)[0])
print("cut", receive(queue, 9, 2, MSG_NOERROR))
answer("none of that type", receive(queue, 7, 8192, IPC_NOWAIT)[0])
answer("type 0", send(queue, 0, b"x"))
answer("too long", libc.msgsnd(queue, ctypes.byref(Message(1, b"")), ctypes.c_size_t(8193), 0))
answer("negative size", libc.msgsnd(queue, ctypes.byref(Message(1, b"")), ctypes.c_size_t(-1), 0))
answer("EFAULT in msgsnd", libc.msgsnd(queue, BAD, 4, 0))
answer("EFAULT in msgctl", libc.msgctl(queue, IPC_STAT, BAD))
answer("EFAULT in IPC_SET", libc.msgctl(queue, IPC_SET, BAD))
answer("no such id", send(queue + 1, 1, b"x"))
answer("no such command", libc.msgctl(queue, 99, None))

receive(queue)
send(queue, 3, b"lost")
answer("EFAULT in msgrcv", libc.msgrcv(queue, BAD, 64, ctypes.c_long(3), 0))
answer("and the message is gone", receive(queue, 3, 64, IPC_NOWAIT)[0])

signal.signal(signal.SIGALRM, lambda number, frame: None)
signal.siginterrupt(signal.SIGALRM, True)
signal.setitimer(signal.ITIMER_REAL, 0.1)
answer("a handler ran", receive(queue, 11)[0])

child = os.fork()
if child == 0:
    print("child", receive(queue, 12), flush=True)
    os._exit(0)
send(queue, 12, b"to the child")
os.waitpid(child, 0)

got = []
threads = [threading.Thread(target=lambda kind=kind: got.append(receive(queue, kind))) for kind in (21, 22, 23)]
for thread in threads:
    thread.start()
for kind in (23, 21, 22):
    send(queue, kind, b"%d" % kind)
for thread in threads:
    join(thread)
print("threads", sorted(got))

waiting = os.fork()
if waiting == 0:
    answer("removed under a sleeper", receive(queue, 31)[0])
    os._exit(0)
time.sleep(0.3)
removed = libc.msgctl(queue, IPC_RMID, None)
os.waitpid(waiting, 0)
answer("IPC_RMID", removed)
answer("gone", send(queue, 1, b"x"))

"""A receiver is killed in the moment in which a message is sent to it: that is for the next one, twenty times."""

import os
import signal
import struct
import time

from raw_unsafe import IPC_CREAT, IPC_NOWAIT, attr, call, mq_open, mq_receive, mq_send, msgrcv, msgsnd

ROUNDS = 20
NAME = b"usernel-killing-%d" % os.getpid()
queue = call("msgget", 0, IPC_CREAT | 0o600)
jobs = mq_open(NAME, os.O_CREAT | os.O_RDWR, 0o600, attr())
other = mq_open(NAME, os.O_RDONLY | os.O_NONBLOCK)
call("mq_unlink", NAME)
FAMILIES = {
    "System V": (
        lambda: msgrcv(queue, 1),
        lambda data: msgsnd(queue, 1, data),
        lambda: msgrcv(queue, 1, 64, IPC_NOWAIT),
    ),
    "POSIX": (lambda: mq_receive(jobs), lambda data: mq_send(jobs, data), lambda: mq_receive(other)),
}


def killed(sleep, send, take):
    """How much is lost of what was sent to a receiver that was killed just before, in its sleep or on the way there."""
    lost = 0
    for number in range(ROUNDS):
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.write(writing, b"x")
            sleep()
            os._exit(0)
        os.read(reading, 1)
        time.sleep(0.002 * (number % 4))
        os.kill(pid, signal.SIGKILL)
        send(struct.pack("=q", number))
        os.waitpid(pid, 0)
        lost += not taken(take)
        os.close(reading)
        os.close(writing)
    return lost


def taken(take):
    """Whether there is something to be received, sooner or later."""
    deadline = time.monotonic() + 2
    while isinstance(take(), str):
        if time.monotonic() > deadline:
            return False
    return True


for family, how in FAMILIES.items():
    print(family, killed(*how))

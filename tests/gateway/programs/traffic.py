"""Traffic on a System V and a POSIX queue, until they are gone: ``traffic.py KEY NAME``, or with ``beat`` for ever.

With ``beat`` it is one process that sends to itself, counts on its standard output, and knows no error.
"""

import os
import sys
import time

from raw_unsafe import (
    IPC_CREAT,
    IPC_NOWAIT,
    attr,
    call,
    mq_flags,
    mq_open,
    mq_receive,
    mq_send,
    msgrcv,
    msgsnd,
    timespec,
)

KEY, NAME = int(sys.argv[1]), sys.argv[2].encode()
TIMES = {"ETIMEDOUT", "EINTR"}
queue = call("msgget", KEY, IPC_CREAT | 0o600)
jobs = mq_open(NAME, os.O_CREAT | os.O_RDWR, 0o600, attr(0, 4))


def soon():
    return timespec(time.time() + 0.1)


def ask():
    return msgsnd(queue, 1, b"question"), msgrcv(queue, 2)


def answer():
    return msgrcv(queue, 1), msgsnd(queue, 2, b"answer"), mq_send(jobs, b"done", 1, soon())


def work():
    return mq_receive(jobs, until=soon()), call("msgget", KEY, 0), msgsnd(queue, 3, b"", IPC_NOWAIT), msgrcv(queue, 3)


def until_gone(step):
    while not any(isinstance(got, str) and got not in TIMES for got in step()):
        pass


def beat():
    """What a lost service let it send twice is taken out too."""
    got = msgsnd(queue, 1, b"beat"), msgrcv(queue, 1), mq_send(jobs, b"beat"), mq_receive(jobs)
    if any(isinstance(one, str) for one in got):
        sys.exit(f"a bystander sees {got}")
    msgrcv(queue, 1, flags=IPC_NOWAIT)
    flags = mq_flags(jobs)
    if not isinstance(flags, str) and flags[3]:
        mq_receive(jobs, until=soon())


if len(sys.argv) > 3:
    count = 0
    while True:
        beat()
        count += 1
        print(count, flush=True)
        time.sleep(0.002)
for step in (ask, answer):
    if os.fork() == 0:
        until_gone(step)
        os._exit(0)
until_gone(work)
for _ in range(2):
    os.wait()

"""Threads, children, other programs and other users, all at one queue; the answers are to be the host's."""

import os
import signal
import struct
import sys
import threading
import time

from raw_unsafe import (
    CLONE_NEWIPC,
    IPC_CREAT,
    IPC_EXCL,
    IPC_NOWAIT,
    IPC_RMID,
    IPC_STAT,
    MSQID_DS,
    attr,
    buffer,
    call,
    mq_open,
    mq_receive,
    mq_send,
    msgrcv,
    msgsnd,
)
from threads import join

NAME = b"usernel-processes-%d" % os.getpid()
KEY = 0x7E000000 | os.getpid()
NOBODY = 65534
queue = call("msgget", KEY, IPC_CREAT | IPC_EXCL | 0o600)
jobs = mq_open(NAME, os.O_CREAT | os.O_RDWR, 0o600, attr(maxmsg=10))


def child(what, *args):
    pid = os.fork()
    if pid == 0:
        what(*args)
        sys.stdout.flush()
        os._exit(0)
    return pid


def ended(*pids):
    return [os.waitpid(pid, 0)[1] for pid in pids]


def threads():
    """Eight sleep at once, each for its own, and four more for whatever comes."""
    got = []
    sleepers = [threading.Thread(target=lambda kind=kind: got.append(msgrcv(queue, kind))) for kind in range(1, 9)]
    sleepers += [threading.Thread(target=lambda: got.append(mq_receive(jobs))) for _ in range(4)]
    for sleeper in sleepers:
        sleeper.start()
    time.sleep(0.1)
    for number in range(4):
        mq_send(jobs, b"%d" % number, number)
    for kind in reversed(range(1, 9)):
        msgsnd(queue, kind, b"%d" % kind)
    for sleeper in sleepers:
        join(sleeper)
    print("threads", sorted(got))
    state = buffer(MSQID_DS.size)
    call("msgctl", queue, IPC_STAT, state)
    pids = MSQID_DS.unpack(state.raw)[15:17]
    print("one process", [pid == os.getpid() for pid in pids])


def answer(number):
    _, data = msgrcv(queue, 1000 + number)
    msgsnd(queue, 1, b"%d" % (int(data) + number))


def crowd():
    """Thirty-two at once, each asked and answering."""
    pids = [child(answer, number) for number in range(32)]
    for number in range(32):
        msgsnd(queue, 1000 + number, b"%d" % number)
    print("crowd", sorted(int(msgrcv(queue, 1)[1]) for _ in range(32)) == [2 * number for number in range(32)])
    print("all ended", set(ended(*pids)))


def tree(depth):
    """Each has two children, and adds what they say."""
    pids = [child(tree, depth - 1) for _ in range(2 if depth else 0)]
    total = 1 + sum(int(msgrcv(queue, 100 + depth - 1)[1]) for _ in pids)
    ended(*pids)
    msgsnd(queue, 100 + depth, b"%d" % total)


def executed():
    """A thread that sleeps when another of its process executes a program takes nothing along."""

    def leave():
        threading.Thread(target=msgrcv, args=(queue, 50), daemon=True).start()
        threading.Thread(target=mq_receive, args=(jobs,), daemon=True).start()
        time.sleep(0.1)
        os.execv("/bin/sh", ["sh", "-c", "exit 0"])

    print("executed", ended(child(leave)))
    print("nobody sleeps", msgsnd(queue, 50, b"not taken"), msgrcv(queue, 50, 64, IPC_NOWAIT))
    print("nor here", mq_send(jobs, b"not taken"), mq_receive(jobs))
    again = [sys.executable, __file__, str(queue)]
    msgsnd(queue, 51, b"for another program")
    print("the program behind it", ended(child(os.execv, sys.executable, again)))
    os.posix_spawn(sys.executable, again, os.environ)
    print("spawned", msgsnd(queue, 51, b"for a third"), ended(-1))


def others():
    """Whoever gives up being root is refused."""

    def refused():
        name = NAME + b"-nobody"
        os.setresgid(-1, NOBODY, -1)
        os.setresuid(-1, NOBODY, -1)
        print("nobody", call("msgget", KEY, 0o600), msgsnd(queue, 1, b"x"), msgrcv(queue), mq_open(NAME))
        print("may not", call("mq_unlink", NAME), call("msgctl", queue, IPC_RMID, None), mq_send(jobs, b"open is open"))
        print("makes its own", isinstance(mq_open(name, os.O_CREAT | os.O_RDWR), int), call("mq_unlink", name))
        os.setresuid(-1, 0, -1)
        print("root again", call("msgget", KEY, 0o600) == queue, mq_receive(jobs))
        os.setresuid(NOBODY, NOBODY, NOBODY)
        print("for good", call("msgget", KEY, 0o600), mq_open(NAME, os.O_RDONLY))

    if os.getuid() == 0:
        ended(child(refused))


def apart():
    """Another IPC namespace has other queues, and the way back is open."""

    def alone():
        print("unshared", call("unshare", CLONE_NEWIPC), call("msgget", KEY, 0), mq_open(NAME), msgrcv(queue))
        print("first of all", call("msgget", KEY, IPC_CREAT | 0o600), mq_send(jobs, b"open is open"), mq_receive(jobs))
        ended(child(lambda: print("with its child", call("msgget", KEY, 0))))
        there = os.open(f"/proc/{os.getppid()}/ns/ipc", os.O_RDONLY)
        print("back", call("setns", there, CLONE_NEWIPC), call("msgget", KEY, 0) == queue)

    if os.getuid() == 0:
        ended(child(alone))


def killed():
    """Of ten that sleep, five are killed: the others get all that is sent."""
    pids = [child(msgrcv, queue, 60) for _ in range(10)]
    time.sleep(0.1)
    for pid in pids[::2]:
        os.kill(pid, signal.SIGKILL)
    print("killed", ended(*pids[::2]))
    for number in range(5):
        msgsnd(queue, 60, struct.pack("=q", number))
    print("the others", ended(*pids[1::2]), msgrcv(queue, 60, 64, IPC_NOWAIT))


if len(sys.argv) > 1:
    print("executed", msgrcv(int(sys.argv[1]), 51))
else:
    for part in (threads, crowd, executed, others, apart, killed):
        part()
        sys.stdout.flush()
    tree(3)
    print("tree", msgrcv(queue, 103))
    print(call("mq_unlink", NAME), call("msgctl", queue, IPC_RMID, None))

"""What signals do to calls that sleep, and what mq_notify tells of a message; the answers are to be the host's."""

import os
import select
import signal
import struct
import sys
import time

from raw_unsafe import (
    IPC_CREAT,
    IPC_RMID,
    SIGEV_NONE,
    SIGEV_SIGNAL,
    attr,
    call,
    mq_open,
    mq_receive,
    mq_send,
    msgrcv,
    msgsnd,
    sigevent,
    siginfo_of,
)

NAME = b"usernel-interrupts-%d" % os.getpid()
TICK = 0.05
BIG = b"x" * 8192
heard = []
queue = call("msgget", 0, IPC_CREAT | 0o600)
jobs = mq_open(NAME, os.O_CREAT | os.O_RDWR, 0o600, attr(maxmsg=1))


def told(signo=signal.SIGUSR1, seconds=10):
    """What a blocked signal says; whose pid and uid, in words."""
    found = siginfo_of(signo, seconds)
    if isinstance(found, str):
        return found
    number, code, pid, uid, value = found
    return number, code, "mine" if pid == os.getpid() else "another's", uid == os.getuid(), value


def child(what):
    pid = os.fork()
    if pid == 0:
        what()
        sys.stdout.flush()
        os._exit(0)
    return pid


def soon(seconds):
    now = time.time_ns() + int(seconds * 1e9)
    return struct.pack("=qq", *divmod(now, 10**9))


def with_handler(what, *args):
    """Whether a handler runs, and how a sleeping call ends while it runs again and again."""
    heard.clear()
    signal.setitimer(signal.ITIMER_REAL, TICK, TICK)
    got = what(*args)
    signal.setitimer(signal.ITIMER_REAL, 0)
    return got, bool(heard)


def handlers():
    signal.signal(signal.SIGALRM, lambda number, frame: heard.append(number))
    msgsnd(queue, 1, BIG)
    msgsnd(queue, 1, BIG)
    mq_send(jobs, b"full")
    for restarts in (False, True):
        signal.siginterrupt(signal.SIGALRM, not restarts)
        print("restarts" if restarts else "does not", "msgsnd", with_handler(msgsnd, queue, 1, BIG))
        print("msgrcv", with_handler(msgrcv, queue, 9))
        print("mq_send in time", with_handler(mq_send, jobs, b"x", 0, soon(4 * TICK)))
        mq_receive(jobs)
        print("mq_receive in time", with_handler(mq_receive, jobs, 64, soon(4 * TICK)))
        mq_send(jobs, b"full")
    mq_receive(jobs)
    sender = child(lambda: (time.sleep(4 * TICK), mq_send(jobs, b"after all")))
    print("mq_receive goes on", with_handler(mq_receive, jobs))
    os.waitpid(sender, 0)
    while msgrcv(queue, 0, 8192, 0o4000) != "ENOMSG":
        pass
    signal.signal(signal.SIGALRM, signal.SIG_IGN)
    sender = child(lambda: (time.sleep(4 * TICK), msgsnd(queue, 1, b"ignored")))
    print("a signal that is ignored", with_handler(msgrcv, queue, 1))
    os.waitpid(sender, 0)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])
    signal.signal(signal.SIGALRM, lambda number, frame: heard.append(number))
    sender = child(lambda: (time.sleep(4 * TICK), msgsnd(queue, 1, b"blocked")))
    print("one that is blocked", with_handler(msgrcv, queue, 1))
    os.waitpid(sender, 0)


def stopping():
    """A sleeper that is stopped goes on to sleep when it is continued; one that is killed has taken nothing."""
    for what, give in ((lambda: msgrcv(queue, 5), lambda data: msgsnd(queue, 5, data)),
                       (lambda: mq_receive(jobs), lambda data: mq_send(jobs, data))):  # fmt: skip
        sleeper = child(lambda what=what: print("continued", what()))
        time.sleep(TICK)
        for signo in (signal.SIGSTOP, signal.SIGCONT, signal.SIGSTOP):
            os.kill(sleeper, signo)
            time.sleep(TICK)
        give(b"to one that was stopped")
        os.kill(sleeper, signal.SIGCONT)
        os.waitpid(sleeper, 0)
        sleeper = child(what)
        time.sleep(TICK)
        os.kill(sleeper, signal.SIGKILL)
        print("killed", os.waitpid(sleeper, 0)[1], give(b"not lost"), what())


def notifications():
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
    ask = sigevent(SIGEV_SIGNAL, signal.SIGUSR1, -(1 << 62))
    print("asked", call("mq_notify", jobs, ask), call("mq_notify", jobs, ask))
    os.waitpid(child(lambda: print("by a child", call("mq_notify", jobs, ask), mq_send(jobs, b"x"))), 0)
    print("told", told())
    print("once", mq_receive(jobs), mq_send(jobs, b"y"), told(seconds=0))
    print("while one is there", call("mq_notify", jobs, ask), told(seconds=0), mq_receive(jobs), told(seconds=0))
    print("mine", mq_send(jobs, b"z"), told(), mq_receive(jobs))
    print("asked again", call("mq_notify", jobs, ask), "taken back", call("mq_notify", jobs, None))
    print("not told", mq_send(jobs, b"x"), told(seconds=0), mq_receive(jobs))
    call("mq_notify", jobs, ask)
    receiver = child(lambda: print("who waits goes first", mq_receive(jobs)))
    time.sleep(2 * TICK)
    mq_send(jobs, b"for who waits")
    os.waitpid(receiver, 0)
    print("so nobody is told", told(seconds=0), mq_send(jobs, b"x"), told(), mq_receive(jobs))
    print("silently", call("mq_notify", jobs, sigevent(SIGEV_NONE)), mq_send(jobs, b"x"), mq_receive(jobs))
    copied = os.dup(jobs)
    print("and once", call("mq_notify", jobs, ask), "closing any takes it back", os.close(copied))
    print("free for another", call("mq_notify", jobs, ask), call("mq_notify", jobs, None))
    other = child(lambda: print("who ends", call("mq_notify", jobs, ask)))
    os.waitpid(other, 0)
    print("asks no more", call("mq_notify", jobs, ask), call("mq_notify", jobs, None))
    poll = select.poll()
    poll.register(jobs, select.POLLIN)
    call("mq_notify", jobs, ask)
    os.waitpid(child(lambda: mq_send(jobs, b"x")), 0)
    print("poll and signal", poll.poll(0)[0][1], told(), mq_receive(jobs))


for part in (handlers, stopping, notifications):
    part()
    sys.stdout.flush()
print(call("mq_unlink", NAME), call("msgctl", queue, IPC_RMID, None))

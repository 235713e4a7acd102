"""What becomes of a queue's descriptor that is copied, handed on, polled and closed: as on the host."""

import fcntl
import os
import resource
import select
import socket
import subprocess
import sys
import threading
import time

from raw_unsafe import attr, call, mq_flags, mq_open, mq_receive, mq_send
from threads import join

NAME = b"usernel-descriptors-%d" % os.getpid()
SLEEP = 0.1


def opened(oflag=os.O_CREAT | os.O_RDWR, name=NAME):
    return mq_open(name, oflag, 0o600, attr())


def in_child(what):
    """What a child finds; printed by the child."""
    child = os.fork()
    if child == 0:
        what()
        sys.stdout.flush()
        os._exit(0)
    return child


def copies():
    queue = opened()
    copied, chosen = os.dup(queue), os.dup2(queue, 77)
    print("cloexec", os.get_inheritable(queue), os.get_inheritable(copied), os.get_inheritable(chosen))
    print("through one", mq_send(copied, b"one"), "through another", mq_receive(chosen))
    other = opened(os.O_RDWR | os.O_NONBLOCK)
    flags = fcntl.fcntl(copied, fcntl.F_GETFL)
    fcntl.fcntl(copied, fcntl.F_SETFL, flags | os.O_NONBLOCK)
    print("copies share their flags", mq_flags(queue)[0], mq_flags(chosen)[0], mq_receive(queue))
    print("openings do not", mq_flags(other, 0)[0], mq_flags(queue, 0)[0], mq_flags(other)[0], mq_flags(copied)[0])
    print("set by attr", mq_flags(other, os.O_NONBLOCK)[0], bool(fcntl.fcntl(other, fcntl.F_GETFL) & os.O_NONBLOCK))
    os.dup2(os.open("/dev/null", os.O_RDWR), chosen)
    print("dup2 over it", mq_send(chosen, b"x"), mq_send(queue, b"two"))
    os.close(queue)
    print("closed", mq_send(queue, b"x"), mq_receive(copied))
    again = opened()
    print("the lowest", again == queue, mq_send(again, b"three"), mq_receive(copied))
    os.close(copied)
    os.close(again)
    os.close(other)


def children():
    queue = opened()

    def child():
        print("inherited", mq_receive(queue), mq_send(queue, b"back", 7))
        os.close(queue)
        print("closed in the child", mq_send(queue, b"x"))

    mq_send(queue, b"for the child")
    os.waitpid(in_child(child), 0)
    print("not in its parent", mq_receive(queue))
    ask = f"[ -e /proc/self/fd/{queue} ] && echo there || echo closed"
    print(
        "executed",
        subprocess.run(["sh", "-c", ask], close_fds=False, check=False, capture_output=True, text=True).stdout,
    )
    os.set_inheritable(queue, True)
    mq_send(queue, b"for another program")
    command = [sys.executable, __file__, str(queue)]
    print("inheritable", subprocess.run(command, close_fds=False, check=False, capture_output=True, text=True).stdout)
    here, there = socket.socketpair()

    def passed():
        os.close(queue)
        _, (got,), _, _ = socket.recv_fds(there, 1, 1)
        print("handed over", mq_send(got, b"by the other"), mq_flags(got)[3])

    child = in_child(passed)
    socket.send_fds(here, [b"x"], [queue])
    os.waitpid(child, 0)
    print("one queue", mq_receive(queue))
    os.close(queue)


def masks(poll, wait=0):
    return [mask for _, mask in poll.poll(wait)]


def truth():
    queue, reader, writer = opened(), opened(os.O_RDONLY), opened(os.O_WRONLY)
    polls = []
    for fd, mask in ((queue, select.POLLIN | select.POLLOUT), (reader, select.POLLIN), (writer, select.POLLOUT)):
        poll, epoll = select.poll(), select.epoll()
        poll.register(fd, mask)
        epoll.register(fd, mask)
        polls += [poll, epoll]

    def shown(when):
        found = [masks(poll) for poll in polls]
        print(when, found, [bool(ready) for ready in select.select([queue, reader], [queue, writer], [], 0)])

    shown("empty")
    for number in (1, 2):
        mq_send(queue, b"%d" % number)
        shown("sent")
    for _ in range(2):
        mq_receive(reader)
        shown("received")
    for fd in (queue, reader, writer):
        os.close(fd)


def waking():
    """A sleeper in poll(2) wakes when there is something to be received, or room."""
    queue = opened()
    poll, epoll, reading, writing = select.poll(), select.epoll(), select.epoll(), select.epoll()
    poll.register(queue, select.POLLIN)
    epoll.register(queue, select.EPOLLIN)
    reading.register(queue, select.EPOLLIN | select.EPOLLET)
    writing.register(queue, select.EPOLLOUT | select.EPOLLET)
    print("edges at first", masks(reading), masks(writing), masks(writing))
    for waiting in (
        lambda: masks(poll, 10_000),
        lambda: masks(epoll, 10),
        lambda: select.select([queue], [], [], 10)[0] == [queue],
    ):
        sender = threading.Timer(SLEEP, mq_send, (queue, b"x"))
        sender.start()
        print("woken", waiting(), mq_receive(queue))
        join(sender)
    masks(reading)
    masks(writing)
    mq_send(queue, b"x")
    print("an edge", masks(reading), masks(reading))
    mq_send(queue, b"y")
    masks(writing)
    poll.modify(queue, select.POLLOUT)
    receiver = threading.Timer(SLEEP, mq_receive, (queue,))
    receiver.start()
    print("room", masks(poll, 10_000), masks(writing), masks(writing))
    join(receiver)
    mq_receive(queue)
    child = os.fork()
    if child == 0:
        time.sleep(SLEEP)
        mq_send(queue, b"of the child")
        os._exit(0)
    poll.modify(queue, select.POLLIN)
    print("by another process", masks(poll, 10_000), mq_receive(queue))
    os.waitpid(child, 0)
    os.close(queue)


def many():
    queues = [opened(name=NAME + b"-%d" % number) for number in range(50)]
    print("many", all(mq_send(queue, b"%d" % number) == 0 for number, queue in enumerate(queues)))
    print([mq_receive(queue)[1] for queue in reversed(queues)] == [b"%d" % number for number in reversed(range(50))])
    for number, queue in enumerate(queues):
        os.close(queue)
        call("mq_unlink", NAME + b"-%d" % number)
    spare = os.dup(0)
    resource.setrlimit(resource.RLIMIT_NOFILE, (spare + 1, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    print("no descriptor left", opened(), mq_open(NAME + b"x"))
    os.close(spare)
    print("one", opened() == spare)


if len(sys.argv) > 1:
    print(mq_receive(int(sys.argv[1])), call("mq_unlink", b"none"))
else:
    for part in (copies, children, truth, waking, many):
        part()
        sys.stdout.flush()
    print(call("mq_unlink", NAME))

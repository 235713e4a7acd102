"""What a program may ask of POSIX queues: it prints the answers, which are to be the host's."""

import ctypes
import os
import select
import signal
import socket
import sys
import time

import posix_ipc

NAME = f"/usernel-test-{os.getpid()}"
queue = posix_ipc.MessageQueue(NAME, posix_ipc.O_CREX, max_messages=2, max_message_size=64)
poll = select.poll()
poll.register(queue.mqd, select.POLLIN | select.POLLOUT)
epoll = select.epoll()
epoll.register(queue.mqd, select.EPOLLIN | select.EPOLLOUT)


def shown():
    return poll.poll(0)[0][1] if poll.poll(0) else 0, [mask for _, mask in epoll.poll(0)]


def refused(what, call, *args):
    try:
        print(what, call(*args))
    except (posix_ipc.Error, OSError, ValueError) as error:
        print(what, type(error).__name__)


print("empty", shown())
queue.send(b"one", priority=3)
print("one of two", shown(), queue.current_messages)
queue.send(b"two", priority=5)
print("full", shown())
queue.block = False
refused("full, and O_NONBLOCK", queue.send, b"three")
queue.block = True
print("by priority", queue.receive(), queue.receive(), shown())
refused("too long", queue.send, b"x" * 65)
refused("in vain", queue.receive, 0.1)
refused("there already", posix_ipc.MessageQueue, NAME, posix_ipc.O_CREX)
refused("not there", posix_ipc.MessageQueue, NAME + "x")

other = os.dup(queue.mqd)
child = os.fork()
if child == 0:
    print("child", queue.receive(), flush=True)
    os._exit(0)
queue.send(b"to the child")
os.waitpid(child, 0)

here, there = socket.socketpair()
child = os.fork()
if child == 0:
    os.close(queue.mqd)
    _, (passed,), _, _ = socket.recv_fds(there, 1, 1)
    buffer = ctypes.create_string_buffer(64)
    size = ctypes.CDLL(None).mq_receive(passed, buffer, 64, None)
    print("by SCM_RIGHTS", buffer.raw[:size], flush=True)
    os._exit(0)
socket.send_fds(here, [b"x"], [other])
queue.send(b"handed over")
os.waitpid(child, 0)
os.close(other)

told = []
signal.signal(signal.SIGUSR1, lambda number, frame: told.append(number))
queue.request_notification(signal.SIGUSR1)
queue.send(b"x")
print("told by signal", told)
queue.receive()
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2])
queue.request_notification(signal.SIGUSR2)
queue.send(b"x")
info = signal.sigtimedwait([signal.SIGUSR2], 5)
print("siginfo", info.si_code, info.si_pid == os.getpid(), info.si_uid == os.getuid())
queue.receive()

called = []
queue.request_notification((called.append, "by thread"))
queue.send(b"x")
deadline = time.monotonic() + 10
while not called and time.monotonic() < deadline:
    time.sleep(0.01)
print("told", called)
queue.receive()

posix_ipc.unlink_message_queue(NAME)
queue.send(b"without a name")
print("lives while it is open", queue.receive())
queue.close()
refused("and no longer", posix_ipc.MessageQueue, NAME)
refused("closed", os.fstat, 1000)
sys.stdout.flush()

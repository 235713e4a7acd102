"""Python's multiprocessing: a pool and two processes that speak by queues of both families."""

import multiprocessing
import os

import posix_ipc
import sysv_ipc

NAME = f"/usernel-multi-{os.getpid()}"


def square(number):
    return number * number


def double(key, name):
    asked, answered = sysv_ipc.MessageQueue(key), posix_ipc.MessageQueue(name)
    while (data := asked.receive()[0]) != b"end":
        answered.send(b"%d" % (2 * int(data)))
    answered.close()


def main():
    asked = sysv_ipc.MessageQueue(None, sysv_ipc.IPC_CREX)
    answered = posix_ipc.MessageQueue(NAME, posix_ipc.O_CREX)
    for method in ("fork", "spawn"):
        context = multiprocessing.get_context(method)
        worker = context.Process(target=double, args=(asked.key, NAME))
        worker.start()
        for number in range(50):
            asked.send(b"%d" % number)
        print(method, sum(int(answered.receive()[0]) for _ in range(50)))
        asked.send(b"end")
        worker.join()
        print(worker.exitcode)
    with multiprocessing.get_context("fork").Pool(4) as pool:
        print(sum(pool.map(square, range(100))))
    asked.remove()
    answered.close()
    answered.unlink()


if __name__ == "__main__":
    main()

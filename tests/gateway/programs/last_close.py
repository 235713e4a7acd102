"""A queue without a name lives while it is open, and then its bytes are free for another.

What a user's queues may take together is all that tells of it, and that a host's other programs take part of.
"""

import os
import resource
import sys

from raw_unsafe import attr, call, mq_flags, mq_open, mq_receive, mq_send

SIZE = 4096


def opened(name=b"usernel-last"):
    return mq_open(name, os.O_CREAT | os.O_RDWR, 0o600, attr(msgsize=SIZE))


resource.setrlimit(resource.RLIMIT_MSGQUEUE, (3 * SIZE, resource.getrlimit(resource.RLIMIT_MSGQUEUE)[1]))
queue = opened()
copied = os.dup(queue)
print("there", mq_send(queue, b"kept"), opened(b"usernel-other"))
print("unlinked", call("mq_unlink", b"usernel-last"), mq_open(b"usernel-last"), opened())
os.close(queue)
print("open", mq_receive(copied, SIZE), opened(), mq_flags(copied)[3])
child = os.fork()
if child == 0:
    print("in a child too", mq_send(copied, b"x"), mq_receive(copied, SIZE))
    sys.stdout.flush()
    os._exit(0)
os.waitpid(child, 0)
os.close(copied)
again = opened()
print("freed", isinstance(again, int), mq_flags(again)[3], mq_send(again, b"x"))

"""What no supervisor goes below: the program under the same filter on the same loop, every call answered at once."""

from __future__ import annotations

import asyncio
import os
import platform
import sys
from collections.abc import Sequence

import uvloop

from usernel.abi.seccomp import AUDIT_ARCH
from usernel.abi.unistd import NUMBERS
from usernel.gateway.filter import program
from usernel.gateway.launch_unsafe import Launched, launch
from usernel.gateway.notify_unsafe import Listener

CALLS = ("msgget", "msgsnd", "msgrcv", "msgctl", "mq_open", "mq_unlink", "mq_timedsend", "mq_timedreceive")


def run(command: Sequence[str]) -> int:
    """Run a command whose queue calls all return 0; its wait status."""
    machine = platform.machine()
    numbers = [number for number in (NUMBERS[name][machine != "x86_64"] for name in CALLS) if number is not None]
    launched = launch(program(AUDIT_ARCH[machine], numbers), command, [])
    uvloop.run(_serve(launched))
    return os.waitpid(launched.pid, 0)[1]


async def _serve(launched: Launched) -> None:
    listener, loop, ended = Listener(launched.listener), asyncio.get_running_loop(), asyncio.Event()

    def on_readable() -> None:
        notif = listener.receive()
        if notif is not None:
            listener.answer(notif.id, 0)

    loop.add_reader(listener.fd, on_readable)
    pidfd = os.pidfd_open(launched.pid)
    loop.add_reader(pidfd, ended.set)
    launched.go()
    await ended.wait()


if __name__ == "__main__":
    sys.exit(os.waitstatus_to_exitcode(run(sys.argv[1:])))

"""``usernel``: the command."""

from __future__ import annotations

import click

from usernel.version import __version__

from .demo import demo
from .doctor import doctor
from .journal import journal
from .later import LATER, later
from .mq import mq
from .msg import msg
from .ns import ns
from .options import connection_options
from .run import run
from .serve import serve
from .tasks import tasks
from .uring import uring


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="usernel", message="%(prog)s %(version)s")
@connection_options
def main() -> None:
    """Linux message queues, namespaces and rings as a service: serve them, use them, see them work."""


for command in (serve, run, demo, doctor, msg, mq, ns, uring, tasks, journal):
    main.add_command(command)
for name, what in LATER.items():
    main.add_command(later(name, what))

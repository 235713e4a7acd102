"""``usernel serve``: the service."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Any

import click

from .failure import Refused

if TYPE_CHECKING:
    from usernel.compose import Service
    from usernel.config import Settings

log = logging.getLogger(__name__)


@click.command()
@click.option("--host", help="The address to listen on (default 127.0.0.1; others want a token).")
@click.option("--port", type=int, help="The port (default 8470; 0 takes a free one).")
@click.option("--uds", metavar="PATH", help="Listen on a Unix socket too; its peers act with their own uid and gid.")
@click.option("--ephemeral", is_flag=True, help="Keep nothing across a restart.")
@click.option("--data-dir", metavar="DIR", help="Where the journal is (default: ~/.local/state/usernel).")
@click.option("--hostfs-root", metavar="DIR", multiple=True, help="Not in this version: serve files.")
@click.option("--token-file", metavar="FILE", help="A file with the bearer token (or USERNEL_TOKEN).")
@click.option("--log", metavar="text|json", help="How to log to stderr (default text).")
@click.option("--log-level", metavar="LEVEL", help="debug, info, warning or error (default info).")
@click.option(
    "--config",
    metavar="FILE",
    help="Settings in TOML: host port uds token_file origins data_dir snapshot_bytes log log_level.",
)
def serve(**options: Any) -> None:
    """Serve queues over HTTP and WebSocket until SIGTERM or Ctrl-C."""
    from usernel.config import ConfigError, load

    try:
        _run(load(options, os.environ))
    except ConfigError as error:
        raise Refused(str(error)) from None


def _run(settings: Settings) -> None:
    # Loaded only here: settings that cannot be are refused before.
    import uvloop

    from usernel.compose import serve as run
    from usernel.config import ConfigError

    from .logs import configure

    configure(settings.log, settings.log_level)
    try:
        uvloop.run(run(settings, _announce))
    except ConfigError:
        raise
    except Exception:
        log.exception("the service ended by a bug")
        raise SystemExit(1) from None


def _announce(service: Service) -> None:
    click.echo(f"usernel listening on {service.url}")

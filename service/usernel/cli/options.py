"""What every command that talks to a service takes: ``--url --token --task --json``, before or after the subcommand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from typing import Any, Final, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(slots=True)
class Options:
    """What was given, by whichever of the two stood last."""

    url: str | None = None
    token: str | None = None
    task: int | None = None
    json: bool = False


def _keep(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    if value is not None and value is not False:
        setattr(context.ensure_object(Options), str(parameter.name), value)


_CONNECTION: Final = (
    click.option(
        "--url", callback=_keep, expose_value=False,
        help="The service: http://HOST:PORT or unix:///PATH (default: USERNEL_URL, or http://127.0.0.1:8470).",
    ),
    click.option(
        "--token", callback=_keep, expose_value=False,
        help="The service's token (better: USERNEL_TOKEN, which other users of this machine do not see).",
    ),
    click.option(
        "--task", type=int, metavar="PID", callback=_keep, expose_value=False, envvar="USERNEL_TASK",
        help="Act as this task of the service (default: USERNEL_TASK, or a task of its own).",
    ),
)  # fmt: skip
_JSON: Final = click.option(
    "--json", is_flag=True, callback=_keep, expose_value=False, help="Print JSON, for programs."
)


def json_option(command: F) -> F:
    """Give a command ``--json``."""
    return _JSON(command)


def connection_options(command: F) -> F:
    """Give a command ``--url --token --task --json``."""
    return reduce(lambda decorated, option: option(decorated), (_JSON, *reversed(_CONNECTION)), command)


pass_options = click.make_pass_decorator(Options, ensure=True)

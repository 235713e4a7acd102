"""What every ``usernel journal`` command takes, and how each fails: ``--data-dir``, ``--json``, one sentence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .. import show
from ..failure import Failure
from ..options import F, Options, json_option
from ..session import INTERRUPTED

if TYPE_CHECKING:
    from usernel.journal.directory import DataDirectory


@click.group()
@json_option
def journal() -> None:
    """The journal of a data directory. No service is needed; where one runs, it is not disturbed."""


def _directory(context: click.Context, parameter: click.Parameter, value: str | None) -> DataDirectory:
    del context, parameter
    from usernel.config import state_directory
    from usernel.journal.directory import DataDirectory

    return DataDirectory(state_directory() if value is None else Path(value))


def place_options(command: F) -> F:
    """Give a command ``--data-dir`` (a DataDirectory, as ``directory``) and ``--json``."""
    option = click.option(
        "--data-dir", "directory", metavar="DIR", callback=_directory,
        help="Where the journal is (default: ~/.local/state/usernel).",
    )  # fmt: skip
    return option(json_option(command))


@contextmanager
def refusing(options: Options, directory: DataDirectory, advice: str = "") -> Iterator[None]:
    """Fail with a sentence, which ends with what to do about damage. Failure; Ctrl-C ends it quietly."""
    from usernel.journal.port import JournalDamagedError, JournalError

    try:
        yield
    except JournalDamagedError as error:
        said = show.printable(str(error))  # what SQLite says may hold bytes of the file
        raise Failure(options, f"{said}; {advice or repair_of(directory)}", position=error.position) from None
    except JournalError as error:
        raise Failure(options, show.printable(str(error))) from None
    except BrokenPipeError:
        raise
    except OSError as error:
        raise Failure(options, f"{error.filename or directory.path}: {error.strerror}") from None
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPTED) from None


def repair_of(directory: DataDirectory) -> str:
    """What to do about damage."""
    return f"`usernel journal repair --data-dir {directory.path}` recovers what is good of it"


def fields(values: dict[str, Any]) -> None:
    """One object, a line a field; the names in colour on a terminal."""
    from rich.table import Table
    from rich.text import Text

    console = show.console()
    if not console.is_terminal:
        show.fields(values)
        return
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="cyan", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in values.items():
        grid.add_row(name, Text(show.printable(str(value))))
    console.print(grid)


def size(count: int) -> str:
    """Bytes as people read them."""
    from rich.filesize import decimal

    return decimal(count)

"""What the service says of itself, on stderr: a line for people, or an object for programs."""

from __future__ import annotations

import json
import logging
from datetime import datetime
from typing import Any, Final

from .show import printable

OF_EVERY_RECORD: Final = frozenset({*logging.makeLogRecord({}).__dict__, "message", "asctime", "taskName"})


def configure(kind: str, level: str) -> None:
    """Log to stderr as ``kind`` (text, json) what is of this ``level`` or graver; Python's warnings too."""
    handler = logging.StreamHandler()
    handler.setFormatter(TextFormatter() if kind == "text" else json_formatter())
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    logging.captureWarnings(True)


class TextFormatter(logging.Formatter):
    """``TIME LEVEL message key=value ...``: one line, and a traceback below it where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """The line; nothing in it can begin another or command a terminal."""
        time = datetime.fromtimestamp(record.created).astimezone().isoformat(timespec="milliseconds")
        fields = "".join(f" {name}={_value(value)}" for name, value in fields_of(record).items())
        line = f"{time} {record.levelname} {printable(record.getMessage())}{fields}"
        return line if not record.exc_info else f"{line}\n{self.formatException(record.exc_info)}"


def fields_of(record: logging.LogRecord) -> dict[str, Any]:
    """What was logged as ``extra``."""
    return {name: value for name, value in record.__dict__.items() if name not in OF_EVERY_RECORD}


def _value(value: Any) -> str:
    """A value that no blank or sign of equality in it tears apart."""
    text = str(value)
    return text if text and text.isprintable() and not set(text) & set(' ="') else json.dumps(text)


def json_formatter() -> logging.Formatter:
    """One object a line: ``timestamp level logger message``, the ``extra`` fields, ``exc_info`` with a traceback."""
    from pythonjsonlogger.json import JsonFormatter

    names = {"levelname": "level", "name": "logger"}
    return JsonFormatter("%(timestamp)s %(levelname)s %(name)s %(message)s", rename_fields=names, timestamp=True)

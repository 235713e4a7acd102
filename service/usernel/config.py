"""What the service is told when it starts: options, environment, a file. Read once."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from platformdirs import user_state_path

DEFAULT_PORT = 8470
LOCALHOST = "localhost"
LOGS = ("text", "json")
LOG_LEVELS = ("debug", "info", "warning", "error")


class ConfigError(ValueError):
    """Settings that cannot be: a sentence for whoever starts the service."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How the service runs. ``host`` None: no TCP at all. ``origins`` are the web pages that may use it.

    ``data_dir`` None: nothing is kept across a restart. ``snapshot_bytes`` of journal behind the last snapshot bring
    about another. ``log`` is how the service's log is written, ``log_level`` from which level on.
    """

    host: str | None = "127.0.0.1"
    port: int = DEFAULT_PORT
    uds: str | None = None
    token: str | None = None
    origins: tuple[str, ...] = ()
    data_dir: str | None = None
    snapshot_bytes: int = 64 * 1024 * 1024
    log: str = "text"
    log_level: str = "info"

    @property
    def loopback(self) -> bool:
        """Whether nobody but this host can reach it."""
        return self.host is None or is_loopback(self.host)

    def check(self) -> Settings:
        """These settings. ``ConfigError`` for a listener that others could reach, without a token."""
        if self.token is not None and not self.token.strip():
            raise ConfigError("the token is empty")
        if not self.loopback and not self.token:
            raise ConfigError(
                f"{self.host} is reachable from other hosts: "
                "set USERNEL_TOKEN or give --token-file, or listen on 127.0.0.1"
            )
        if not 0 <= self.port <= 65535:
            raise ConfigError(f"{self.port} is no port")
        if self.data_dir == "":
            raise ConfigError("the data directory's name is empty")
        if self.snapshot_bytes < 1:
            raise ConfigError(f"snapshot_bytes = {self.snapshot_bytes}: it is 1 or more")
        for name, value, allowed in (("log", self.log, LOGS), ("log_level", self.log_level, LOG_LEVELS)):
            if value not in allowed:
                raise ConfigError(f"{name} = {value!r}: it is one of {', '.join(allowed)}")
        return self


def is_loopback(host: str) -> bool:
    """Whether a host names this machine only."""
    try:
        return host == LOCALHOST or ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def load(options: Mapping[str, Any], environ: Mapping[str, str]) -> Settings:
    """Settings out of options (None: not given), the environment, and the TOML file that ``config`` names.

    Options come before the environment, that before the file. ``ConfigError`` for what cannot be.
    """
    given = _from_file(options.get("config"))
    if environ.get("USERNEL_TOKEN"):
        given["token"] = environ["USERNEL_TOKEN"]
    if options.get("token_file"):
        given["token"] = read_token(options["token_file"])
    for field in fields(Settings):
        if options.get(field.name) is not None:
            given[field.name] = options[field.name]
    if options.get("ephemeral"):
        if options.get("data_dir") is not None:
            raise ConfigError("--ephemeral keeps nothing, and --data-dir says where: give one of them")
        given["data_dir"] = None
    elif "data_dir" not in given:
        given["data_dir"] = str(state_directory())
    if options.get("hostfs_root"):
        raise ConfigError("--hostfs-root: this version serves no files yet")
    return Settings(**given).check()


def state_directory() -> Path:
    """Where this user's programs keep what they need again: ``~/.local/state/usernel``, below XDG_STATE_HOME if set."""
    return user_state_path("usernel")


def read_token(path: str) -> str:
    """The token in a file, without the newline at its end. ``ConfigError`` where there is none."""
    try:
        return Path(path).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the token file {path} cannot be read: {error}") from None


def _from_file(path: str | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        given = tomllib.loads(Path(path).read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"the settings in {path} cannot be read: {error}") from None
    types = {
        "host": str, "port": int, "uds": str, "token": str, "token_file": str, "origins": list, "data_dir": str,
        "snapshot_bytes": int, "log": str, "log_level": str,
    }  # fmt: skip
    for name, value in given.items():
        if name not in types or not isinstance(value, types[name]) or isinstance(value, bool):
            raise ConfigError(f"{path}: {name} = {value!r} is no setting; there are {', '.join(types)}")
    if "token_file" in given:
        given["token"] = read_token(given.pop("token_file"))
    if "origins" in given:
        given["origins"] = tuple(map(str, given["origins"]))
    return given

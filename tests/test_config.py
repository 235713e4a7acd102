"""Options before the environment before the file; what cannot be is refused with a sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from usernel.config import DEFAULT_PORT, ConfigError, Settings, is_loopback, load, state_directory


@pytest.fixture
def config(tmp_path: Path):
    """Write a settings file; its path."""

    def write(text: str) -> str:
        path = tmp_path / "usernel.toml"
        path.write_text(text, "utf-8")
        return str(path)

    return write


def kept(*settings: Any) -> Settings:
    """Settings of a service that was told no data directory."""
    return Settings(*settings, data_dir=str(state_directory()))


def refusal(options: dict[str, Any], environ: dict[str, str] | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        load(options, environ or {})
    return str(caught.value)


def test_with_nothing_given_it_listens_on_loopback_without_a_token():
    assert load({}, {}) == kept("127.0.0.1", DEFAULT_PORT, None, None, ())


def test_with_nothing_given_the_journal_is_in_the_users_state_directory(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XDG_STATE_HOME", "/elsewhere")
    assert load({}, {}).data_dir == "/elsewhere/usernel"
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", "/home/alice")
    assert load({}, {}).data_dir == "/home/alice/.local/state/usernel"


def test_a_data_directory_is_told_by_an_option_before_the_file_and_ephemeral_wants_none(config):
    path = config('data_dir = "/file"\nsnapshot_bytes = 1000\n')
    assert (load({"config": path}, {}).data_dir, load({"config": path}, {}).snapshot_bytes) == ("/file", 1000)
    assert load({"config": path, "data_dir": "/option"}, {}).data_dir == "/option"
    assert load({"config": path, "ephemeral": True}, {}).data_dir is None
    assert load({"config": path, "ephemeral": False}, {}).data_dir == "/file"
    assert load({"ephemeral": True}, {}).data_dir is None


def test_how_to_log_is_told_by_options_before_the_file(config):
    assert (load({}, {}).log, load({}, {}).log_level) == ("text", "info")
    path = config('log = "json"\nlog_level = "warning"\n')
    assert (load({"config": path}, {}).log, load({"config": path}, {}).log_level) == ("json", "warning")
    assert load({"config": path, "log": "text", "log_level": "debug"}, {}).log == "text"


def test_the_file_sets_what_nobody_else_set(config):
    path = config('host = "::1"\nport = 9000\nuds = "/run/u"\ntoken = "t"\norigins = ["https://a.example"]\n')
    assert load({"config": path}, {}) == kept("::1", 9000, "/run/u", "t", ("https://a.example",))


def test_options_come_before_the_file(config):
    path = config('host = "::1"\nport = 9000\nuds = "/run/u"\n')
    assert load({"config": path, "host": "127.0.0.2", "port": 0, "uds": "/x"}, {}) == kept("127.0.0.2", 0, "/x")


def test_an_option_that_was_not_given_leaves_the_files_value(config):
    assert load({"config": config("port = 9000\n"), "port": None, "host": None}, {}).port == 9000


def test_the_token_of_an_option_comes_before_the_environments_and_that_before_the_files(config, tmp_path: Path):
    in_file, option = config('token = "file"\n'), tmp_path / "token"
    option.write_text("option\n")
    environ = {"USERNEL_TOKEN": "environment"}
    assert load({"config": in_file}, {}).token == "file"
    assert load({"config": in_file}, environ).token == "environment"
    assert load({"config": in_file, "token_file": str(option)}, environ).token == "option"


def test_the_file_may_name_a_token_file(config, tmp_path: Path):
    (tmp_path / "token").write_text("  secret \n")
    assert load({"config": config(f'token_file = "{tmp_path}/token"\n')}, {}).token == "secret"


def test_an_environment_variable_without_a_value_is_none(config):
    assert load({"config": config('token = "file"\n')}, {"USERNEL_TOKEN": ""}).token == "file"


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            {"data_dir": "/tmp/x", "ephemeral": True},
            "--ephemeral keeps nothing, and --data-dir says where: give one of them",
        ),
        ({"data_dir": ""}, "the data directory's name is empty"),
        ({"snapshot_bytes": 0}, "snapshot_bytes = 0: it is 1 or more"),
        ({"log": "xml"}, "log = 'xml': it is one of text, json"),
        ({"log_level": "INFO"}, "log_level = 'INFO': it is one of debug, info, warning, error"),
        ({"hostfs_root": ("/srv",)}, "--hostfs-root: this version serves no files yet"),
        ({"port": 65536}, "65536 is no port"),
        ({"port": -1}, "-1 is no port"),
        (
            {"host": "0.0.0.0"},
            "0.0.0.0 is reachable from other hosts: set USERNEL_TOKEN or give --token-file, or listen on 127.0.0.1",
        ),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(options: dict[str, Any], sentence: str):
    assert refusal(options) == sentence


def test_a_service_that_others_reach_wants_a_token_from_wherever(config):
    assert load({"host": "0.0.0.0"}, {"USERNEL_TOKEN": "t"}).token == "t"
    assert load({"host": "::", "config": config('token = "t"\n')}, {}).host == "::"
    assert "reachable" in refusal({"host": "some.example"})


def test_an_empty_token_is_refused(config, tmp_path: Path):
    (tmp_path / "token").write_text(" \n")
    assert refusal({"token_file": str(tmp_path / "token")}) == "the token is empty"
    assert refusal({"config": config('token = ""\n')}) == "the token is empty"
    assert refusal({}, {"USERNEL_TOKEN": "  "}) == "the token is empty"
    assert refusal({"host": "0.0.0.0", "token_file": str(tmp_path / "token")}) == "the token is empty"


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_token_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None):
    path = tmp_path / "token"
    if content is not None:
        path.write_bytes(content)
    assert refusal({"token_file": str(path)}).startswith(f"the token file {path} cannot be read: ")


@pytest.mark.parametrize("text", ["port = ", "port = 1\nport = 2\n", "\x00"])
def test_what_is_no_toml_is_refused_with_the_files_name(config, text: str):
    path = config(text)
    assert refusal({"config": path}).startswith(f"the settings in {path} cannot be read: ")


def test_a_settings_file_that_is_not_there_is_named():
    assert refusal({"config": "/nowhere/usernel.toml"}).startswith(
        "the settings in /nowhere/usernel.toml cannot be read"
    )


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("prot = 1\n", "prot = 1"),
        ('port = "8470"\n', "port = '8470'"),
        ("port = true\n", "port = True"),
        ("host = 1\n", "host = 1"),
        ('origins = "https://a.example"\n', "origins = 'https://a.example'"),
        ("[server]\nport = 1\n", "server = {'port': 1}"),
        ("data_dir = 1\n", "data_dir = 1"),
        ('snapshot_bytes = "64 MB"\n', "snapshot_bytes = '64 MB'"),
        ("ephemeral = true\n", "ephemeral = True"),
    ],
)
def test_what_is_no_setting_is_refused_and_the_settings_are_named(config, text: str, shown: str):
    path = config(text)
    assert refusal({"config": path}) == (
        f"{path}: {shown} is no setting; there are host, port, uds, token, token_file, origins, data_dir, "
        "snapshot_bytes, log, log_level"
    )


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "[::1]", "localhost"])
def test_hosts_that_name_this_machine_only(host: str):
    assert is_loopback(host)
    assert Settings(host).check().loopback


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "localhost.example", "127.0.0.1.example", ""])
def test_hosts_that_others_may_reach(host: str):
    assert not is_loopback(host)


def test_without_tcp_nobody_else_reaches_it():
    assert Settings(None, uds="/x").check().loopback

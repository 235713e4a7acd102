"""The image and the compose file keep their promises, as far as a machine without a container engine can tell."""

from __future__ import annotations

import http.server
import json
import os
import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
import yaml

from usernel.compose import SNAPSHOT_SECONDS, STOP_SECONDS

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = ROOT / "docker-compose.yml"
DOCKERFILE = ROOT / "service" / "Dockerfile"


def against_the_compose_schema(path: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(path)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def compose_service() -> dict[str, Any]:
    services = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))["services"]
    assert list(services) == ["usernel"]
    return dict(services["usernel"])


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions in order, continuation lines joined: (word, the rest)."""
    text = re.sub(r"^#.*\n", "", DOCKERFILE.read_text(encoding="utf-8"), flags=re.MULTILINE).replace("\\\n", " ")
    return [(line.split(None, 1)[0], line.split(None, 1)[1].strip()) for line in text.splitlines() if line.strip()]


def final_stage() -> dict[str, str]:
    """The last instruction of each kind after the last FROM: what the image is run with."""
    found = instructions()
    start = max(index for index, (word, _) in enumerate(found) if word == "FROM")
    return dict(found[start + 1 :])


def healthcheck_program() -> list[str]:
    command = json.loads(final_stage()["HEALTHCHECK"].partition("CMD ")[2])
    assert command[:2] == ["python", "-c"]
    return [sys.executable, *command[1:]]


def test_the_compose_file_is_valid() -> None:
    done = against_the_compose_schema(COMPOSE)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_schema_refuses_a_wrong_compose_file(tmp_path: Path) -> None:
    wrong = tmp_path / "docker-compose.yml"
    wrong.write_text(
        COMPOSE.read_text(encoding="utf-8").replace("read_only: true", "read_onyl: true"), encoding="utf-8"
    )
    assert against_the_compose_schema(wrong).returncode != 0


def test_published_on_loopback_only() -> None:
    assert compose_service()["ports"] == ["127.0.0.1:8470:8470"]


def test_the_container_is_confined() -> None:
    service = compose_service()
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "cap_add", "network_mode", "pid", "ipc", "user"} & set(service)


def test_compose_does_not_start_without_a_token() -> None:
    assert compose_service()["environment"]["USERNEL_TOKEN"].startswith("${USERNEL_TOKEN:?")
    assert "USERNEL_TOKEN" not in DOCKERFILE.read_text(encoding="utf-8").partition("FROM")[2]


def test_the_volume_is_the_users() -> None:
    data = final_stage()["VOLUME"]
    assert compose_service()["volumes"] == [f"data:{data}"]
    made = [rest for word, rest in instructions() if word == "RUN" and "install --directory" in rest]
    assert len(made) == 1
    assert re.search(rf"--owner 10001 --group 10001 --mode 0700 {data}$", made[0])


def test_the_service_keeps_its_journal_in_the_volume_and_has_time_to_close_it() -> None:
    stage, command = final_stage(), json.loads(final_stage()["CMD"])
    assert command[command.index("--data-dir") + 1] == stage["VOLUME"]
    assert "--ephemeral" not in command
    assert int(compose_service()["stop_grace_period"].removesuffix("s")) > STOP_SECONDS + SNAPSHOT_SECONDS


def test_the_image_runs_as_an_ordinary_user() -> None:
    assert final_stage()["USER"] == "10001:10001"


def test_the_image_needs_neither_curl_nor_wget() -> None:
    text = DOCKERFILE.read_text(encoding="utf-8") + COMPOSE.read_text(encoding="utf-8")
    assert not re.search(r"\b(curl|wget|apt-get)\b", text)


def test_the_healthcheck_is_the_same_in_both_files() -> None:
    assert compose_service()["healthcheck"]["test"] == ["CMD", "python", *healthcheck_program()[1:]]


def test_everything_the_image_copies_is_let_through_by_dockerignore() -> None:
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    copied = [
        source
        for word, rest in instructions()
        if word == "COPY" and not rest.startswith("--from")
        for source in rest.split()[:-1]
    ]
    assert "*" in ignored
    assert {f"!{source}" for source in copied} <= set(ignored)
    assert [source for source in copied if not (ROOT / source).exists()] == []


@pytest.mark.parametrize(("status", "healthy"), [(200, True), (503, False)])
def test_the_healthcheck_tells_ready_from_not(status: int, healthy: bool) -> None:
    class Ready(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/readyz" else 404)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with http.server.HTTPServer(("127.0.0.1", 0), Ready) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            program = [part.replace("8470", str(server.server_port)) for part in healthcheck_program()]
            done = subprocess.run(program, timeout=30, check=False, capture_output=True)
        finally:
            server.shutdown()
            thread.join()
    assert (done.returncode == 0) is healthy


def test_the_image_command_refuses_to_listen_without_a_token() -> None:
    stage = final_stage()
    assert json.loads(stage["ENTRYPOINT"]) == ["usernel"]
    arguments = ["0" if argument == "8470" else argument for argument in json.loads(stage["CMD"])]
    environment = {name: value for name, value in os.environ.items() if name != "USERNEL_TOKEN"}
    command = [sys.executable, "-c", "from usernel.cli.main import main; main()", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0
    assert "token" in (done.stdout + done.stderr).lower()

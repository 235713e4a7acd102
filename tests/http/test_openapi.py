"""``openapi/openapi.yaml`` is what the code says, and what the code says is a valid description."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from openapi_spec_validator import OpenAPIV31SpecValidator

from usernel.compose import Service
from usernel.http.app import ROUTES
from usernel.http.openapi import DOCUMENT, GENERIC, document, main
from usernel.http.problem import errno_status
from usernel.syscalls.table import TABLE

from .asking import Ask

METHODS = {"get", "put", "post", "patch", "delete"}


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    return document(ROUTES)


def test_the_committed_document_is_what_the_code_says(described: dict[str, Any]):
    assert yaml.safe_load(DOCUMENT.read_text("utf-8")) == described
    assert main(["--check"]) == 0


def test_a_stale_document_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path, capsys):
    stale = tmp_path / "openapi" / "openapi.yaml"
    monkeypatch.setattr("usernel.http.openapi.DOCUMENT", stale)
    assert main([]) == 0
    assert main(["--check"]) == 0
    stale.write_text(stale.read_text("utf-8").replace("System V", "System VI"), "utf-8")
    assert main(["--check"]) == 1
    assert "run python -m usernel.http.openapi" in capsys.readouterr().err


def test_it_is_valid(described: dict[str, Any]):
    assert list(OpenAPIV31SpecValidator(described).iter_errors()) == []


async def test_it_is_served(ask: Ask, described: dict[str, Any]):
    assert await ask("GET /openapi.json") == (200, described)


def test_every_registered_route_is_described(running: Service, described: dict[str, Any]):
    registered = {
        (route.method, route.resource.canonical)
        for route in running.app.router.routes()
        if route.resource is not None and route.method not in {"*", "HEAD"}
    }
    told = {(method.upper(), path) for path, item in described["paths"].items() for method in item if method in METHODS}
    rows = {("POST", GENERIC.replace("{name}", name)) for name in TABLE}
    assert registered - {("POST", GENERIC), ("GET", "/openapi.json")} == told - rows
    assert rows <= told


def test_operations_have_names_of_their_own(described: dict[str, Any]):
    names = [item[method]["operationId"] for item in described["paths"].values() for method in item]
    assert len(names) == len(set(names))


def test_every_errno_of_a_row_has_its_status(described: dict[str, Any]):
    for name, row in TABLE.items():
        responses = described["paths"][GENERIC.replace("{name}", name)]["post"]["responses"]
        assert {str(errno_status(errno)) for errno in row.errnos} <= set(responses), name

"""Every operation of the description, asked with whatever the description allows, and with what it forbids."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from usernel.compose import Service
from usernel.config import Settings
from usernel.http.app import ROUTES
from usernel.http.openapi import document

from ..clients.embedded import threaded

CHECKS = [not_a_server_error, content_type_conformance, response_schema_conformance, status_code_conformance]
SLEEPS = {
    "msgsnd", "msgsnd_batch", "msgrcv", "msgrcv_batch", "mq_timedsend", "mq_timedsend_batch", "mq_timedreceive",
    "mq_timedreceive_batch", "io_uring_enter", "poll", "rt_sigtimedwait", "wait4", "waitid",
}  # fmt: skip
"""Calls that may sleep for as long as they are not interrupted."""
PATIENCE_S = 0.3
"""With those; the others have long, for the machine may be busy with something else."""
LONG_S = 20


@pytest.fixture(scope="module")
def apart() -> Iterator[Service]:
    with threaded(Settings(port=0)) as made:
        session = requests.Session()
        session.post(f"{made.url}/v1/msg", json={"key": 0, "flags": "IPC_CREAT"})
        session.put(f"{made.url}/v1/mq/0", json={})
        session.post(f"{made.url}/v1/io_uring", json={"entries": 8})
        session.close()
        yield made


schema = schemathesis.openapi.from_dict(document(ROUTES))


@schema.parametrize()
@settings(max_examples=8, derandomize=True, deadline=None, database=None, phases=[Phase.explicit, Phase.generate],
          suppress_health_check=list(HealthCheck))  # fmt: skip
def test_every_operation_answers_as_described(apart: Service, case: Case):
    if isinstance(case.body, dict) and isinstance(case.body.get("wait"), int | float):
        case.body["wait"] = min(case.body["wait"], 0.01)
    sleeps = case.operation.definition.raw["operationId"] in SLEEPS
    try:
        response = case.call(base_url=apart.url, timeout=PATIENCE_S if sleeps else LONG_S)
    except requests.Timeout:
        assert sleeps
        return
    case.validate_response(response, checks=CHECKS)

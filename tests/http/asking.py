"""Requests, and what is answered."""

from __future__ import annotations

import json
from typing import Any

import aiohttp

from usernel.abi.errno import Errno

JSON = "application/json"
Answer = tuple[int, Any]


class Ask:
    """A client of the routes; ``task`` is the one that a request acts as."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self.session = session

    async def __call__(self, line: str, body: Any = None, *, task: int | None = None, **headers: str) -> Answer:
        """The status, and the body: an object, or None where there is none."""
        method, _, path = line.partition(" ")
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if task is not None:
            sent["Usernel-Task"] = str(task)
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        if data is not None:
            sent.setdefault("Content-Type", JSON)
        async with self.session.request(method, path, data=data, headers=sent) as response:
            text = await response.text()
            if response.status >= 400:
                check_problem(response, json.loads(text))
            elif text:
                assert response.content_type == JSON
            return response.status, json.loads(text) if text else None

    async def done(self, line: str, body: Any = None, **how: Any) -> Any:
        """The body of what must succeed."""
        status, shown = await self(line, body, **how)
        assert status < 300, shown
        return shown

    async def refused(self, line: str, body: Any = None, **how: Any) -> tuple[int, str | None]:
        """The status and the errno of what must fail."""
        status, shown = await self(line, body, **how)
        assert status >= 400, shown
        return status, shown.get("errno_name")

    async def syscall(self, name: str, pid: int = 2, /, **args: Any) -> Answer:
        """A call by the generic route, which any row can be reached by."""
        return await self(f"POST /v1/tasks/{pid}/syscalls/{name}", {"args": args})


def check_problem(response: aiohttp.ClientResponse, shown: dict[str, Any]) -> None:
    assert response.content_type == "application/problem+json"
    assert (shown["type"], shown["status"]) == ("about:blank", response.status)
    assert shown["title"]
    assert shown["detail"]
    if "errno" in shown:
        assert Errno(shown["errno"]).name == shown["errno_name"]
    assert set(shown) <= {"type", "title", "status", "detail", "errno", "errno_name"}

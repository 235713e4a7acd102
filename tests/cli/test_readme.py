"""The README's examples do what it says, as they stand there."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import aiohttp
import pytest

from .command import Cli, environment

README = (Path(__file__).resolve().parents[2] / "README.md").read_text("utf-8")


def example(heading: str, language: str) -> str:
    """The block below a heading."""
    found = re.search(rf"^\*\*{re.escape(heading)}\*\*.*?^```{language}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
    assert found is not None
    return found[1]


def test_the_command_lines(cli: Cli):
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    done = subprocess.run(
        ["bash", "-e", "-c", example("The command line", "sh")],
        env=environment(USERNEL_URL=cli.url, PATH=path), capture_output=True, text=True, timeout=20, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    msqid, *others = done.stdout.splitlines()
    assert others[:4] == ["sent 1", "hello", "jobs", "sent 1"]
    assert any(line.split()[:1] == ["jobs"] for line in others)
    cli.client.msg(int(msqid)).remove()
    cli.client.mq_unlink("jobs")


@pytest.mark.skipif(shutil.which("cc") is None, reason="the example is in C")
def test_the_unmodified_programs(cli: Cli, tmp_path: Path):
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    done = subprocess.run(
        ["bash", "-e", "-c", example("Unmodified programs", "sh").replace("http://127.0.0.1:8470", cli.url)],
        env=environment(PATH=path), cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "answer 1\nanswer 2\n")
    cli.does("msg", "rm", "0x1994")


async def test_the_python_program(cli: Cli, capsys):
    lines = example("Python", "python").replace("http://127.0.0.1:8470", cli.url).splitlines()
    program = "\n".join(["async def main():", *(f"    {line}" for line in lines), "            break"])
    namespace: dict = {}
    exec(compile(program, "README.md", "exec"), namespace)
    await namespace["main"]()
    assert capsys.readouterr().out == "Message(mtype=1, data=b'hello')\n"
    cli.does("msg", "rm", "0x4d2")


def test_the_ring_in_process(capsys):
    exec(compile(example("Rings.", "python"), "README.md", "exec"), {})
    assert capsys.readouterr().out == "1 0\n2 6\n3 0\n"
    made = Path("/tmp/hello")
    assert made.read_bytes() == b"hello\n"
    made.unlink()


def test_the_event_loop(capsys):
    exec(compile(example("An event loop", "python"), "README.md", "exec"), {})
    assert capsys.readouterr().out == "b'\\x7fELF' True\n[]\n"


async def test_the_ring_of_the_service(cli: Cli):
    words = shlex.split(example("Rings.", "sh"), comments=True)
    asked = [(words[at + 2], words[at + 6]) for at, word in enumerate(words) if word == "curl"]
    answers = []
    async with aiohttp.ClientSession(cli.url) as http:
        for url, body in asked:
            async with http.post(url.replace("$url", "/v1"), json=json.loads(body)) as response:
                assert response.status < 300
                answers.append(await response.json())
    assert answers[0]["ring"] == 0
    assert answers[1]["submitted"] == 2
    assert [(cqe["user_data"], cqe["res"]) for cqe in answers[1]["cqes"]] == [(1, -62), (2, 0)]
    assert words[-8:] == ["usernel", "uring", "ls", "&&", "usernel", "uring", "rm", "0"]
    assert "0" in cli.does("uring", "ls").split()
    cli.does("uring", "rm", "0")


async def test_the_websocket_frame(cli: Cli):
    queue = cli.client.msgget(0x4D2, "IPC_CREAT", mode=0o600)
    frame = example("WebSocket", "json").replace('"msqid": 0', f'"msqid": {queue.msqid}')
    async with aiohttp.ClientSession(cli.url) as http, http.ws_connect("/v1/syscalls") as ws:
        await ws.send_str(frame)
        replies: list = []
        while len(replies) < 3:
            came = json.loads(await ws.receive_str(timeout=10))
            replies += came if isinstance(came, list) else [came]
    assert [reply["ret"] for reply in replies] == [queue.msqid, 2, 1]
    assert replies[2]["out"]["text"] == "a"
    queue.remove()

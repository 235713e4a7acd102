"""What stands around the queues: version, help, doctor, demo, commands to come, and services that are not there."""

from __future__ import annotations

import asyncio
import errno
import json
import platform
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import usernel
from tests.aio.confined_unsafe import in_child, refuse_hits, refuse_io_uring
from usernel.cli.demo import event_loop
from usernel.cli.demo.tour import Tour
from usernel.cli.doctor import findings
from usernel.cli.later import LATER

from .command import USERNEL, Cli, environment
from .command import usernel as run


def test_it_knows_its_version():
    done = run("--version")
    assert (done.status, done.out, done.err) == (0, f"usernel {usernel.__version__}\n", "")


def test_its_version_costs_no_web_library():
    program = "import sys; sys.argv = ['usernel', '--version']; import runpy\n"
    program += "try: runpy.run_module('usernel.cli', run_name='__main__')\n"
    program += "except SystemExit: pass\n"
    program += "print(sorted({'aiohttp', 'pydantic', 'uvloop', 'rich', 'msgspec'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=20, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["serve"],
        ["demo"],
        ["doctor"],
        ["msg"],
        ["mq"],
        ["uring"],
        ["msg", "recv"],
        ["mq", "send"],
        ["uring", "enter"],
    ],
)
def test_every_command_explains_itself(words: list[str]):
    done = run(*words, "--help")
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith(f"Usage: {' '.join(['usernel', *words])} ")


@pytest.mark.parametrize("name", LATER)
def test_a_command_to_come_says_so_in_one_sentence_whatever_it_is_given(name: str):
    done = run(name, "--json", "--", "ls", "-l")
    assert (done.status, done.out) == (1, "")
    assert done.err.startswith(f"usernel: `usernel {name}`: this version does not do ")
    assert done.err.count("\n") == 1


def test_doctor_says_what_this_machine_has():
    done = run("doctor", "--json")
    assert (done.status, done.err, done.json["kernel"]) == (0, "", platform.release())
    assert (done.json["usernel"], done.json["python"]) == (usernel.__version__, platform.python_version())
    found = {finding["feature"]: finding for finding in done.json["findings"]}
    # seccomp(2) tells by itself what it can do; the file is the other witness.
    actions = Path("/proc/sys/kernel/seccomp/actions_avail").read_text().split()
    assert found["seccomp user notification"]["here"] == ("user_notif" in actions)
    assert found["POSIX queues"]["here"] == Path("/proc/sys/fs/mqueue").is_dir()
    assert all(finding["here"] == (finding["why_not"] == "") for finding in found.values())


LOOP = ("reads that never wait (RWF_NOWAIT)", "paths that never wait (RESOLVE_CACHED)", "eventfd")


def test_doctor_says_what_the_event_loop_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def told(*features: str) -> list[str]:
        found = {finding.feature: finding.why_not for finding in findings()}
        return [found[feature] for feature in features]

    monkeypatch.chdir(tmp_path)
    assert told(*LOOP) == ["", "", ""]
    refused = [f"{errno.errorcode[errno.EOPNOTSUPP]}: Operation not supported", "EPERM: Operation not permitted"]
    assert in_child(refuse_hits, lambda: told(*LOOP)) == [*refused, ""]
    *needed, io_uring = in_child(refuse_io_uring, lambda: told(*LOOP, "io_uring"))
    assert (needed, io_uring.split(" (")[0]) == (["", "", ""], "EPERM: Operation not permitted")
    assert list(tmp_path.iterdir()) == []


def test_doctor_tries_another_directory_where_it_may_make_no_file(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir("/proc/self")
    assert all(finding.here for finding in findings() if finding.feature in LOOP)


def test_doctor_is_a_table_for_people_with_a_line_for_each():
    shown = run("doctor")
    assert shown.status == 0
    for finding in run("--json", "doctor").json["findings"]:
        (row,) = [line for line in shown.out.splitlines() if line.strip().startswith(finding["feature"] + " ")]
        assert finding["usernel"] in row


def test_the_demo_shows_each_result_and_all_are_right():
    shown = run("demo")
    assert (shown.status, shown.err) == (0, "")
    assert "✗" not in shown.out
    assert "all as Linux answers" in shown.out
    told = run("demo", "--json")
    assert (told.status, told.json["wrong"]) == (0, 0)
    assert shown.out.count("✓") == len(told.json["steps"]) > 30
    for step in told.json["steps"]:
        assert step["does"] in shown.out
        assert step["answer"] in shown.out
        assert step["chapter"] in shown.out


def test_the_demo_needs_no_aiofiles(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setattr(event_loop, "find_spec", lambda name: None)
    monkeypatch.setattr(event_loop, "MANY", 5)
    tour = Tour(quiet=False)
    asyncio.run(event_loop.chapter(tour))
    assert tour.wrong == 0
    assert [step.does for step in tour.steps if "aiofiles" in step.does] == []
    assert "aiofiles is not installed here" in capsys.readouterr().out


def test_the_demo_counts_what_is_left_open(tmp_path: Path):
    path = tmp_path / "file"
    path.touch()
    assert event_loop.opened(path) == 0
    with path.open() as _, path.open() as _:
        assert event_loop.opened(path) == 2


ONE_CHAPTER = """
import asyncio
import errno
from usernel.cli.demo import command, doors, event_loop, journal, namespaces, permissions
from usernel.cli.demo import posix, process, rings, system_v, unmodified
from usernel.cli.main import main

async def nothing(tour): pass

async def wrong(tour): tour.show("one and one", 1 + 1, 3)

async def endless(tour): await asyncio.Event().wait()

for chapter in (doors, event_loop, journal, namespaces, permissions, posix, process, rings, unmodified):
    chapter.chapter = nothing
command.LONGEST_CHAPTER = {longest}
system_v.chapter = {chapter}
main(["demo"])
"""


def one_chapter(chapter: str, longest: float = 30) -> subprocess.CompletedProcess[str]:
    code = ONE_CHAPTER.format(chapter=chapter, longest=longest)
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)


def test_the_demo_fails_where_an_answer_is_wrong():
    done = one_chapter("wrong")
    assert (done.returncode, done.stderr) == (1, "")
    assert "✗ one and one\n      2\n      expected: 3\n" in done.stdout
    assert "\n1 results in " in done.stdout
    assert "1 wrong" in done.stdout


def test_the_demo_says_so_where_a_chapter_does_not_end():
    done = one_chapter("endless", longest=0.01)
    assert (done.returncode, done.stderr) == (1, "usernel: a chapter of the demo took longer than 0.01 s\n")


# ------------------------------------------------------------------------------------------- where the service is


@pytest.fixture
def nowhere() -> str:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    return f"http://127.0.0.1:{port}"


def test_a_service_that_does_not_answer_is_one_sentence_and_the_status_3(nowhere: str):
    done = run("msg", "ls", "--url", nowhere)
    assert (done.status, done.out) == (3, "")
    assert done.err == f"usernel: no usernel service answers at {nowhere}: Connection refused\n"
    told = run("--json", "msg", "ls", "--url", nowhere)
    assert (told.status, json.loads(told.err)["detail"]) == (3, done.err[len("usernel: ") : -1])


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("unix:///nowhere/u", "No such file or directory"),
        ("http://127.0.0.1:99999", "that is no URL"),
        ("http://", "that is no URL"),
        ("http://name.invalid:1", "Name or service not known"),
        ("ftp://x", "http://HOST:PORT"),
    ],
)
def test_a_url_that_leads_nowhere_is_one_sentence(url: str, why: str):
    done = run("mq", "ls", "--url", url)
    assert (done.status, done.out, done.err.count("\n")) == (3, "", 1)
    assert (url in done.err, why in done.err) == (True, True)
    assert "ssl" not in done.err


def test_something_else_that_answers_is_one_sentence(cli: Cli):
    done = run("msg", "ls", "--url", f"{cli.url}/elsewhere")
    assert (done.status, done.err.count("\n"), "404" in done.err) == (1, 1, True)


def test_where_to_go_is_told_by_options_before_the_environment(cli: Cli, nowhere: str):
    for words in (["--url", cli.url, "msg", "ls"], ["msg", "--url", cli.url, "ls"], ["msg", "ls", "--url", cli.url]):
        assert run(*words, env=environment(USERNEL_URL=nowhere)).status == 0
    assert run("msg", "ls", env=environment(USERNEL_URL=cli.url)).status == 0
    assert run("--url", nowhere, "msg", "ls", "--url", cli.url).status == 0


def test_the_script_and_the_module_are_the_same_command():
    script = str(Path(sys.executable).parent / "usernel")
    for command in ([script], USERNEL):
        done = subprocess.run([*command, "frobnicate"], capture_output=True, text=True, timeout=20, check=False)
        assert (done.returncode, done.stderr.splitlines()[0]) == (2, "Usage: usernel [OPTIONS] COMMAND [ARGS]...")

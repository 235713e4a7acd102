"""The generic route: the table whole, and every row within reach."""

from __future__ import annotations

from typing import Any

import pytest

from usernel.abi.errno import Errno
from usernel.http.problem import errno_status
from usernel.syscalls.kinds import Anything, Data
from usernel.syscalls.row import Row
from usernel.syscalls.table import TABLE

from .asking import Ask

ROW_FIELDS = {
    "name", "number", "number_aarch64", "summary", "man", "args", "out", "errnos", "support", "partial",
}  # fmt: skip
IPC = 0xEFFFFFFF
"""The number of the initial IPC namespace."""
PREPARED: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "mq_timedreceive": [("mq_timedsend", {"mqdes": 0, "text": "x"})],
    "mq_timedreceive_batch": [("mq_timedsend", {"mqdes": 0, "text": "x"})],
    "msgrcv": [("msgsnd", {"msqid": 0, "mtype": 1, "text": "x"})],
    "msgrcv_batch": [("msgsnd", {"msqid": 0, "mtype": 1, "text": "x"})],
    "wait4": [("clone", {"flags": 17})],
    "waitid": [("clone", {"flags": 17})],
    "setpgid": [("clone", {"flags": 17})],
    "setns": [("proc_ns_open", {"name": "uts"})],
    "ioctl": [("proc_ns_open", {"name": "uts"})],
    "pidfd_getfd": [("pidfd_open", {"pid": 3})],
    "pidfd_send_signal": [("pidfd_open", {"pid": 3})],
    "io_uring_enter": [("io_uring_setup", {"entries": 8})],
    "io_uring_register": [("io_uring_setup", {"entries": 8})],
    "io_uring_stat": [("io_uring_setup", {"entries": 8})],
    "rt_sigtimedwait": [
        ("rt_sigprocmask", {"how": "SIG_BLOCK", "set": ["SIGUSR1"]}),
        ("kill", {"pid": 3, "sig": "SIGUSR1"}),
    ],
}
ARGS: dict[str, dict[str, Any]] = {
    "fstat": {"fd": 0}, "close": {"fd": 0}, "dup": {"fd": 0}, "read": {"fd": 0, "count": 80},
    "kill": {"pid": 3, "sig": 0}, "getpriority": {"which": "PRIO_PROCESS"},
    "setpriority": {"which": "PRIO_PROCESS", "prio": 1}, "mq_getsetattr": {"mqdes": 0},
    "mq_list": {}, "mq_notify": {"mqdes": 0}, "mq_open": {"name": "new", "oflag": ["O_CREAT"]},
    "mq_peek": {"mqdes": 0}, "mq_stat": {"name": "jobs"}, "mq_timedreceive": {"mqdes": 0},
    "mq_timedreceive_batch": {"mqdes": 0, "max": 2}, "mq_timedsend": {"mqdes": 0, "data": "eA=="},
    "mq_timedsend_batch": {"mqdes": 0, "messages": [{"priority": 1, "text": "x"}, [2, "eA=="]]},
    "mq_unlink": {"name": "jobs"}, "msg_peek": {"msqid": 0}, "msg_stat": {"msqid": 0},
    "msgctl": {"msqid": 0, "cmd": "IPC_STAT"}, "msgget": {"key": "IPC_PRIVATE"}, "msgrcv": {"msqid": 0},
    "msgrcv_batch": {"msqid": 0, "max": 2}, "msgsnd": {"msqid": 0, "mtype": 1, "text": "x"},
    "msgsnd_batch": {"msqid": 0, "messages": [{"mtype": 1, "data": "eA=="}, [2, "eA=="]]},
    "poll": {"fds": [{"fd": 0, "events": ["POLLOUT"]}]}, "prlimit64": {"resource": "RLIMIT_NOFILE"},
    "rt_sigaction": {"signum": "SIGUSR1"}, "rt_sigprocmask": {"how": "SIG_BLOCK"},
    "rt_sigtimedwait": {"set": ["SIGUSR1"]}, "sysctl": {"name": "kernel.msgmni"}, "task_renew": {"ttl": 5},
    "umask": {"mask": "022"}, "unshare": {"flags": []},
    "dup2": {"oldfd": 0, "newfd": 5}, "dup3": {"oldfd": 0, "newfd": 5, "flags": ["O_CLOEXEC"]},
    "fcntl": {"fd": 0, "cmd": "F_GETFD"}, "tgkill": {"tgid": 3, "tid": 3, "sig": 0},
    "rt_sigqueueinfo": {"pid": 3, "sig": 0, "info": {"si_code": "SI_QUEUE"}}, "clone": {"flags": [17, "CLONE_PIDFD"]},
    "clone3": {"args": {"flags": ["CLONE_PIDFD", "CLONE_NEWUTS"]}}, "wait4": {"options": ["WNOHANG"]},
    "waitid": {"idtype": "P_ALL", "options": ["WEXITED", "WNOHANG"]}, "execve": {"path": "/bin/true"},
    "prctl": {"option": "PR_GET_NAME"}, "setpgid": {"pid": 4}, "pidfd_open": {"pid": 3},
    "pidfd_getfd": {"pidfd": 1, "targetfd": 0}, "pidfd_send_signal": {"pidfd": 1, "sig": 0}, "setns": {"fd": 1},
    "ioctl": {"fd": 1, "cmd": "NS_GET_ID"}, "sethostname": {"name": "h"}, "setdomainname": {"name": "d"},
    "clock_gettime": {"clockid": 1}, "proc_ns_open": {"name": "ipc"}, "proc_pid_read": {"name": "status"},
    "proc_pid_write": {"name": "comm", "text": "x"}, "ns_stat": {"inum": IPC}, "ns_open": {"inum": IPC},
    "ns_pin": {"inum": IPC, "pinned": True}, "ns_sysctl": {"inum": IPC, "name": "kernel.msgmni", "value": 5},
    "io_uring_setup": {"entries": 8}, "io_uring_enter": {"fd": 1, "sqes": [{"opcode": "IORING_OP_NOP"}]},
    "io_uring_register": {"fd": 1, "opcode": "IORING_REGISTER_PROBE"}, "io_uring_stat": {"fd": 1},
    "setuid": {"uid": 0}, "setgid": {"gid": 0}, "setreuid": {"ruid": -1, "euid": 0},
    "setregid": {"rgid": -1, "egid": 0}, "setresuid": {"ruid": 0, "euid": 0, "suid": 0},
    "setresgid": {"rgid": 0, "egid": 0, "sgid": 0}, "setgroups": {"groups": [5]}, "setfsuid": {"uid": 0},
    "setfsgid": {"gid": 0}, "capset": {"effective": [], "permitted": ["CAP_KILL"], "inheritable": []},
}  # fmt: skip


@pytest.fixture
async def worker(ask: Ask, msqid: int, jobs: str) -> int:
    """Task 3, whose descriptor 0 is a POSIX queue."""
    pid = (await ask.done("POST /v1/tasks", {"ttl": 60}))["pid"]
    assert await ask.syscall("mq_open", pid, name="jobs", oflag="O_RDWR") == (200, {"ret": 0})
    return pid


def example(row: Row) -> dict[str, Any]:
    return ARGS.get(row.name, {})


async def test_the_table_comes_whole(ask: Ask):
    shown = await ask.done("GET /v1/syscalls?limit=1")
    assert shown["next"] is None
    assert [item["name"] for item in shown["items"]] == list(TABLE)
    for item in shown["items"]:
        row = TABLE[item["name"]]
        assert set(item) == ROW_FIELDS
        assert item["errnos"] == [errno.name for errno in sorted(row.errnos)]
        assert [arg["name"] for arg in item["args"] if arg["required"]] == [f.name for f in row.args if f.required]
        assert all(("default" in arg) is not arg["required"] for arg in item["args"])


@pytest.mark.parametrize("name", list(TABLE))
async def test_every_row_is_within_reach(ask: Ask, worker: int, name: str):
    for before, args in PREPARED.get(name, []):
        assert (await ask.syscall(before, worker, **args))[0] == 200
    if name == "setsid":  # a task that REST made leads a session: its child does not
        worker = (await ask.syscall("fork", worker))[1]["ret"]
    status, shown = await ask.syscall(name, worker, **example(TABLE[name]))
    assert status == 200, shown
    assert set(shown) == ({"ret"} if TABLE[name].out is None or "out" not in shown else {"ret", "out"})
    if TABLE[name].out is not None and name not in {"rt_sigaction", "rt_sigprocmask"}:
        required = {field.name for field in TABLE[name].out.fields if field.required}
        assert required <= set(shown["out"])


@pytest.mark.parametrize("name", list(TABLE))
async def test_arguments_of_the_wrong_shape_are_400(ask: Ask, worker: int, name: str):
    row, good = TABLE[name], example(TABLE[name])
    wrong = [{**good, "no such argument": 1}]
    wrong += [{**good, field.name: {"no such": "field"}} for field in row.args if not isinstance(field.kind, Anything)]
    wrong += [
        {**good, field.name: None} for field in row.args if not field.nullable and not isinstance(field.kind, Data)
    ]
    for field in row.args:
        if field.required:
            wrong.append({key: value for key, value in good.items() if key not in {field.name, "text"}})
    for args in wrong:
        status, shown = await ask.syscall(name, worker, **args)
        assert (status, "errno" in shown) == (400, False), (args, shown)


@pytest.mark.parametrize(
    "body",
    [[], "x", 1, {"args": []}, {"args": None}, {"args": "x"}, {"arg": {}}, {"args": {}, "pid": 1}, b"{", b"\xff",
     b"null", b'{"args": ' + b"[" * 100_000, b'{"args": {"buf": ' + b'{"a":' * 100_000],
)  # fmt: skip
async def test_a_body_that_is_no_call_is_400(ask: Ask, worker: int, body):
    assert await ask.refused(f"POST /v1/tasks/{worker}/syscalls/msgctl", body) == (400, None)


async def test_an_absent_body_is_no_arguments(ask: Ask, worker: int):
    assert await ask(f"POST /v1/tasks/{worker}/syscalls/getpid") == (200, {"ret": worker})
    assert await ask(f"POST /v1/tasks/{worker}/syscalls/getpid", {}) == (200, {"ret": worker})


@pytest.mark.parametrize("name", ["", "nope", "MSGGET", "msgget%20", "__init__"])
async def test_an_unknown_call_is_404(ask: Ask, worker: int, name: str):
    assert await ask.refused(f"POST /v1/tasks/{worker}/syscalls/{name}") == (404, None)


async def test_a_call_has_but_one_method(ask: Ask, worker: int):
    assert await ask.refused(f"GET /v1/tasks/{worker}/syscalls/getpid") == (405, None)


FAILING: list[tuple[str, dict[str, Any], str]] = [
    ("msgget", {"key": 5}, "ENOENT"),
    ("msgget", {"key": 0x4D2, "msgflg": "IPC_CREAT | IPC_EXCL"}, "EEXIST"),
    ("msgrcv", {"msqid": 0, "msgflg": "IPC_NOWAIT"}, "ENOMSG"),
    ("msgsnd", {"msqid": 0, "mtype": 1, "text": "x", "msgsz": 2}, "EFAULT"),
    ("mq_timedsend", {"mqdes": 0, "text": "x" * 65}, "EMSGSIZE"),
    ("mq_timedreceive", {"mqdes": 0, "abs_timeout": {"tv_sec": 0, "tv_nsec": 0}}, "ETIMEDOUT"),
    ("mq_timedreceive", {"mqdes": 9}, "EBADF"),
    ("mq_open", {"name": "n" * 256}, "ENAMETOOLONG"),
    ("kill", {"pid": 9999, "sig": 0}, "ESRCH"),
    ("task_list", {"limit": 1001}, "EINVAL"),
]


@pytest.mark.parametrize(("name", "args", "errno"), FAILING)
async def test_an_errno_has_its_status(ask: Ask, worker: int, name: str, args: dict[str, Any], errno: str):
    status, shown = await ask.syscall(name, worker, **args)
    assert (status, shown["errno_name"]) == (errno_status(Errno[errno]), errno)
    assert Errno[errno] in TABLE[name].errnos

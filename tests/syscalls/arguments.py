"""Arguments of every row by chance: most make sense, some are odd; all are of the kinds that the row names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from usernel.abi.ipc import IPC_CREAT, IPC_EXCL, IPC_NOWAIT
from usernel.abi.msg import MSG_COPY, MSG_EXCEPT, MSG_NOERROR
from usernel.abi.sched import CLONE_NEWIPC, CLONE_NEWPID, CLONE_NEWTIME, CLONE_NEWUSER, CLONE_NEWUTS
from usernel.kernel.ns.ipc import IpcNamespace
from usernel.kernel.ns.user import UserNamespace
from usernel.sim.kernel import EPOCH_NS
from usernel.syscalls.kinds import (
    LONG,
    Anything,
    Boolean,
    Data,
    Enumeration,
    Field,
    Flags,
    Integer,
    Key,
    Kind,
    ListOf,
    Messages,
    Mode,
    NameOrNumber,
    Numbers,
    Structure,
    Text,
)
from usernel.syscalls.row import Row

EPOCH_S = EPOCH_NS // 10**9


@dataclass(frozen=True)
class Pick:
    """One of what there is when the call is made: a queue's id, a descriptor, a task."""

    what: str
    number: int


def pick(what: str) -> st.SearchStrategy[Pick]:
    """The n-th that there is."""
    return st.builds(Pick, st.just(what), st.integers(0, 7))


def soon(seconds: int) -> st.SearchStrategy[Any]:
    """A timespec within a few seconds of this one, or none."""
    times = st.fixed_dictionaries({"tv_sec": st.integers(seconds - 1, seconds + 4), "tv_nsec": st.sampled_from([0, 5])})
    return st.none() | times


messages = st.lists(st.tuples(st.integers(1, 3), st.binary(max_size=4)), max_size=3)
signals = st.sampled_from([10, 10, 12, 12, 34, 0, 15, 9])
sets = st.sets(st.sampled_from([10, 12, 34]), max_size=2).map(sorted)
users = st.sampled_from([None, None, 0, 1000, 1001])
users_or_same = st.sampled_from([-1, -1, 0, 1000, 1001])
NEW = [CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWUTS, CLONE_NEWUSER | CLONE_NEWIPC | CLONE_NEWTIME]

ring_timeouts = st.sampled_from([None, {"tv_sec": 0, "tv_nsec": 5}, {"tv_sec": 2, "tv_nsec": 0}])
user_data = st.integers(0, 3)
sqe_flags = st.sampled_from(
    [0] * 5 + ["IOSQE_IO_LINK"] * 2
    + "IOSQE_IO_HARDLINK IOSQE_IO_DRAIN IOSQE_ASYNC IOSQE_FIXED_FILE IOSQE_CQE_SKIP_SUCCESS IOSQE_BUFFER_SELECT".split()
)  # fmt: skip


def sqe(opcode: str, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """A submission."""
    parts = {"opcode": st.just(f"IORING_OP_{opcode}"), "user_data": user_data, "flags": sqe_flags}
    return st.fixed_dictionaries({**parts, **fields})


times = st.sampled_from([0, 1, 10**9, 2 * 10**9, -1])
poll_events = st.sampled_from([1, 4, 5, 0, 1 | 1 << 30, 1 | 1 << 31])
SQES = st.one_of(
    sqe("NOP", nop_flags=st.sampled_from([0, 0, 1, 2, 16, 99]), len=st.sampled_from([0, 5, 2**32 - 1]), fd=pick("fd")),
    sqe("TIMEOUT", ts_ns=times, off=st.integers(0, 2), timeout_flags=st.sampled_from([0, 0, 0, 1, 9, 4, 64, 32, 12])),
    sqe("TIMEOUT_REMOVE", addr=user_data),
    sqe("TIMEOUT_REMOVE", addr=user_data, ts_ns=times, timeout_flags=st.sampled_from([2, 2, 16, 3])),
    sqe("LINK_TIMEOUT", ts_ns=times),
    sqe("POLL_ADD", fd=pick("fd"), poll32_events=poll_events, len=st.sampled_from([0, 0, 1, 8])),
    sqe("POLL_ADD", fd=pick("fd"), poll32_events=poll_events, len=st.sampled_from([0, 1])),
    sqe("POLL_REMOVE", addr=user_data, len=st.sampled_from([0, 2, 4, 6, 7]), off=user_data, poll32_events=poll_events),
    sqe("ASYNC_CANCEL", addr=user_data, fd=pick("fd"), len=st.integers(0, 15), cancel_flags=st.integers(0, 63)),
    sqe("MSG_RING", fd=pick("ring"), off=user_data, len=st.sampled_from([0, 0, 7]), addr=st.integers(0, 2),
        addr3=st.integers(0, 3), file_index=st.integers(-1, 3), msg_ring_flags=st.integers(0, 3)),
    sqe("FILES_UPDATE", fds=st.lists(pick("fd") | st.just(-1), max_size=3), off=st.sampled_from([0, 1, 2**32 - 1])),
    sqe("FIXED_FD_INSTALL", fd=st.integers(0, 3), flags=st.just("IOSQE_FIXED_FILE"),
        install_fd_flags=st.integers(0, 2)),
    sqe("READ", fd=pick("fd")),
)  # fmt: skip
REGISTERED = st.sampled_from(
    "FILES FILES FILES_UPDATE PROBE PERSONALITY ENABLE_RINGS FILE_ALLOC_RANGE CLOCK SYNC_CANCEL RESTRICTIONS".split()
).map("IORING_REGISTER_{}".format) | st.sampled_from(
    ["IORING_UNREGISTER_FILES", "IORING_UNREGISTER_PERSONALITY", "IORING_REGISTER_BUFFERS", "IORING_REGISTER_EVENTFD"]
)

SYSCTLS = [*sorted(IpcNamespace.SYSCTLS), *sorted(UserNamespace.SYSCTLS), "kernel.ns_last_pid"]

LIKELY: dict[str, st.SearchStrategy[Any]] = {
    "msqid": pick("msqid"),
    "mqdes": pick("fd"),
    "fd": pick("fd"),
    "pid": pick("pid"),
    "who": pick("pid"),
    "key": st.integers(0, 3),
    "mtype": st.integers(1, 3),
    "msgtyp": st.integers(-3, 3),
    "data": st.binary(max_size=5),
    "msgsz": st.sampled_from([None, None, 4, 2, 0]),
    "msg_len": st.sampled_from([None, None, None, 4, 8192]),
    "msg_prio": st.integers(0, 2),
    "messages": messages,
    "max": st.integers(1, 4),
    "name": st.sampled_from(["a", "b", "c"]),
    "mode": st.sampled_from(["0666", "0600", "0640"]),
    "mask": st.sampled_from(["0", "022", "077"]),
    "oflag": st.sampled_from(["O_CREAT | O_RDWR", "O_CREAT | O_RDWR", "O_RDWR | O_NONBLOCK", "O_RDONLY", "O_WRONLY"]),
    "attr": st.sampled_from([None, {"mq_maxmsg": 2, "mq_msgsize": 4}, {"mq_maxmsg": 1, "mq_msgsize": 4}]),
    "abs_timeout": soon(EPOCH_S),
    "sig": signals,
    "signum": signals,
    "set": sets,
    "prio": st.integers(-2, 3),
    "uid": users,
    "gid": users,
    "ttl": st.sampled_from([None, None, 1, 3]),
    "unshare": st.sampled_from([0, 0, 0, *NEW]),
    "flags": st.sampled_from(NEW),
    "nstype": st.sampled_from([0, 0, *NEW]),
    "inum": pick("namespace"),
    "pidfd": pick("fd"),
    "oldfd": pick("fd"),
    "newfd": st.integers(0, 5),
    "targetfd": pick("fd"),
    "pgid": pick("pid"),
    "tgid": pick("pid"),
    "tid": pick("pid"),
    "groups": st.lists(st.sampled_from([0, 1000, 1001]), max_size=2),
    "ruid": users_or_same,
    "euid": users_or_same,
    "suid": users_or_same,
    "rgid": users_or_same,
    "egid": users_or_same,
    "sgid": users_or_same,
    "options": st.sampled_from([0, 0, 1, 5, 4, 6]),
    "pdeathsig": st.sampled_from([0, 0, 9, 10]),
    "resource": st.sampled_from(["RLIMIT_NOFILE", "RLIMIT_MSGQUEUE", "RLIMIT_NPROC", "RLIMIT_SIGPENDING"]),
    "limit": st.integers(1, 3),
    "fds": st.lists(st.tuples(pick("fd"), st.sampled_from([1, 4, 5])), max_size=3),
    "status": st.integers(0, 2),
}
LIKELY_OF: dict[tuple[str, str], st.SearchStrategy[Any]] = {
    ("msgget", "msgflg"): st.sampled_from([IPC_CREAT | 0o666, IPC_CREAT | 0o640, IPC_CREAT | IPC_EXCL | 0o600, 0]),
    ("msgsnd", "msgflg"): st.sampled_from([0, 0, IPC_NOWAIT]),
    ("msgsnd_batch", "msgflg"): st.sampled_from([0, 0, IPC_NOWAIT]),
    ("msgrcv", "msgflg"): st.sampled_from([0, 0, IPC_NOWAIT, MSG_NOERROR, MSG_EXCEPT, MSG_COPY | IPC_NOWAIT]),
    ("msgrcv_batch", "msgflg"): st.sampled_from([0, 0, IPC_NOWAIT, MSG_NOERROR]),
    ("msgctl", "cmd"): st.sampled_from(["IPC_SET", "IPC_SET", "IPC_STAT", "IPC_RMID", "IPC_INFO", "MSG_STAT_ANY"]),
    ("msgctl", "buf"): st.sampled_from([{"msg_qbytes": size} for size in (0, 3, 6, 10)] + [{"msg_perm": {"mode": 0}}]),
    ("sysctl", "name"): st.sampled_from(SYSCTLS),
    ("sysctl", "value"): st.sampled_from([None, None, 1, 2, 8, 128, 16384]),
    ("rt_sigtimedwait", "timeout"): soon(1),
    ("clone", "flags"): st.sampled_from([17, 17, 10, 0, 17 | 0x1000, 17 | CLONE_NEWPID, 0x10900 | 0x400]),
    ("clone3", "args"): st.fixed_dictionaries({"exit_signal": st.sampled_from([17, 0])}),
    ("pidfd_open", "flags"): st.sampled_from([0, 0, 0o4000, 0o200]),
    ("pidfd_send_signal", "flags"): st.sampled_from([0, 0, 1, 2, 4]),
    ("pidfd_getfd", "flags"): st.just(0),
    ("waitid", "id"): pick("pid"),
    ("waitid", "idtype"): st.sampled_from(["P_ALL", "P_PID", "P_PGID", "P_PIDFD"]),
    ("wait4", "pid"): st.just(-1) | pick("pid"),
    ("ioctl", "cmd"): st.sampled_from(
        ["NS_GET_USERNS", "NS_GET_NSTYPE", "NS_GET_ID", "PIDFD_GET_INFO", "NS_GET_PARENT"]
    ),
    ("ioctl", "arg"): st.sampled_from([0, 15]),
    ("clock_gettime", "clockid"): st.sampled_from([0, 1, 7]),
    ("dup3", "flags"): st.sampled_from([0, 0o2000000]),
    ("pidfd_send_signal", "sig"): st.sampled_from([0, 10, 12]),
    ("pidfd_send_signal", "info"): st.none(),
    ("task_renew", "ttl"): st.sampled_from([1, 3]),
    ("ns_sysctl", "value"): st.sampled_from([1, 5, 100]),
    ("proc_ns_open", "name"): st.sampled_from(["ipc", "user", "pid", "uts", "pid_for_children", "time"]),
    ("proc_pid_read", "name"): st.sampled_from(["uid_map", "status", "cgroup", "timens_offsets", "comm", "ns/ipc"]),
    ("proc_pid_write", "name"): st.sampled_from(["uid_map", "gid_map", "setgroups", "timens_offsets", "comm"]),
    ("proc_pid_write", "text"): st.sampled_from(["0 0 1", "0 1000 1", "0 0 5\n5 5 5\n", "deny", "monotonic 5 0", "x"]),
    ("execve", "path"): st.just("/bin/true"),
    ("sethostname", "name"): st.text(max_size=70),
    ("setdomainname", "name"): st.text(max_size=70),
    ("ns_sysctl", "name"): st.sampled_from(["kernel.msgmni", "user.max_ipc_namespaces", "net.core.somaxconn"]),
    ("io_uring_setup", "entries"): st.integers(1, 5),
    ("io_uring_setup", "params"): st.sampled_from(
        [None, None, {"flags": ["IORING_SETUP_CQSIZE"], "cq_entries": 8}, {"flags": "IORING_SETUP_R_DISABLED"}]
        + [{"flags": flags} for flags in ("IORING_SETUP_SUBMIT_ALL", "IORING_SETUP_SQPOLL", 0x3000, 0x1040, 0x3200)]
    ),
    ("io_uring_enter", "fd"): pick("ring"),
    ("io_uring_enter", "sqes"): st.lists(SQES, max_size=4),
    ("io_uring_enter", "to_submit"): st.sampled_from([None, None, None, 1]),
    ("io_uring_enter", "min_complete"): st.integers(0, 2),
    ("io_uring_enter", "flags"): st.sampled_from(["IORING_ENTER_GETEVENTS", "IORING_ENTER_GETEVENTS", 0]),
    ("io_uring_enter", "timeout"): ring_timeouts,
    ("io_uring_register", "fd"): pick("ring"),
    ("io_uring_register", "opcode"): REGISTERED,
    ("io_uring_register", "arg"): st.lists(pick("fd") | st.just(-1), max_size=3) | st.none() | st.integers(0, 3),
    ("io_uring_register", "nr_args"): st.none(),
    ("io_uring_stat", "fd"): pick("ring"),
    ("io_uring_list", "after"): st.integers(-1, 2),
    ("poll", "timeout"): st.sampled_from([-1, 0, 5, 2000]),
    ("prlimit64", "new_limit"): st.sampled_from([None, (0, 4096), (3, 4096), (1024, 4096), (819200, 819200)]),
}


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**64), 2**64) | st.text(max_size=3) | st.binary(max_size=20),
    lambda some: st.lists(some, max_size=3) | st.dictionaries(st.text(max_size=3), some, max_size=3),
    max_leaves=3,
)


def whole(kind: Integer) -> st.SearchStrategy[int]:
    """An integer of a C type, mostly where something ends."""
    half = 1 << kind.bits - 1
    edges = [0, 1, -1, 2, 1000, 1001, 32767, 32768, half - 1, -half, half, 2 * half - 1]
    return st.sampled_from(edges) | st.integers(-half, 2 * half - 1)


def any_of(kind: Kind) -> st.SearchStrategy[Any]:
    """Whatever a kind takes, sense or none."""
    if isinstance(kind, Integer):
        return whole(kind)
    if isinstance(kind, Flags):
        return whole(kind.integer) | st.lists(st.sampled_from(sorted(kind.names.values)), max_size=4)
    if isinstance(kind, Enumeration):
        return st.sampled_from(sorted(kind.names.values)) | st.integers(-2, 70)
    if isinstance(kind, Key):
        return st.sampled_from(["IPC_PRIVATE", "0x4d2", -1, 2**32 - 1, -(2**31)])
    if isinstance(kind, Mode):
        return st.sampled_from(["0", "7777", "0600", 2**32 - 1])
    if isinstance(kind, Text):
        return st.text(max_size=4) | st.sampled_from(
            ["", ".", "..", "a/b", "\0", "é" * 128, "x" * 255, "x" * 256, "x" * 5000]
        )
    if isinstance(kind, NameOrNumber):
        return whole(LONG) | st.text(max_size=4)
    if isinstance(kind, Numbers):
        return st.dictionaries(st.text(max_size=4), whole(LONG), max_size=2)
    if isinstance(kind, Anything):
        return ANY_JSON
    if isinstance(kind, Boolean):
        return st.booleans()
    if isinstance(kind, Data):
        return st.binary(max_size=9) | st.just(bytes(8193))
    return any_of_many(kind)


def any_of_many(kind: Kind) -> st.SearchStrategy[Any]:
    """Likewise, of what has parts."""
    if isinstance(kind, ListOf):
        return st.lists(any_of(kind.item), max_size=3)
    if isinstance(kind, Messages):
        longs = st.integers(-(2**63), 2**63 - 1) | st.integers(-1, 4) | st.sampled_from([32767, 32768])
        return st.lists(st.tuples(longs, st.binary(max_size=9)), max_size=4)
    assert isinstance(kind, Structure), f"no values for {kind}"
    needed = {field.name: any_of_field(field) for field in kind.fields if field.required}
    return st.fixed_dictionaries(
        needed, optional={field.name: any_of_field(field) for field in kind.fields if not field.required}
    )


def any_of_field(field: Field) -> st.SearchStrategy[Any]:
    """Whatever a field takes."""
    return st.none() | any_of(field.kind) if field.nullable else any_of(field.kind)


def likely(row: Row, field: Field) -> st.SearchStrategy[Any]:
    """What makes sense for an argument, five times out of six."""
    sensible = LIKELY_OF.get((row.name, field.name), LIKELY.get(field.name))
    if sensible is None:
        return any_of_field(field)
    return st.integers(0, 5).flatmap(lambda chance: sensible if chance else any_of_field(field))


def arguments(row: Row) -> st.SearchStrategy[dict[str, Any]]:
    """The arguments of one call."""
    return st.fixed_dictionaries({field.name: likely(row, field) for field in row.args})

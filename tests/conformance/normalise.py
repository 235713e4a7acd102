"""What may differ between two runs of the same case, brought to one form: pids, times, inode numbers, spellings."""

from __future__ import annotations

import re
import time
import zlib
from collections.abc import Callable, Mapping
from typing import Any

from . import linux

NEAR_S = 300
CLOCK_STEP_S = 60
LONGEST_SHOWN = 80
SYSVIPC_ROW = "%10d %10d  %4o  %10u %10u %5u %5u %5u %5u %5u %5u %10u %10u %10u\n"
SYSVIPC_FIELD = re.compile(r" *(-?\d+)" + r" +(\d+)" * 13 + r"\n")
NOTIFY_PID = re.compile(rb"NOTIFY_PID:(\d+) *")


PID_ANSWERS = {
    "fork", "clone", "clone3", "getpid", "getppid", "gettid", "getpgid", "getpgrp", "getsid", "setsid", "wait4",
}  # fmt: skip
PID_IOCTLS = {"NS_GET_PID_FROM_PIDNS", "NS_GET_TGID_FROM_PIDNS"}
NAMESPACE_INODES = 0xEFFFFFF0
NAMESPACE_LINK = re.compile(r"(\w+:)\[(\d+)\]")
STATUS_LINES = {
    "Name", "Umask", "Uid", "Gid", "Groups", "NSpid", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs",
    "Threads",
}  # fmt: skip


class Normaliser:
    """The form of one world's values."""

    def __init__(self) -> None:
        self._seen: dict[int, str] = {}
        self._inside = False
        self._born: list[str] = []
        self._first: dict[str, list[int]] = {}
        self._clocks: dict[int, int] = {}

    def look(self, seen: dict[int, str], *, inside: bool) -> None:
        """Take another's view of the tasks: its numbers for them. What comes next is its answer.

        ``inside``: it is in a pid namespace of its own. The host's proc shows it the world's numbers all the same.
        """
        self._seen, self._inside = seen, inside
        self._born += [name for name in seen.values() if name not in self._born]

    def arguments(self, args: dict[str, Any]) -> dict[str, Any]:
        """Arguments as the trace keeps them."""
        return {name: self._argument(value) for name, value in args.items()}

    def _argument(self, value: Any) -> Any:
        if isinstance(value, (bytes, bytearray)):
            return text(bytes(value))
        if isinstance(value, dict):
            return {key: self._argument(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self._argument(item) for item in value]
        return shorten(value) if isinstance(value, str) else getattr(value, "name", value)

    def answer(self, name: str, answer: dict[str, Any], args: Mapping[str, Any]) -> dict[str, Any]:
        """A call's answer as the trace keeps it."""
        kept = {key: value for key, value in answer.items() if key in {"errno", "died"}}
        if "ret" in answer and name != "proc_pid_read":  # a length, which says what the text says
            of_a_pid = name in PID_ANSWERS or (name == "ioctl" and args.get("cmd") in PID_IOCTLS)
            kept["ret"] = self.pid(answer["ret"]) if of_a_pid else answer["ret"]
        if answer.get("out") is not None:
            kept["out"] = self.out(name, answer["out"], args)
        return kept

    def out(self, name: str, out: Any, args: Mapping[str, Any]) -> Any:
        """What a call handed back, field by field."""
        if name == "proc_pid_read":
            return {"text": self.proc(args["name"], out["text"])}
        if name == "uname":
            return {key: value for key, value in out.items() if key in {"sysname", "nodename", "domainname"}}
        if name == "clock_gettime":
            return {"tv_sec": self.clock(args["clockid"], out["tv_sec"])}
        if name == "proc_sysvipc_msg":
            return {"text": self.sysvipc(out["text"])}
        return {key: self._field(key, value) for key, value in out.items()}

    def _field(self, key: str, value: Any) -> Any:
        if isinstance(value, dict):
            return {name: self._field(name, item) for name, item in value.items()}
        if key == "fds":
            return [{name: self._field(name, item) for name, item in fd.items()} for fd in value]
        if key == "data":
            return text(NOTIFY_PID.sub(self._notify_pid, bytes(value)))
        return FIELDS.get(key, lambda _, item: item)(self, value)

    def pid(self, value: int) -> str | int:
        """A task by its name; 0 stays."""
        return self._seen.get(value, "another") if value else 0

    def number(self, pid: int) -> int:
        """A task's place among the world's, for text that wants a number in the place of a pid."""
        return self._born.index(self._seen[pid]) + 1 if pid in self._seen else (0 if pid == 0 else 99999)

    def first(self, kind: str, value: int) -> str:
        """A number that only says same or different: by its place among those of its kind, as they were first seen."""
        known = self._first.setdefault(kind, [])
        if value not in known:
            known.append(value)
        return f"#{known.index(value) + 1}"

    def inode(self, value: int) -> Any:
        """An inode number: which namespace it is, or that it is one."""
        if value >= NAMESPACE_INODES:
            return self.first("inode", value)
        return "inode" if value > 0 else value

    def clock(self, clockid: int, seconds: int) -> int:
        """A clock's time after the first that was read of it, to some seconds."""
        return round((seconds - self._clocks.setdefault(clockid, seconds)) / CLOCK_STEP_S) * CLOCK_STEP_S

    def proc(self, name: str, content: str) -> Any:
        """The text of a file of a process."""
        if name.startswith("ns/"):
            return NAMESPACE_LINK.sub(lambda match: f"{match[1]}{self.first('inode', int(match[2]))}", content)
        if name == "cgroup":  # the hierarchies of version 1 are as the machine has them
            return [line for line in content.splitlines() if line.startswith("0::")]
        return self.status(content) if name == "status" else shorten(content)

    def status(self, content: str) -> dict[str, str]:
        """Of /proc/PID/status what does not depend on the machine. Numbers of the namespace that reads are names."""
        rows = (line.partition(":") for line in content.splitlines())
        found = {key: " ".join(value.split()) for key, _, value in rows if key in STATUS_LINES}
        if self._inside:
            found.pop("NSpid", None)
        if "NSpid" in found:
            number, *inside = found["NSpid"].split()
            found["NSpid"] = " ".join([str(self.pid(int(number))), *inside])
        return found

    def _notify_pid(self, match: re.Match[bytes]) -> bytes:
        # Only what is rendered as Linux does (%-6d) is brought to one form; anything else shows as it is.
        pid = int(match.group(1))
        return b"NOTIFY_PID:%-6d" % self.number(pid) if match.group() == b"NOTIFY_PID:%-6d" % pid else match.group()

    def sysvipc(self, listing: str) -> list[str]:
        """The lines of /proc/sysvipc/msg; pids and times are replaced where a line is laid out as Linux does it."""
        return [self._sysvipc_line(line) for line in listing.splitlines(keepends=True)]

    def _sysvipc_line(self, line: str) -> str:
        match = SYSVIPC_FIELD.fullmatch(line)
        if match is None:
            return line
        values = [int(item, 8 if index == 2 else 10) for index, item in enumerate(match.groups())]
        if SYSVIPC_ROW % tuple(values) != line:
            return line
        values[5:7] = [self.number(pid) for pid in values[5:7]]
        values[11:] = [moment if isinstance(moment, int) else 1 for moment in map(when, values[11:])]
        return SYSVIPC_ROW % tuple(values)


def when(seconds: int) -> int | str:
    """Never, now, or what it is."""
    return "now" if abs(seconds - time.time()) < NEAR_S else seconds


def text(data: bytes) -> str:
    """Bytes as the trace shows them."""
    return shorten(data.decode("latin-1"))


def shorten(value: str) -> str:
    if len(value) <= LONGEST_SHOWN:
        return value
    return f"{value[:16]}... {len(value)} bytes, crc32 {zlib.crc32(value.encode('latin-1', 'replace')):08x}"


def flags(prefix: str) -> Callable[[Normaliser, Any], int]:
    """Flags as a number, which a door may have spelled out."""

    def number(_: Normaliser, value: Any) -> int:
        if isinstance(value, int):
            return value
        total = 0
        for part in value if isinstance(value, (list, tuple)) else [value]:
            total |= part if isinstance(part, int) else getattr(linux, part)
        return total

    number.__name__ = prefix
    return number


def signal_number(_: Normaliser, value: Any) -> int:
    """A signal's number."""
    if isinstance(value, int):
        return value
    if value.startswith("SIGRT"):  # usernel spells real-time signals by their numbers: SIGRT34
        return int(value.removeprefix("SIGRT"))
    return linux.SIGNALS[value]


def signal_set(normaliser: Normaliser, value: Any) -> list[int]:
    """Signals' numbers, ascending."""
    return sorted(signal_number(normaliser, item) for item in value)


def mode(_: Normaliser, value: Any) -> str:
    """Permission bits as octal digits."""
    return value if isinstance(value, str) else f"{value:04o}"


def capabilities(_: Normaliser, value: Any) -> int:
    """A set of capabilities as a mask, which a door may have spelled out."""
    if isinstance(value, int):
        return value
    return sum(item if isinstance(item, int) else 1 << linux.CAPABILITIES[item] for item in value)


FIELDS: dict[str, Callable[[Normaliser, Any], Any]] = {
    "msg_lspid": Normaliser.pid,
    "msg_lrpid": Normaliser.pid,
    **dict.fromkeys(("si_pid", "pid", "tgid", "ppid"), Normaliser.pid),
    "cgroupid": lambda _, value: "some" if value > 0 else value,
    "nr_mounts": lambda _, value: "some" if value > 0 else value,
    "ns_id": lambda normaliser, value: normaliser.first("id", value),
    "mnt_ns_id": lambda normaliser, value: normaliser.first("id", value),
    **dict.fromkeys(
        ("msg_stime", "msg_rtime", "msg_ctime", "st_atime", "st_mtime", "st_ctime"), lambda _, value: when(value)
    ),
    "st_ino": Normaliser.inode,
    "mode": mode,
    "st_mode": mode,
    "mq_flags": flags("O_"),
    "events": flags("POLL"),
    "revents": flags("POLL"),
    "sa_flags": flags("SA_"),
    "sa_handler": lambda _, value: {0: "SIG_DFL", 1: "SIG_IGN", 2: "SIG_CATCH"}.get(value, value),
    "set": signal_set,
    "oldset": signal_set,
    "si_signo": signal_number,
    "si_code": flags("SI_"),
    "mask": flags("PIDFD_INFO_"),
    **dict.fromkeys(("effective", "permitted", "inheritable"), capabilities),
}

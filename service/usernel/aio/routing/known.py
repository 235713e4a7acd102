"""The callables that the ring takes over from a thread pool: the rule, held by a test.

What a handler is given for is tried inside the loop, and made by a worker where it might sleep; a worker always makes
what none is given for. ``HANDED_ON`` says of the rest of ``os`` why it goes to the executor as before.
"""

from __future__ import annotations

import glob
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from types import CodeType
from typing import Any, Final

from . import moving, os_calls, paths, reading
from .reading import Handler

OS: Final = """
    access chdir chmod chown dup2 fchdir fchmod fchown fdatasync fpathconf fstatvfs fsync ftruncate getxattr lchmod
    lchown link listdir listmounts listxattr makedirs memfd_create mkdir mkfifo mknod pathconf posix_fadvise
    posix_fallocate pwrite pwritev readlink remove removedirs removexattr rename renames replace rmdir scandir
    setxattr statmount statvfs statx symlink sync truncate unlink utime
"""
OS_PATH: Final = "expanduser ismount"
SHUTIL: Final = """
    copy copy2 copyfile copyfileobj copymode copystat copytree disk_usage make_archive move rmtree unpack_archive which
"""
TEMPFILE: Final = "mkdtemp mkstemp NamedTemporaryFile SpooledTemporaryFile TemporaryDirectory TemporaryFile"


def _there(module: Any, names: str) -> frozenset[Callable[..., Any]]:
    return frozenset(getattr(module, name) for name in names.split() if hasattr(module, name))


CALLS: Final[Mapping[Callable[..., Any], Handler]] = {**os_calls.CALLS, **paths.CALLS}
"""Functions."""
BY_WORKERS: Final[frozenset[Callable[..., Any]]] = (
    _there(os, OS)
    | _there(os.path, OS_PATH)
    | _there(shutil, SHUTIL)
    | _there(glob, "glob")
    | _there(tempfile, TEMPFILE)
)
METHODS: Final[Mapping[tuple[type, str], Handler | None]] = {
    **dict.fromkeys(moving.BY_WORKERS), **reading.METHODS, **moving.METHODS,
}  # fmt: skip
"""Methods of Python's own file objects, by the type and the name."""
BOUND: Final[Mapping[Callable[..., Any], Handler | None]] = {**dict.fromkeys(paths.BY_WORKERS), **paths.METHODS}
"""Methods of ``pathlib.PosixPath``."""
WRAPPERS: Final = frozenset(
    {
        tempfile._TemporaryFileWrapper,  # noqa: SLF001 - what NamedTemporaryFile answers has no other name
        tempfile.SpooledTemporaryFile,
        tempfile.TemporaryDirectory,
    }
)
"""Whose methods workers call."""


def _code(function: Any, name: str) -> CodeType | None:
    codes = (const for const in function.__code__.co_consts if isinstance(const, CodeType))
    return next((code for code in codes if code.co_name == name), None)


WRAPPER: Final = _code(tempfile._TemporaryFileWrapper.__getattr__, "func_wrapper")  # noqa: SLF001 - as above
"""What the methods that a NamedTemporaryFile borrows of its file are wrapped in."""
HANDED_ON: Final[Mapping[str, str]] = {
    "processes": """
        abort execl execle execlp execlpe execv execve execvp execvpe fork forkpty kill killpg nice pidfd_open popen
        posix_spawn posix_spawnp register_at_fork setns spawnl spawnle spawnlp spawnlpe spawnv spawnve spawnvp spawnvpe
        startfile system times unshare wait wait3 wait4 waitid waitpid waitstatus_to_exitcode
        WCOREDUMP WEXITSTATUS WIFCONTINUED WIFEXITED WIFSIGNALED WIFSTOPPED WSTOPSIG WTERMSIG
    """,
    "who and how a process is": """
        chroot ctermid getegid geteuid getgid getgrouplist getgroups getloadavg getlogin getpgid getpgrp getpid getppid
        getpriority getresgid getresuid getsid getuid initgroups process_cpu_count sched_getaffinity sched_getparam
        sched_getscheduler sched_get_priority_max sched_get_priority_min sched_rr_get_interval sched_setaffinity
        sched_setparam sched_setscheduler sched_yield setegid seteuid setgid setgroups setpgid setpgrp setpriority
        setregid setresgid setresuid setreuid setsid setuid
    """,
    "the machine, its terminals and its timers": """
        confstr cpu_count device_encoding get_terminal_size getrandom grantpt login_tty major makedev minor openpty
        posix_openpt ptsname sysconf tcgetpgrp tcsetpgrp ttyname uname unlockpt urandom eventfd timerfd_create
        timerfd_gettime timerfd_gettime_ns timerfd_settime timerfd_settime_ns
    """,
    "nothing that sleeps": """
        closerange fdopen fsdecode reload_environ fsencode fspath getenv getenvb get_exec_path putenv strerror unsetenv
    """,
    "lazy: what they give reads when it is asked for the next": "walk fwalk",
}
"""The rest of ``os``, by the reason."""

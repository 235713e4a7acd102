"""The callables that the ring takes over from a thread pool: the rule, held by a test.

``AT_ONCE`` are tried inside the loop and made by a worker where they might sleep; ``WORKERS`` always by a worker; the
same of methods of Python's file objects. ``HANDED_ON`` says of the rest of ``os`` why it goes to the executor as
before.
"""

from __future__ import annotations

import glob
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from typing import Any, Final

from . import file_methods, os_calls

AT_ONCE: Final[Mapping[Callable[..., Any], Callable[..., Any]]] = {**os_calls.CALLS, **file_methods.OPENS}
METHODS_AT_ONCE: Final = file_methods.METHODS
METHODS_BY_WORKERS: Final = file_methods.BY_WORKERS

OS: Final = """
    access chdir chmod chown copy_file_range dup2 eventfd_read eventfd_write fchdir fchmod fchown fdatasync
    fpathconf fstatvfs fsync ftruncate get_terminal_size getxattr lchown link listdir listxattr lockf login_tty
    makedirs memfd_create mkdir mkfifo mknod pathconf posix_fadvise posix_fallocate posix_openpt pwrite pwritev
    readlink readv remove removedirs removexattr rename renames replace rmdir scandir sendfile setxattr splice
    statvfs symlink sync truncate unlink utime write writev
"""
OS_PATH: Final = "expanduser ismount realpath samefile relpath commonpath isjunction isreserved isdevdrive"
SHUTIL: Final = """
    copy copy2 copyfile copyfileobj copymode copystat copytree disk_usage make_archive move rmtree unpack_archive which
"""


def _there(module: Any, names: str) -> frozenset[Callable[..., Any]]:
    return frozenset(getattr(module, name) for name in names.split() if hasattr(module, name))


WORKERS: Final[frozenset[Callable[..., Any]]] = (
    _there(os, OS)
    | _there(os.path, OS_PATH)
    | _there(shutil, SHUTIL)
    | _there(glob, "glob")
    | _there(tempfile, "mkstemp mkdtemp TemporaryFile NamedTemporaryFile")
)
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
        sched_setparam sched_setscheduler sched_yield setegid seteuid setgid setgroups setpgid setpriority setregid
        setresgid setresuid setreuid setsid setuid
    """,
    "the machine, its terminals and its timers": """
        confstr cpu_count device_encoding getrandom openpty posix_openpt ptsname grantpt unlockpt sysconf tcgetpgrp
        tcsetpgrp ttyname uname urandom eventfd timerfd_create timerfd_gettime timerfd_gettime_ns timerfd_settime
        timerfd_settime_ns major makedev minor
    """,
    "nothing that sleeps": """
        closerange fdopen fsdecode fsencode fspath getenv getenvb get_exec_path putenv strerror unsetenv
    """,
    "lazy: what they give reads when it is asked for the next": "walk fwalk",
}
"""The rest of ``os``, by the reason."""

"""The numbers of the host's system calls that cases make."""

from __future__ import annotations

import platform

X86_64 = {
    "msgget": 68, "msgsnd": 69, "msgrcv": 70, "msgctl": 71, "mq_open": 240, "mq_unlink": 241, "mq_timedsend": 242,
    "mq_timedreceive": 243, "mq_notify": 244, "mq_getsetattr": 245, "read": 0, "close": 3, "dup": 32, "fstat": 5,
    "poll": 7, "rt_sigprocmask": 14, "rt_sigpending": 127, "rt_sigtimedwait": 128, "getpid": 39, "getppid": 110,
    "umask": 95, "kill": 62, "getpriority": 140, "setpriority": 141, "prlimit64": 302, "unshare": 272, "recvfrom": 45,
    "clone": 56, "clone3": 435, "setns": 308, "ioctl": 16, "sethostname": 170, "setdomainname": 171, "uname": 63,
    "clock_gettime": 228, "fcntl": 72, "dup2": 33, "dup3": 292,
    "getuid": 102, "geteuid": 107, "getgid": 104, "getegid": 108, "getresuid": 118, "getresgid": 120, "getgroups": 115,
    "setuid": 105, "setgid": 106, "setreuid": 113, "setregid": 114, "setresuid": 117, "setresgid": 119,
    "setgroups": 116, "setfsuid": 122, "setfsgid": 123, "capget": 125, "capset": 126, "prctl": 157, "gettid": 186,
    "getpgid": 121, "setpgid": 109, "getpgrp": 111, "setsid": 112, "getsid": 124, "tgkill": 234,
    "rt_sigqueueinfo": 129, "wait4": 61, "waitid": 247, "exit": 60, "execve": 59, "pidfd_open": 434, "pidfd_getfd": 438,
    "pidfd_send_signal": 424,
}  # fmt: skip
AARCH64 = {
    "msgget": 186, "msgsnd": 189, "msgrcv": 188, "msgctl": 187, "mq_open": 180, "mq_unlink": 181, "mq_timedsend": 182,
    "mq_timedreceive": 183, "mq_notify": 184, "mq_getsetattr": 185, "read": 63, "close": 57, "dup": 23, "fstat": 80,
    "poll": 73, "rt_sigprocmask": 135, "rt_sigpending": 136, "rt_sigtimedwait": 137, "getpid": 172, "getppid": 173,
    "umask": 166, "kill": 129, "getpriority": 141, "setpriority": 140, "prlimit64": 261, "unshare": 97, "recvfrom": 207,
    "clone": 220, "clone3": 435, "setns": 268, "ioctl": 29, "sethostname": 161, "setdomainname": 162, "uname": 160,
    "clock_gettime": 113, "fcntl": 25, "dup3": 24,
    "getuid": 174, "geteuid": 175, "getgid": 176, "getegid": 177, "getresuid": 148, "getresgid": 150, "getgroups": 158,
    "setuid": 146, "setgid": 144, "setreuid": 145, "setregid": 143, "setresuid": 147, "setresgid": 149,
    "setgroups": 159, "setfsuid": 151, "setfsgid": 152, "capget": 90, "capset": 91, "prctl": 167, "gettid": 178,
    "getpgid": 155, "setpgid": 154, "setsid": 157, "getsid": 156, "tgkill": 131, "rt_sigqueueinfo": 138, "wait4": 260,
    "waitid": 95, "exit": 93, "execve": 221, "pidfd_open": 434, "pidfd_getfd": 438, "pidfd_send_signal": 424,
}  # fmt: skip
NUMBERS = {"x86_64": X86_64, "aarch64": AARCH64}.get(platform.machine(), {})

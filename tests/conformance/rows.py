"""The rows of the table as cases call them: arguments in order. Values are plain numbers, strings, bytes, mappings."""

from __future__ import annotations

_WORDS = {
    "msgget": "key msgflg",
    "msgsnd": "msqid mtype data msgsz msgflg",
    "msgrcv": "msqid msgsz msgtyp msgflg",
    "msgctl": "msqid cmd buf",
    "mq_open": "name oflag mode attr",
    "mq_unlink": "name",
    "mq_timedsend": "mqdes data msg_len msg_prio abs_timeout",
    "mq_timedreceive": "mqdes msg_len abs_timeout",
    "mq_notify": "mqdes notification",
    "mq_getsetattr": "mqdes newattr",
    "read": "fd count",
    "close": "fd",
    "dup": "fd",
    "fstat": "fd",
    "poll": "fds timeout",
    "rt_sigaction": "signum act",
    "rt_sigprocmask": "how set",
    "rt_sigpending": "",
    "rt_sigtimedwait": "set timeout",
    "getpid": "",
    "getppid": "",
    "umask": "mask",
    "kill": "pid sig",
    "exit_group": "status",
    "getpriority": "which who",
    "setpriority": "which who prio",
    "prlimit64": "pid resource new_limit",
    "unshare": "flags",
    "fork": "uid gid groups cap comm unshare",
    "sysctl": "name value",
    "proc_sysvipc_msg": "",
}
ARGUMENTS = {name: tuple(words.split()) for name, words in _WORDS.items()}

"""Every system call of the service's table. Made by `python -m usernel.cli.stubs` from the table of system calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .caller import Caller
from .flags import Flags
from .protocol import Result

Data = bytes
Struct = Mapping[str, Any]


class Calls:
    """Typed system calls of one task. KernelError, ProtocolError, ConnectionLost."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def msgget(self, key: int | str, msgflg: Flags = 0, durability: int | str | None = None) -> int:
        """msgget(2): Find or make the queue of a key; returns its id."""
        return (await self._caller.result("msgget", {"key": key, "msgflg": msgflg, "durability": durability})).ret

    async def msgsnd(self, msqid: int, mtype: int, data: Data, msgsz: int | None = None, msgflg: Flags = 0) -> int:
        """msgsnd(2): Put a message into a queue, waiting for room."""
        return (await self._caller.result("msgsnd", {"msqid": msqid, "mtype": mtype, "data": data, "msgsz": msgsz, "msgflg": msgflg})).ret

    async def msgrcv(self, msqid: int, msgsz: int | None = None, msgtyp: int = 0, msgflg: Flags = 0) -> Result:
        """msgrcv(2): Take a message out of a queue, waiting for one; returns its length."""
        return await self._caller.result("msgrcv", {"msqid": msqid, "msgsz": msgsz, "msgtyp": msgtyp, "msgflg": msgflg})

    async def msgctl(self, msqid: int, cmd: int | str, buf: Struct | None = None) -> Result:
        """msgctl(2): Look at a queue, change it, remove it."""
        return await self._caller.result("msgctl", {"msqid": msqid, "cmd": cmd, "buf": buf})

    async def msgsnd_batch(self, msqid: int, messages: Sequence[tuple[int, Data]], msgflg: Flags = 0) -> int:
        """sendmmsg(2): Many msgsnd as one call; returns how many went."""
        return (await self._caller.result("msgsnd_batch", {"msqid": msqid, "messages": messages, "msgflg": msgflg})).ret

    async def msgrcv_batch(self, msqid: int, max: int, msgsz: int | None = None, msgtyp: int = 0, msgflg: Flags = 0) -> Result:
        """recvmmsg(2): Wait for a message and take up to max; returns how many came."""
        return await self._caller.result("msgrcv_batch", {"msqid": msqid, "max": max, "msgsz": msgsz, "msgtyp": msgtyp, "msgflg": msgflg})

    async def msg_peek(self, msqid: int, after: int = 0, limit: int = 100) -> Result:
        """msgrcv(2): Look at a queue's messages without receiving."""
        return await self._caller.result("msg_peek", {"msqid": msqid, "after": after, "limit": limit})

    async def msg_stat(self, msqid: int) -> Result:
        """msgctl(2): A queue by its id."""
        return await self._caller.result("msg_stat", {"msqid": msqid})

    async def msg_list(self, after: int = -1, limit: int = 100) -> Result:
        """msgctl(2): The queues of the namespace."""
        return await self._caller.result("msg_list", {"after": after, "limit": limit})

    async def proc_sysvipc_msg(self) -> Result:
        """sysvipc(7): The text of /proc/sysvipc/msg."""
        return await self._caller.result("proc_sysvipc_msg", {})

    async def mq_open(self, name: str, oflag: Flags = 0, mode: int | str = 0, attr: Struct | None = None, durability: int | str | None = None) -> int:
        """mq_open(3): Open or make a queue; returns a descriptor."""
        return (await self._caller.result("mq_open", {"name": name, "oflag": oflag, "mode": mode, "attr": attr, "durability": durability})).ret

    async def mq_unlink(self, name: str) -> int:
        """mq_unlink(3): Take a queue's name away; it ends with its last descriptor."""
        return (await self._caller.result("mq_unlink", {"name": name})).ret

    async def mq_timedsend(self, mqdes: int, data: Data, msg_len: int | None = None, msg_prio: int = 0, abs_timeout: Struct | None = None) -> int:
        """mq_timedsend(3): Put a message into a queue, waiting for room."""
        return (await self._caller.result("mq_timedsend", {"mqdes": mqdes, "data": data, "msg_len": msg_len, "msg_prio": msg_prio, "abs_timeout": abs_timeout})).ret

    async def mq_timedreceive(self, mqdes: int, msg_len: int | None = None, abs_timeout: Struct | None = None) -> Result:
        """mq_timedreceive(3): Take the oldest of the most urgent messages; returns its length."""
        return await self._caller.result("mq_timedreceive", {"mqdes": mqdes, "msg_len": msg_len, "abs_timeout": abs_timeout})

    async def mq_notify(self, mqdes: int, notification: Struct | None = None) -> int:
        """mq_notify(3): Ask to be told once of a message in the empty queue; null takes that back."""
        return (await self._caller.result("mq_notify", {"mqdes": mqdes, "notification": notification})).ret

    async def mq_getsetattr(self, mqdes: int, newattr: Struct | None = None) -> Result:
        """mq_getattr(3): Read a queue's attributes, and set O_NONBLOCK."""
        return await self._caller.result("mq_getsetattr", {"mqdes": mqdes, "newattr": newattr})

    async def mq_timedsend_batch(self, mqdes: int, messages: Sequence[tuple[int, Data]], abs_timeout: Struct | None = None) -> int:
        """sendmmsg(2): Many mq_timedsend as one call; returns how many went."""
        return (await self._caller.result("mq_timedsend_batch", {"mqdes": mqdes, "messages": messages, "abs_timeout": abs_timeout})).ret

    async def mq_timedreceive_batch(self, mqdes: int, max: int, abs_timeout: Struct | None = None) -> Result:
        """recvmmsg(2): Wait for a message and take up to max; returns how many came."""
        return await self._caller.result("mq_timedreceive_batch", {"mqdes": mqdes, "max": max, "abs_timeout": abs_timeout})

    async def mq_peek(self, mqdes: int, after: int = 0, limit: int = 100) -> Result:
        """mq_overview(7): Look at a queue's messages without receiving."""
        return await self._caller.result("mq_peek", {"mqdes": mqdes, "after": after, "limit": limit})

    async def mq_list(self, after: str = '', limit: int = 100) -> Result:
        """mq_overview(7): The queues of the namespace."""
        return await self._caller.result("mq_list", {"after": after, "limit": limit})

    async def mq_stat(self, name: str) -> Result:
        """mq_overview(7): A queue by its name."""
        return await self._caller.result("mq_stat", {"name": name})

    async def read(self, fd: int, count: int = 80) -> Result:
        """read(2): Read a queue's status line; returns how many bytes."""
        return await self._caller.result("read", {"fd": fd, "count": count})

    async def close(self, fd: int) -> int:
        """close(2): Close a descriptor."""
        return (await self._caller.result("close", {"fd": fd})).ret

    async def dup(self, fd: int) -> int:
        """dup(2): Another descriptor of the same open file."""
        return (await self._caller.result("dup", {"fd": fd})).ret

    async def dup2(self, oldfd: int, newfd: int) -> int:
        """dup(2): Another descriptor, by its number, of the same open file."""
        return (await self._caller.result("dup2", {"oldfd": oldfd, "newfd": newfd})).ret

    async def dup3(self, oldfd: int, newfd: int, flags: Flags = 0) -> int:
        """dup(2): The same, and close-on-exec if wanted."""
        return (await self._caller.result("dup3", {"oldfd": oldfd, "newfd": newfd, "flags": flags})).ret

    async def fcntl(self, fd: int, cmd: int | str, arg: int = 0) -> int:
        """fcntl(2): Duplicate a descriptor, read and set its flags."""
        return (await self._caller.result("fcntl", {"fd": fd, "cmd": cmd, "arg": arg})).ret

    async def fstat(self, fd: int) -> Result:
        """fstat(2): Status of an open file."""
        return await self._caller.result("fstat", {"fd": fd})

    async def poll(self, fds: Sequence[Struct], timeout: int = -1) -> Result:
        """poll(2): Wait until a descriptor is ready; returns how many are."""
        return await self._caller.result("poll", {"fds": fds, "timeout": timeout})

    async def io_uring_setup(self, entries: int, params: Struct | None = None) -> Result:
        """io_uring_setup(2): Make a ring; returns its descriptor."""
        return await self._caller.result("io_uring_setup", {"entries": entries, "params": params})

    async def io_uring_enter(self, fd: int, to_submit: int | None = None, min_complete: int = 0, flags: Flags = 0, sqes: Sequence[Struct] = (), timeout: Struct | None = None) -> Result:
        """io_uring_enter(2): Submit to a ring and wait for completions, which are taken; returns how many submissions were taken."""
        return await self._caller.result("io_uring_enter", {"fd": fd, "to_submit": to_submit, "min_complete": min_complete, "flags": flags, "sqes": sqes, "timeout": timeout})

    async def io_uring_register(self, fd: int, opcode: int | str, arg: Any | None = None, nr_args: int | None = None) -> Result:
        """io_uring_register(2): Register something with a ring, or ask what it can do."""
        return await self._caller.result("io_uring_register", {"fd": fd, "opcode": opcode, "arg": arg, "nr_args": nr_args})

    async def io_uring_list(self, after: int = -1, limit: int = 100) -> Result:
        """io_uring(7): The rings of the task."""
        return await self._caller.result("io_uring_list", {"after": after, "limit": limit})

    async def io_uring_stat(self, fd: int) -> Result:
        """io_uring(7): A ring."""
        return await self._caller.result("io_uring_stat", {"fd": fd})

    async def kill(self, pid: int, sig: int | str) -> int:
        """kill(2): Send a signal to tasks."""
        return (await self._caller.result("kill", {"pid": pid, "sig": sig})).ret

    async def tgkill(self, tgid: int, tid: int, sig: int | str) -> int:
        """tgkill(2): Send a signal to a thread."""
        return (await self._caller.result("tgkill", {"tgid": tgid, "tid": tid, "sig": sig})).ret

    async def rt_sigqueueinfo(self, pid: int, sig: int | str, info: Struct) -> int:
        """rt_sigqueueinfo(2): Send a signal with a value."""
        return (await self._caller.result("rt_sigqueueinfo", {"pid": pid, "sig": sig, "info": info})).ret

    async def rt_sigaction(self, signum: int | str, act: Struct | None = None) -> Result:
        """sigaction(2): Read and set what a signal does."""
        return await self._caller.result("rt_sigaction", {"signum": signum, "act": act})

    async def rt_sigprocmask(self, how: int | str = 0, set: Sequence[int | str] | None = None) -> Result:
        """sigprocmask(2): Read and change the signals that are blocked."""
        return await self._caller.result("rt_sigprocmask", {"how": how, "set": set})

    async def rt_sigpending(self) -> Result:
        """sigpending(2): The signals that wait because they are blocked."""
        return await self._caller.result("rt_sigpending", {})

    async def rt_sigtimedwait(self, set: Sequence[int | str], timeout: Struct | None = None) -> Result:
        """sigtimedwait(2): Take a signal, waiting for one; returns its number."""
        return await self._caller.result("rt_sigtimedwait", {"set": set, "timeout": timeout})

    async def getpid(self) -> int:
        """getpid(2): The caller's pid."""
        return (await self._caller.result("getpid", {})).ret

    async def getppid(self) -> int:
        """getppid(2): The pid of the caller's parent."""
        return (await self._caller.result("getppid", {})).ret

    async def umask(self, mask: int | str) -> int:
        """umask(2): Set the mode bits that new queues lack; returns the old ones."""
        return (await self._caller.result("umask", {"mask": mask})).ret

    async def getpriority(self, which: int | str, who: int = 0) -> int:
        """getpriority(2): The priority of tasks, as 20 - nice."""
        return (await self._caller.result("getpriority", {"which": which, "who": who})).ret

    async def setpriority(self, which: int | str, who: int, prio: int) -> int:
        """setpriority(2): Set the nice value of tasks."""
        return (await self._caller.result("setpriority", {"which": which, "who": who, "prio": prio})).ret

    async def prlimit64(self, pid: int, resource: int | str, new_limit: Struct | None = None) -> Result:
        """prlimit(2): Read and set a task's limit."""
        return await self._caller.result("prlimit64", {"pid": pid, "resource": resource, "new_limit": new_limit})

    async def fork(self, uid: int | None = None, gid: int | None = None, groups: Sequence[int] | None = None, cap: Sequence[int | str] | None = None, comm: str | None = None, unshare: Flags = 0, ttl: int | None = None, daemon: bool = False, setsid: bool = False, close_fds: bool = False, pdeathsig: int | str = 0, autoreap: bool = False, share_fds: bool = False) -> int:
        """fork(2): Make a child with credentials and namespaces of its own; returns its pid."""
        return (await self._caller.result("fork", {"uid": uid, "gid": gid, "groups": groups, "cap": cap, "comm": comm, "unshare": unshare, "ttl": ttl, "daemon": daemon, "setsid": setsid, "close_fds": close_fds, "pdeathsig": pdeathsig, "autoreap": autoreap, "share_fds": share_fds})).ret

    async def task_stat(self, pid: int = 0) -> Result:
        """proc(5): A task as /proc/[pid] shows it."""
        return await self._caller.result("task_stat", {"pid": pid})

    async def task_list(self, after: int = 0, limit: int = 100) -> Result:
        """proc(5): The tasks."""
        return await self._caller.result("task_list", {"after": after, "limit": limit})

    async def task_renew(self, ttl: int) -> int:
        """proc(5): Renew the caller's lease."""
        return (await self._caller.result("task_renew", {"ttl": ttl})).ret

    async def clone(self, flags: Flags = 0) -> Result:
        """clone(2): Make a child or a thread; returns its pid."""
        return await self._caller.result("clone", {"flags": flags})

    async def clone3(self, args: Struct) -> Result:
        """clone3(2): Make a child or a thread; returns its pid."""
        return await self._caller.result("clone3", {"args": args})

    async def wait4(self, pid: int = -1, options: Flags = 0) -> Result:
        """wait4(2): Wait for a child to end, and reap it; returns its pid."""
        return await self._caller.result("wait4", {"pid": pid, "options": options})

    async def waitid(self, idtype: int | str, id: int, options: Flags) -> Result:
        """waitid(2): Wait for a child to end, and reap it."""
        return await self._caller.result("waitid", {"idtype": idtype, "id": id, "options": options})

    async def exit(self, status: int = 0) -> int:
        """_exit(2): End the calling thread."""
        return (await self._caller.result("exit", {"status": status})).ret

    async def exit_group(self, status: int = 0) -> int:
        """exit_group(2): End the calling process."""
        return (await self._caller.result("exit_group", {"status": status})).ret

    async def execve(self, path: str) -> int:
        """execve(2): Become another program."""
        return (await self._caller.result("execve", {"path": path})).ret

    async def prctl(self, option: int | str, arg2: int | str = 0, arg3: int = 0) -> Result:
        """prctl(2): The small switches of a process."""
        return await self._caller.result("prctl", {"option": option, "arg2": arg2, "arg3": arg3})

    async def gettid(self) -> int:
        """gettid(2): The caller's thread id."""
        return (await self._caller.result("gettid", {})).ret

    async def getpgid(self, pid: int = 0) -> int:
        """getpgid(2): The process group of a process."""
        return (await self._caller.result("getpgid", {"pid": pid})).ret

    async def getpgrp(self) -> int:
        """getpgrp(2): The caller's process group."""
        return (await self._caller.result("getpgrp", {})).ret

    async def getsid(self, pid: int = 0) -> int:
        """getsid(2): The session of a process."""
        return (await self._caller.result("getsid", {"pid": pid})).ret

    async def setpgid(self, pid: int = 0, pgid: int = 0) -> int:
        """setpgid(2): Move a process into a group."""
        return (await self._caller.result("setpgid", {"pid": pid, "pgid": pgid})).ret

    async def setsid(self) -> int:
        """setsid(2): Make a session; returns its id."""
        return (await self._caller.result("setsid", {})).ret

    async def pidfd_open(self, pid: int, flags: Flags = 0) -> int:
        """pidfd_open(2): A descriptor of a process."""
        return (await self._caller.result("pidfd_open", {"pid": pid, "flags": flags})).ret

    async def pidfd_getfd(self, pidfd: int, targetfd: int, flags: int = 0) -> int:
        """pidfd_getfd(2): A descriptor of what another process has open."""
        return (await self._caller.result("pidfd_getfd", {"pidfd": pidfd, "targetfd": targetfd, "flags": flags})).ret

    async def pidfd_send_signal(self, pidfd: int, sig: int | str, info: Struct | None = None, flags: Flags = 0) -> int:
        """pidfd_send_signal(2): Signal the process of a descriptor."""
        return (await self._caller.result("pidfd_send_signal", {"pidfd": pidfd, "sig": sig, "info": info, "flags": flags})).ret

    async def getuid(self) -> int:
        """getuid(2): The real uid."""
        return (await self._caller.result("getuid", {})).ret

    async def geteuid(self) -> int:
        """geteuid(2): The effective uid."""
        return (await self._caller.result("geteuid", {})).ret

    async def getgid(self) -> int:
        """getgid(2): The real gid."""
        return (await self._caller.result("getgid", {})).ret

    async def getegid(self) -> int:
        """getegid(2): The effective gid."""
        return (await self._caller.result("getegid", {})).ret

    async def getresuid(self) -> Result:
        """getresuid(2): Real, effective and saved uid."""
        return await self._caller.result("getresuid", {})

    async def getresgid(self) -> Result:
        """getresgid(2): Real, effective and saved gid."""
        return await self._caller.result("getresgid", {})

    async def getgroups(self) -> Result:
        """getgroups(2): The supplementary groups; returns how many."""
        return await self._caller.result("getgroups", {})

    async def setuid(self, uid: int) -> int:
        """setuid(2): Set the effective uid, or all."""
        return (await self._caller.result("setuid", {"uid": uid})).ret

    async def setgid(self, gid: int) -> int:
        """setgid(2): Set the effective gid, or all."""
        return (await self._caller.result("setgid", {"gid": gid})).ret

    async def setreuid(self, ruid: int, euid: int) -> int:
        """setreuid(2): Set real and effective uid."""
        return (await self._caller.result("setreuid", {"ruid": ruid, "euid": euid})).ret

    async def setregid(self, rgid: int, egid: int) -> int:
        """setregid(2): Set real and effective gid."""
        return (await self._caller.result("setregid", {"rgid": rgid, "egid": egid})).ret

    async def setresuid(self, ruid: int, euid: int, suid: int) -> int:
        """setresuid(2): Set real, effective and saved uid."""
        return (await self._caller.result("setresuid", {"ruid": ruid, "euid": euid, "suid": suid})).ret

    async def setresgid(self, rgid: int, egid: int, sgid: int) -> int:
        """setresgid(2): Set real, effective and saved gid."""
        return (await self._caller.result("setresgid", {"rgid": rgid, "egid": egid, "sgid": sgid})).ret

    async def setgroups(self, groups: Sequence[int]) -> int:
        """setgroups(2): Set the supplementary groups."""
        return (await self._caller.result("setgroups", {"groups": groups})).ret

    async def setfsuid(self, uid: int) -> int:
        """setfsuid(2): Set the uid of file access; returns the old one."""
        return (await self._caller.result("setfsuid", {"uid": uid})).ret

    async def setfsgid(self, gid: int) -> int:
        """setfsgid(2): Set the gid of file access; returns the old one."""
        return (await self._caller.result("setfsgid", {"gid": gid})).ret

    async def capget(self, pid: int = 0) -> Result:
        """capget(2): The capabilities of a task."""
        return await self._caller.result("capget", {"pid": pid})

    async def capset(self, effective: Flags, permitted: Flags, inheritable: Flags) -> int:
        """capset(2): Set the caller's capabilities."""
        return (await self._caller.result("capset", {"effective": effective, "permitted": permitted, "inheritable": inheritable})).ret

    async def unshare(self, flags: Flags) -> int:
        """unshare(2): Move to new namespaces."""
        return (await self._caller.result("unshare", {"flags": flags})).ret

    async def setns(self, fd: int, nstype: Flags = 0) -> int:
        """setns(2): Enter a namespace, or several of a process."""
        return (await self._caller.result("setns", {"fd": fd, "nstype": nstype})).ret

    async def ioctl(self, fd: int, cmd: int | str, arg: int = 0) -> Result:
        """ioctl_nsfs(2): Ask a descriptor of a namespace or of a process."""
        return await self._caller.result("ioctl", {"fd": fd, "cmd": cmd, "arg": arg})

    async def sethostname(self, name: str) -> int:
        """sethostname(2): Set the host name."""
        return (await self._caller.result("sethostname", {"name": name})).ret

    async def setdomainname(self, name: str) -> int:
        """setdomainname(2): Set the domain name."""
        return (await self._caller.result("setdomainname", {"name": name})).ret

    async def uname(self) -> Result:
        """uname(2): The names of the system."""
        return await self._caller.result("uname", {})

    async def clock_gettime(self, clockid: int) -> Result:
        """clock_gettime(2): The time on a clock."""
        return await self._caller.result("clock_gettime", {"clockid": clockid})

    async def proc_ns_open(self, pid: int, name: str) -> int:
        """namespaces(7): Open /proc/PID/ns/NAME; returns a descriptor."""
        return (await self._caller.result("proc_ns_open", {"pid": pid, "name": name})).ret

    async def proc_pid_read(self, pid: int, name: str) -> Result:
        """proc(5): Read a file of /proc/PID, or a link in its ns."""
        return await self._caller.result("proc_pid_read", {"pid": pid, "name": name})

    async def proc_pid_write(self, pid: int, name: str, text: str) -> int:
        """proc(5): Write a file of /proc/PID; returns how many bytes."""
        return (await self._caller.result("proc_pid_write", {"pid": pid, "name": name, "text": text})).ret

    async def sysctl(self, name: str, value: int | None = None) -> Result:
        """proc(5): Read and write a number of a namespace."""
        return await self._caller.result("sysctl", {"name": name, "value": value})

    async def ns_list(self, type: str | None = None, after: int = 0, limit: int = 100) -> Result:
        """namespaces(7): The namespaces that the caller may see."""
        return await self._caller.result("ns_list", {"type": type, "after": after, "limit": limit})

    async def ns_stat(self, inum: int) -> Result:
        """namespaces(7): A namespace."""
        return await self._caller.result("ns_stat", {"inum": inum})

    async def ns_open(self, inum: int) -> int:
        """namespaces(7): Open a namespace by its number; returns a descriptor."""
        return (await self._caller.result("ns_open", {"inum": inum})).ret

    async def ns_pin(self, inum: int, pinned: bool) -> int:
        """namespaces(7): Keep a namespace without tasks in it, or no more."""
        return (await self._caller.result("ns_pin", {"inum": inum, "pinned": pinned})).ret

    async def ns_sysctl(self, inum: int, name: str, value: int) -> int:
        """proc(5): Write a number of a namespace from outside."""
        return (await self._caller.result("ns_sysctl", {"inum": inum, "name": name, "value": value})).ret

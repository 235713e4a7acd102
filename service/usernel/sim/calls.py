"""Every system call, as a method of a task in process. Made by `python -m usernel.cli.stubs` from the table of system calls."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from usernel.kernel.call import Return

Data = bytes | str
Flags = int | str | Sequence[int | str]
Struct = Mapping[str, Any] | tuple[Any, ...]


class Calls:
    """Typed system calls. They raise KernelError, and ``WouldSleep`` where they would sleep."""

    __slots__ = ()

    @abstractmethod
    def call(self, name: str, /, *args: Any, **named: Any) -> Any:
        """Call by name."""

    def msgget(self, key: int | str, msgflg: Flags = 0, durability: int | str | None = None) -> int:
        """msgget(2): Find or make the queue of a key; returns its id."""
        return int(self.call("msgget", key, msgflg, durability))

    def msgsnd(self, msqid: int, mtype: int, data: Data, msgsz: int | None = None, msgflg: Flags = 0) -> int:
        """msgsnd(2): Put a message into a queue, waiting for room."""
        return int(self.call("msgsnd", msqid, mtype, data, msgsz, msgflg))

    def msgrcv(self, msqid: int, msgsz: int | None = None, msgtyp: int = 0, msgflg: Flags = 0) -> Return:
        """msgrcv(2): Take a message out of a queue, waiting for one; returns its length."""
        result: Return = self.call("msgrcv", msqid, msgsz, msgtyp, msgflg)
        return result

    def msgctl(self, msqid: int, cmd: int | str, buf: Struct | None = None) -> Return:
        """msgctl(2): Look at a queue, change it, remove it."""
        result: Return = self.call("msgctl", msqid, cmd, buf)
        return result

    def msgsnd_batch(self, msqid: int, messages: Sequence[tuple[int, Data]], msgflg: Flags = 0) -> int:
        """sendmmsg(2): Many msgsnd as one call; returns how many went."""
        return int(self.call("msgsnd_batch", msqid, messages, msgflg))

    def msgrcv_batch(self, msqid: int, max: int, msgsz: int | None = None, msgtyp: int = 0, msgflg: Flags = 0) -> Return:
        """recvmmsg(2): Wait for a message and take up to max; returns how many came."""
        result: Return = self.call("msgrcv_batch", msqid, max, msgsz, msgtyp, msgflg)
        return result

    def msg_peek(self, msqid: int, after: int = 0, limit: int = 100) -> Return:
        """msgrcv(2): Look at a queue's messages without receiving."""
        result: Return = self.call("msg_peek", msqid, after, limit)
        return result

    def msg_stat(self, msqid: int) -> Return:
        """msgctl(2): A queue by its id."""
        result: Return = self.call("msg_stat", msqid)
        return result

    def msg_list(self, after: int = -1, limit: int = 100) -> Return:
        """msgctl(2): The queues of the namespace."""
        result: Return = self.call("msg_list", after, limit)
        return result

    def proc_sysvipc_msg(self) -> Return:
        """sysvipc(7): The text of /proc/sysvipc/msg."""
        result: Return = self.call("proc_sysvipc_msg")
        return result

    def mq_open(self, name: str, oflag: Flags = 0, mode: int | str = 0, attr: Struct | None = None, durability: int | str | None = None) -> int:
        """mq_open(3): Open or make a queue; returns a descriptor."""
        return int(self.call("mq_open", name, oflag, mode, attr, durability))

    def mq_unlink(self, name: str) -> int:
        """mq_unlink(3): Take a queue's name away; it ends with its last descriptor."""
        return int(self.call("mq_unlink", name))

    def mq_timedsend(self, mqdes: int, data: Data, msg_len: int | None = None, msg_prio: int = 0, abs_timeout: Struct | None = None) -> int:
        """mq_timedsend(3): Put a message into a queue, waiting for room."""
        return int(self.call("mq_timedsend", mqdes, data, msg_len, msg_prio, abs_timeout))

    def mq_timedreceive(self, mqdes: int, msg_len: int | None = None, abs_timeout: Struct | None = None) -> Return:
        """mq_timedreceive(3): Take the oldest of the most urgent messages; returns its length."""
        result: Return = self.call("mq_timedreceive", mqdes, msg_len, abs_timeout)
        return result

    def mq_notify(self, mqdes: int, notification: Struct | None = None) -> int:
        """mq_notify(3): Ask to be told once of a message in the empty queue; null takes that back."""
        return int(self.call("mq_notify", mqdes, notification))

    def mq_getsetattr(self, mqdes: int, newattr: Struct | None = None) -> Return:
        """mq_getattr(3): Read a queue's attributes, and set O_NONBLOCK."""
        result: Return = self.call("mq_getsetattr", mqdes, newattr)
        return result

    def mq_timedsend_batch(self, mqdes: int, messages: Sequence[tuple[int, Data]], abs_timeout: Struct | None = None) -> int:
        """sendmmsg(2): Many mq_timedsend as one call; returns how many went."""
        return int(self.call("mq_timedsend_batch", mqdes, messages, abs_timeout))

    def mq_timedreceive_batch(self, mqdes: int, max: int, abs_timeout: Struct | None = None) -> Return:
        """recvmmsg(2): Wait for a message and take up to max; returns how many came."""
        result: Return = self.call("mq_timedreceive_batch", mqdes, max, abs_timeout)
        return result

    def mq_peek(self, mqdes: int, after: int = 0, limit: int = 100) -> Return:
        """mq_overview(7): Look at a queue's messages without receiving."""
        result: Return = self.call("mq_peek", mqdes, after, limit)
        return result

    def mq_list(self, after: str = '', limit: int = 100) -> Return:
        """mq_overview(7): The queues of the namespace."""
        result: Return = self.call("mq_list", after, limit)
        return result

    def mq_stat(self, name: str) -> Return:
        """mq_overview(7): A queue by its name."""
        result: Return = self.call("mq_stat", name)
        return result

    def read(self, fd: int, count: int = 80) -> Return:
        """read(2): Read a queue's status line; returns how many bytes."""
        result: Return = self.call("read", fd, count)
        return result

    def close(self, fd: int) -> int:
        """close(2): Close a descriptor."""
        return int(self.call("close", fd))

    def dup(self, fd: int) -> int:
        """dup(2): Another descriptor of the same open file."""
        return int(self.call("dup", fd))

    def dup2(self, oldfd: int, newfd: int) -> int:
        """dup(2): Another descriptor, by its number, of the same open file."""
        return int(self.call("dup2", oldfd, newfd))

    def dup3(self, oldfd: int, newfd: int, flags: Flags = 0) -> int:
        """dup(2): The same, and close-on-exec if wanted."""
        return int(self.call("dup3", oldfd, newfd, flags))

    def fcntl(self, fd: int, cmd: int | str, arg: int = 0) -> int:
        """fcntl(2): Duplicate a descriptor, read and set its flags."""
        return int(self.call("fcntl", fd, cmd, arg))

    def fstat(self, fd: int) -> Return:
        """fstat(2): Status of an open file."""
        result: Return = self.call("fstat", fd)
        return result

    def poll(self, fds: Sequence[Struct], timeout: int = -1) -> Return:
        """poll(2): Wait until a descriptor is ready; returns how many are."""
        result: Return = self.call("poll", fds, timeout)
        return result

    def io_uring_setup(self, entries: int, params: Struct | None = None) -> Return:
        """io_uring_setup(2): Make a ring; returns its descriptor."""
        result: Return = self.call("io_uring_setup", entries, params)
        return result

    def io_uring_enter(self, fd: int, to_submit: int | None = None, min_complete: int = 0, flags: Flags = 0, sqes: Sequence[Struct] = (), timeout: Struct | None = None) -> Return:
        """io_uring_enter(2): Submit to a ring and wait for completions, which are taken; returns how many submissions were taken."""
        result: Return = self.call("io_uring_enter", fd, to_submit, min_complete, flags, sqes, timeout)
        return result

    def io_uring_register(self, fd: int, opcode: int | str, arg: Any | None = None, nr_args: int | None = None) -> Return:
        """io_uring_register(2): Register something with a ring, or ask what it can do."""
        result: Return = self.call("io_uring_register", fd, opcode, arg, nr_args)
        return result

    def io_uring_list(self, after: int = -1, limit: int = 100) -> Return:
        """io_uring(7): The rings of the task."""
        result: Return = self.call("io_uring_list", after, limit)
        return result

    def io_uring_stat(self, fd: int) -> Return:
        """io_uring(7): A ring."""
        result: Return = self.call("io_uring_stat", fd)
        return result

    def kill(self, pid: int, sig: int | str) -> int:
        """kill(2): Send a signal to tasks."""
        return int(self.call("kill", pid, sig))

    def tgkill(self, tgid: int, tid: int, sig: int | str) -> int:
        """tgkill(2): Send a signal to a thread."""
        return int(self.call("tgkill", tgid, tid, sig))

    def rt_sigqueueinfo(self, pid: int, sig: int | str, info: Struct) -> int:
        """rt_sigqueueinfo(2): Send a signal with a value."""
        return int(self.call("rt_sigqueueinfo", pid, sig, info))

    def rt_sigaction(self, signum: int | str, act: Struct | None = None) -> Return:
        """sigaction(2): Read and set what a signal does."""
        result: Return = self.call("rt_sigaction", signum, act)
        return result

    def rt_sigprocmask(self, how: int | str = 0, set: Sequence[int | str] | None = None) -> Return:
        """sigprocmask(2): Read and change the signals that are blocked."""
        result: Return = self.call("rt_sigprocmask", how, set)
        return result

    def rt_sigpending(self) -> Return:
        """sigpending(2): The signals that wait because they are blocked."""
        result: Return = self.call("rt_sigpending")
        return result

    def rt_sigtimedwait(self, set: Sequence[int | str], timeout: Struct | None = None) -> Return:
        """sigtimedwait(2): Take a signal, waiting for one; returns its number."""
        result: Return = self.call("rt_sigtimedwait", set, timeout)
        return result

    def getpid(self) -> int:
        """getpid(2): The caller's pid."""
        return int(self.call("getpid"))

    def getppid(self) -> int:
        """getppid(2): The pid of the caller's parent."""
        return int(self.call("getppid"))

    def umask(self, mask: int | str) -> int:
        """umask(2): Set the mode bits that new queues lack; returns the old ones."""
        return int(self.call("umask", mask))

    def getpriority(self, which: int | str, who: int = 0) -> int:
        """getpriority(2): The priority of tasks, as 20 - nice."""
        return int(self.call("getpriority", which, who))

    def setpriority(self, which: int | str, who: int, prio: int) -> int:
        """setpriority(2): Set the nice value of tasks."""
        return int(self.call("setpriority", which, who, prio))

    def prlimit64(self, pid: int, resource: int | str, new_limit: Struct | None = None) -> Return:
        """prlimit(2): Read and set a task's limit."""
        result: Return = self.call("prlimit64", pid, resource, new_limit)
        return result

    def fork(self, uid: int | None = None, gid: int | None = None, groups: Sequence[int] | None = None, cap: Sequence[int | str] | None = None, comm: str | None = None, unshare: Flags = 0, ttl: int | None = None, daemon: bool = False, setsid: bool = False, close_fds: bool = False, pdeathsig: int | str = 0, autoreap: bool = False, share_fds: bool = False) -> int:
        """fork(2): Make a child with credentials and namespaces of its own; returns its pid."""
        return int(self.call("fork", uid, gid, groups, cap, comm, unshare, ttl, daemon, setsid, close_fds, pdeathsig, autoreap, share_fds))

    def task_stat(self, pid: int = 0) -> Return:
        """proc(5): A task as /proc/[pid] shows it."""
        result: Return = self.call("task_stat", pid)
        return result

    def task_list(self, after: int = 0, limit: int = 100) -> Return:
        """proc(5): The tasks."""
        result: Return = self.call("task_list", after, limit)
        return result

    def task_renew(self, ttl: int) -> int:
        """proc(5): Renew the caller's lease."""
        return int(self.call("task_renew", ttl))

    def clone(self, flags: Flags = 0) -> Return:
        """clone(2): Make a child or a thread; returns its pid."""
        result: Return = self.call("clone", flags)
        return result

    def clone3(self, args: Struct) -> Return:
        """clone3(2): Make a child or a thread; returns its pid."""
        result: Return = self.call("clone3", args)
        return result

    def wait4(self, pid: int = -1, options: Flags = 0) -> Return:
        """wait4(2): Wait for a child to end, and reap it; returns its pid."""
        result: Return = self.call("wait4", pid, options)
        return result

    def waitid(self, idtype: int | str, id: int, options: Flags) -> Return:
        """waitid(2): Wait for a child to end, and reap it."""
        result: Return = self.call("waitid", idtype, id, options)
        return result

    def exit(self, status: int = 0) -> int:
        """_exit(2): End the calling thread."""
        return int(self.call("exit", status))

    def exit_group(self, status: int = 0) -> int:
        """exit_group(2): End the calling process."""
        return int(self.call("exit_group", status))

    def execve(self, path: str) -> int:
        """execve(2): Become another program."""
        return int(self.call("execve", path))

    def prctl(self, option: int | str, arg2: int | str = 0, arg3: int = 0) -> Return:
        """prctl(2): The small switches of a process."""
        result: Return = self.call("prctl", option, arg2, arg3)
        return result

    def gettid(self) -> int:
        """gettid(2): The caller's thread id."""
        return int(self.call("gettid"))

    def getpgid(self, pid: int = 0) -> int:
        """getpgid(2): The process group of a process."""
        return int(self.call("getpgid", pid))

    def getpgrp(self) -> int:
        """getpgrp(2): The caller's process group."""
        return int(self.call("getpgrp"))

    def getsid(self, pid: int = 0) -> int:
        """getsid(2): The session of a process."""
        return int(self.call("getsid", pid))

    def setpgid(self, pid: int = 0, pgid: int = 0) -> int:
        """setpgid(2): Move a process into a group."""
        return int(self.call("setpgid", pid, pgid))

    def setsid(self) -> int:
        """setsid(2): Make a session; returns its id."""
        return int(self.call("setsid"))

    def pidfd_open(self, pid: int, flags: Flags = 0) -> int:
        """pidfd_open(2): A descriptor of a process."""
        return int(self.call("pidfd_open", pid, flags))

    def pidfd_getfd(self, pidfd: int, targetfd: int, flags: int = 0) -> int:
        """pidfd_getfd(2): A descriptor of what another process has open."""
        return int(self.call("pidfd_getfd", pidfd, targetfd, flags))

    def pidfd_send_signal(self, pidfd: int, sig: int | str, info: Struct | None = None, flags: Flags = 0) -> int:
        """pidfd_send_signal(2): Signal the process of a descriptor."""
        return int(self.call("pidfd_send_signal", pidfd, sig, info, flags))

    def getuid(self) -> int:
        """getuid(2): The real uid."""
        return int(self.call("getuid"))

    def geteuid(self) -> int:
        """geteuid(2): The effective uid."""
        return int(self.call("geteuid"))

    def getgid(self) -> int:
        """getgid(2): The real gid."""
        return int(self.call("getgid"))

    def getegid(self) -> int:
        """getegid(2): The effective gid."""
        return int(self.call("getegid"))

    def getresuid(self) -> Return:
        """getresuid(2): Real, effective and saved uid."""
        result: Return = self.call("getresuid")
        return result

    def getresgid(self) -> Return:
        """getresgid(2): Real, effective and saved gid."""
        result: Return = self.call("getresgid")
        return result

    def getgroups(self) -> Return:
        """getgroups(2): The supplementary groups; returns how many."""
        result: Return = self.call("getgroups")
        return result

    def setuid(self, uid: int) -> int:
        """setuid(2): Set the effective uid, or all."""
        return int(self.call("setuid", uid))

    def setgid(self, gid: int) -> int:
        """setgid(2): Set the effective gid, or all."""
        return int(self.call("setgid", gid))

    def setreuid(self, ruid: int, euid: int) -> int:
        """setreuid(2): Set real and effective uid."""
        return int(self.call("setreuid", ruid, euid))

    def setregid(self, rgid: int, egid: int) -> int:
        """setregid(2): Set real and effective gid."""
        return int(self.call("setregid", rgid, egid))

    def setresuid(self, ruid: int, euid: int, suid: int) -> int:
        """setresuid(2): Set real, effective and saved uid."""
        return int(self.call("setresuid", ruid, euid, suid))

    def setresgid(self, rgid: int, egid: int, sgid: int) -> int:
        """setresgid(2): Set real, effective and saved gid."""
        return int(self.call("setresgid", rgid, egid, sgid))

    def setgroups(self, groups: Sequence[int]) -> int:
        """setgroups(2): Set the supplementary groups."""
        return int(self.call("setgroups", groups))

    def setfsuid(self, uid: int) -> int:
        """setfsuid(2): Set the uid of file access; returns the old one."""
        return int(self.call("setfsuid", uid))

    def setfsgid(self, gid: int) -> int:
        """setfsgid(2): Set the gid of file access; returns the old one."""
        return int(self.call("setfsgid", gid))

    def capget(self, pid: int = 0) -> Return:
        """capget(2): The capabilities of a task."""
        result: Return = self.call("capget", pid)
        return result

    def capset(self, effective: Flags, permitted: Flags, inheritable: Flags) -> int:
        """capset(2): Set the caller's capabilities."""
        return int(self.call("capset", effective, permitted, inheritable))

    def unshare(self, flags: Flags) -> int:
        """unshare(2): Move to new namespaces."""
        return int(self.call("unshare", flags))

    def setns(self, fd: int, nstype: Flags = 0) -> int:
        """setns(2): Enter a namespace, or several of a process."""
        return int(self.call("setns", fd, nstype))

    def ioctl(self, fd: int, cmd: int | str, arg: int = 0) -> Return:
        """ioctl_nsfs(2): Ask a descriptor of a namespace or of a process."""
        result: Return = self.call("ioctl", fd, cmd, arg)
        return result

    def sethostname(self, name: str) -> int:
        """sethostname(2): Set the host name."""
        return int(self.call("sethostname", name))

    def setdomainname(self, name: str) -> int:
        """setdomainname(2): Set the domain name."""
        return int(self.call("setdomainname", name))

    def uname(self) -> Return:
        """uname(2): The names of the system."""
        result: Return = self.call("uname")
        return result

    def clock_gettime(self, clockid: int) -> Return:
        """clock_gettime(2): The time on a clock."""
        result: Return = self.call("clock_gettime", clockid)
        return result

    def proc_ns_open(self, pid: int, name: str) -> int:
        """namespaces(7): Open /proc/PID/ns/NAME; returns a descriptor."""
        return int(self.call("proc_ns_open", pid, name))

    def proc_pid_read(self, pid: int, name: str) -> Return:
        """proc(5): Read a file of /proc/PID, or a link in its ns."""
        result: Return = self.call("proc_pid_read", pid, name)
        return result

    def proc_pid_write(self, pid: int, name: str, text: str) -> int:
        """proc(5): Write a file of /proc/PID; returns how many bytes."""
        return int(self.call("proc_pid_write", pid, name, text))

    def sysctl(self, name: str, value: int | None = None) -> Return:
        """proc(5): Read and write a number of a namespace."""
        result: Return = self.call("sysctl", name, value)
        return result

    def ns_list(self, type: str | None = None, after: int = 0, limit: int = 100) -> Return:
        """namespaces(7): The namespaces that the caller may see."""
        result: Return = self.call("ns_list", type, after, limit)
        return result

    def ns_stat(self, inum: int) -> Return:
        """namespaces(7): A namespace."""
        result: Return = self.call("ns_stat", inum)
        return result

    def ns_open(self, inum: int) -> int:
        """namespaces(7): Open a namespace by its number; returns a descriptor."""
        return int(self.call("ns_open", inum))

    def ns_pin(self, inum: int, pinned: bool) -> int:
        """namespaces(7): Keep a namespace without tasks in it, or no more."""
        return int(self.call("ns_pin", inum, pinned))

    def ns_sysctl(self, inum: int, name: str, value: int) -> int:
        """proc(5): Write a number of a namespace from outside."""
        return int(self.call("ns_sysctl", inum, name, value))

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

    def msgget(self, key: int | str, msgflg: Flags = 0) -> int:
        """msgget(2): Find or make the queue of a key; returns its id."""
        result: int = self.call("msgget", key, msgflg)
        return result

    def msgsnd(self, msqid: int, mtype: int, data: Data, msgsz: int | None = None, msgflg: Flags = 0) -> int:
        """msgsnd(2): Put a message into a queue, waiting for room."""
        result: int = self.call("msgsnd", msqid, mtype, data, msgsz, msgflg)
        return result

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
        result: int = self.call("msgsnd_batch", msqid, messages, msgflg)
        return result

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

    def mq_open(self, name: str, oflag: Flags = 0, mode: int | str = 0, attr: Struct | None = None) -> int:
        """mq_open(3): Open or make a queue; returns a descriptor."""
        result: int = self.call("mq_open", name, oflag, mode, attr)
        return result

    def mq_unlink(self, name: str) -> int:
        """mq_unlink(3): Take a queue's name away; it ends with its last descriptor."""
        result: int = self.call("mq_unlink", name)
        return result

    def mq_timedsend(self, mqdes: int, data: Data, msg_len: int | None = None, msg_prio: int = 0, abs_timeout: Struct | None = None) -> int:
        """mq_timedsend(3): Put a message into a queue, waiting for room."""
        result: int = self.call("mq_timedsend", mqdes, data, msg_len, msg_prio, abs_timeout)
        return result

    def mq_timedreceive(self, mqdes: int, msg_len: int | None = None, abs_timeout: Struct | None = None) -> Return:
        """mq_timedreceive(3): Take the oldest of the most urgent messages; returns its length."""
        result: Return = self.call("mq_timedreceive", mqdes, msg_len, abs_timeout)
        return result

    def mq_notify(self, mqdes: int, notification: Struct | None = None) -> int:
        """mq_notify(3): Ask to be told once of a message in the empty queue; null takes that back."""
        result: int = self.call("mq_notify", mqdes, notification)
        return result

    def mq_getsetattr(self, mqdes: int, newattr: Struct | None = None) -> Return:
        """mq_getattr(3): Read a queue's attributes, and set O_NONBLOCK."""
        result: Return = self.call("mq_getsetattr", mqdes, newattr)
        return result

    def mq_timedsend_batch(self, mqdes: int, messages: Sequence[tuple[int, Data]], abs_timeout: Struct | None = None) -> int:
        """sendmmsg(2): Many mq_timedsend as one call; returns how many went."""
        result: int = self.call("mq_timedsend_batch", mqdes, messages, abs_timeout)
        return result

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
        result: int = self.call("close", fd)
        return result

    def dup(self, fd: int) -> int:
        """dup(2): Another descriptor of the same open file."""
        result: int = self.call("dup", fd)
        return result

    def fstat(self, fd: int) -> Return:
        """fstat(2): Status of an open file."""
        result: Return = self.call("fstat", fd)
        return result

    def poll(self, fds: Sequence[Struct], timeout: int = -1) -> Return:
        """poll(2): Wait until a descriptor is ready; returns how many are."""
        result: Return = self.call("poll", fds, timeout)
        return result

    def kill(self, pid: int, sig: int | str) -> int:
        """kill(2): Send a signal to tasks."""
        result: int = self.call("kill", pid, sig)
        return result

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
        result: int = self.call("getpid")
        return result

    def getppid(self) -> int:
        """getppid(2): The pid of the caller's parent."""
        result: int = self.call("getppid")
        return result

    def umask(self, mask: int | str) -> int:
        """umask(2): Set the mode bits that new queues lack; returns the old ones."""
        result: int = self.call("umask", mask)
        return result

    def exit_group(self, status: int = 0) -> int:
        """exit_group(2): End the calling task."""
        result: int = self.call("exit_group", status)
        return result

    def getpriority(self, which: int | str, who: int = 0) -> int:
        """getpriority(2): The priority of tasks, as 20 - nice."""
        result: int = self.call("getpriority", which, who)
        return result

    def setpriority(self, which: int | str, who: int, prio: int) -> int:
        """setpriority(2): Set the nice value of tasks."""
        result: int = self.call("setpriority", which, who, prio)
        return result

    def prlimit64(self, pid: int, resource: int | str, new_limit: Struct | None = None) -> Return:
        """prlimit(2): Read and set a task's limit."""
        result: Return = self.call("prlimit64", pid, resource, new_limit)
        return result

    def unshare(self, flags: Flags) -> int:
        """unshare(2): Move to new namespaces."""
        result: int = self.call("unshare", flags)
        return result

    def fork(self, uid: int | None = None, gid: int | None = None, groups: Sequence[int] | None = None, cap: Sequence[int | str] | None = None, comm: str | None = None, unshare: Flags = 0, ttl: int | None = None, daemon: bool = False, setsid: bool = False, close_fds: bool = False, pdeathsig: int | str = 0) -> int:
        """fork(2): Make a child with credentials and namespaces of its own; returns its pid."""
        result: int = self.call("fork", uid, gid, groups, cap, comm, unshare, ttl, daemon, setsid, close_fds, pdeathsig)
        return result

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
        result: int = self.call("task_renew", ttl)
        return result

    def sysctl(self, name: str, value: int | None = None) -> Return:
        """proc(5): Read and write a limit of the IPC namespace."""
        result: Return = self.call("sysctl", name, value)
        return result

"""Descriptors: copies, their numbers and flags, and what a child shares with its parent."""

from __future__ import annotations

from ..linux import (
    F_DUPFD,
    F_DUPFD_CLOEXEC,
    F_GETFD,
    F_GETFL,
    F_SETFD,
    F_SETFL,
    FD_CLOEXEC,
    INT_MAX,
    O_CLOEXEC,
    O_CREAT,
    O_NONBLOCK,
    O_RDONLY,
    O_RDWR,
    O_WRONLY,
    RLIMIT_NOFILE,
)
from ..scenario import Task, World, case

ONE = {"mq_maxmsg": 2, "mq_msgsize": 8}


def queue(task: Task, name: str = "q", oflag: int = O_RDWR) -> int:
    """A descriptor of a queue."""
    opened = task.mq_open(name, O_CREAT | oflag, 0o600, ONE)
    assert opened.ret is not None
    return opened.ret


def flags(task: Task, fd: int) -> None:
    """Note a descriptor's flags and its open file's."""
    task.fcntl(fd, F_GETFD, 0)
    task.fcntl(fd, F_GETFL, 0)


@case
def copies_take_the_lowest_number(world: World) -> None:
    a = world.root
    queue(a)
    queue(a, "r")
    a.dup(0)
    a.close(0)
    a.dup(1)
    a.fcntl(1, F_DUPFD, 0)
    a.fcntl(1, F_DUPFD, 10)
    a.fcntl(1, F_DUPFD, 10)
    a.fcntl(1, F_DUPFD_CLOEXEC, 3)
    for fd in (0, 1, 2, 3, 10, 11, 4):
        flags(a, fd)


@case
def copy_to_a_number(world: World) -> None:
    a = world.root
    queue(a)
    queue(a, "r")
    a.dup2(0, 5)
    flags(a, 5)
    a.dup2(0, 0)
    flags(a, 0)
    a.dup2(0, 1)
    a.mq_timedsend(1, b"one")
    a.mq_timedreceive(5, 8)
    a.dup3(0, 6, O_CLOEXEC)
    flags(a, 6)
    a.dup3(0, 6, 0)
    flags(a, 6)


@case
def numbers_and_flags_that_are_none(world: World) -> None:
    a = world.root
    queue(a)
    for old, new in ((9, 1), (-1, 1), (0, -1), (0, 1024), (0, INT_MAX), (9, 9), (-1, -1), (9, -1)):
        a.dup2(old, new)
        a.dup3(old, new, 0)
    a.dup3(0, 0, 0)
    a.dup3(0, 0, O_CLOEXEC)
    a.dup3(0, 1, O_NONBLOCK)
    a.dup3(9, 9, O_NONBLOCK)
    a.dup3(0, 1, -1)
    a.dup2(0, 1023)


@case
def fcntl_rules(world: World) -> None:
    a = world.root
    queue(a)
    for cmd in (F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_DUPFD_CLOEXEC, 99):
        a.fcntl(9, cmd, 0)
    for arg in (-1, 1024, 1023, INT_MAX):
        a.fcntl(0, F_DUPFD, arg)
        a.fcntl(0, F_DUPFD_CLOEXEC, arg)
    for cmd in (-1, 99, 5000):
        a.fcntl(0, cmd, 0)
    for arg in (0, FD_CLOEXEC, 2, 3, -1):
        a.fcntl(0, F_SETFD, arg)
        a.fcntl(0, F_GETFD, 0)


@case
def descriptor_flags_are_each_descriptors_own(world: World) -> None:
    a = world.root
    queue(a)
    flags(a, 0)
    a.dup(0)
    a.fcntl(1, F_SETFD, FD_CLOEXEC)
    a.fcntl(0, F_SETFD, 0)
    flags(a, 0)
    flags(a, 1)


@case
def file_flags_are_shared_by_copies(world: World) -> None:
    a = world.root
    queue(a)
    a.dup(0)
    queue(a)
    a.fcntl(0, F_SETFL, O_NONBLOCK)
    for fd in (0, 1, 2):
        a.fcntl(fd, F_GETFL, 0)
        a.mq_getsetattr(fd)
    a.mq_timedreceive(1, 8)
    a.mq_getsetattr(1, {"mq_flags": 0})
    a.fcntl(0, F_GETFL, 0)


@case
def access_mode_stays(world: World) -> None:
    a = world.root
    queue(a)
    for fd, mode in ((1, O_RDONLY), (2, O_WRONLY), (3, O_RDWR | O_NONBLOCK)):
        a.mq_open("q", mode)
        flags(a, fd)
        for arg in (O_RDWR, O_NONBLOCK, O_CREAT | O_CLOEXEC, 0):
            a.fcntl(fd, F_SETFL, arg)
            a.fcntl(fd, F_GETFL, 0)


@case
def child_shares_the_open_file(world: World) -> None:
    a = world.root
    queue(a)
    b = a.child("b")
    b.fcntl(0, F_SETFL, O_NONBLOCK)
    a.fcntl(0, F_GETFL, 0)
    a.mq_timedreceive(0, 8)
    b.mq_open("q", O_RDWR)
    a.close(1)
    b.close(0)
    flags(a, 0)
    a.mq_timedsend(0, b"x")
    b.mq_timedreceive(1, 8)
    b.fcntl(1, F_GETFL, 0)


@case
def child_shares_the_table_with_clone_files(world: World) -> None:
    a = world.root
    queue(a)
    b = a.child("b", 0x400 | 17)
    b.dup(0)
    a.fcntl(1, F_GETFD, 0)
    a.close(0)
    b.fcntl(0, F_GETFD, 0)
    b.fcntl(1, F_GETFL, 0)


@case
def queue_lives_until_its_last_descriptor_is_closed(world: World) -> None:
    a = world.root
    queue(a)
    b = a.child("b")
    a.mq_unlink("q")
    a.dup2(0, 4)
    a.close(0)
    b.mq_timedsend(0, b"x")
    a.mq_timedreceive(4, 8)
    a.close(4)
    b.fstat(0)
    b.dup3(0, 7, 0)
    b.close(0)
    b.mq_timedsend(7, b"y")


@case
def copying_over_a_queue_takes_its_notification_away(world: World) -> None:
    a = world.root
    queue(a)
    queue(a, "r")
    b = a.child("b")
    a.mq_notify(0, {"sigev_notify": 1})
    b.mq_notify(0, {"sigev_notify": 1})
    a.dup2(1, 0)
    b.mq_notify(0, {"sigev_notify": 1})


@case
def numbers_end_at_the_limit(world: World) -> None:
    a = world.root
    queue(a)
    a.dup2(0, 7)
    a.prlimit64(0, RLIMIT_NOFILE, {"rlim_cur": 3, "rlim_max": 4096})
    a.dup(0)
    a.dup(7)
    a.dup(0)
    a.dup2(0, 3)
    a.dup2(0, 7)
    a.fcntl(0, F_DUPFD, 2)
    a.fcntl(0, F_DUPFD, 3)
    a.mq_open("q", O_RDWR)
    a.fcntl(7, F_GETFD, 0)

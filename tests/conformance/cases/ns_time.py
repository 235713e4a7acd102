"""Time namespaces: offsets, set before anybody enters."""

from __future__ import annotations

from ..linux import CLOCK_BOOTTIME, CLOCK_MONOTONIC, CLOCK_REALTIME, CLONE_NEWTIME, CLONE_NEWUSER
from ..scenario import World, case

CLOCKS = (CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME)


@case
def children_have_the_offsets(world: World) -> None:
    a = world.root
    for clock in CLOCKS:
        a.clock_gettime(clock)
    b = a.fork("b")
    b.unshare(CLONE_NEWTIME)
    b.proc_pid_write(0, "timens_offsets", "monotonic 6000 0\nboottime 12000 0\n")
    b.proc_pid_read(0, "timens_offsets")
    c = b.fork("c")
    for who in (a, b, c):
        for clock in CLOCKS:
            who.clock_gettime(clock)
        who.proc_pid_read(0, "ns/time")
        who.proc_pid_read(0, "ns/time_for_children")


@case
def frozen_once_entered(world: World) -> None:
    a = world.root
    a.proc_pid_read(0, "timens_offsets")
    a.proc_pid_write(0, "timens_offsets", "monotonic 6000 0")
    b = a.fork("b")
    b.unshare(CLONE_NEWTIME)
    b.proc_pid_write(0, "timens_offsets", "monotonic 6000 0")
    b.proc_pid_write(0, "timens_offsets", "monotonic 12000 0")
    c = b.fork("c")
    b.proc_pid_write(0, "timens_offsets", "monotonic 18000 0")
    c.proc_pid_write(0, "timens_offsets", "monotonic 18000 0")
    c.proc_pid_read(0, "timens_offsets")
    a.proc_pid_read(c, "timens_offsets")


@case
def spellings(world: World) -> None:
    a = world.root
    b = a.fork("b")
    b.unshare(CLONE_NEWTIME)
    for text in (
        "", "\n", "monotonic", "monotonic 1", "monotonic 1 2", "1 60 0", "7 60 0", "0 60 0", "2 60 0", "realtime 60 0",
        "boottime 120 5", "monotonic 60 999999999", "monotonic 60 1000000000", "monotonic 60 -1", "monotonic a 0",
        "monotonic 0 0 junk", " monotonic 3 0", "monotonic\t4\t0", "MONOTONIC 1 0", "monotonic 1 0\nboottime 2 0",
        "monotonic 7 0\nboottime junk", "monotonic 1 0\n\nboottime 3 0", "monotonic 8 0\nmonotonic 9 0",
        "monotonic 1 0\nboottime 2 0\nmonotonic 3 0", "monotonic 9223372036854775807 0", "monotonic 99999999999 0",
        "monotonic -99999999999 0", "boottime 4611686018 0", "boottime 9000000000 0", "monotonicx 1 0",
    ):  # fmt: skip
        b.proc_pid_write(0, "timens_offsets", text)
        b.proc_pid_read(0, "timens_offsets")


@case
def who_may_write(world: World) -> None:
    a = world.root
    b = a.fork("b")
    b.unshare(CLONE_NEWTIME)
    for caps in ([], ["CAP_SYS_ADMIN"], ["CAP_SYS_TIME"]):
        a.fork("+".join(caps) or "none", cap=caps).proc_pid_write(b, "timens_offsets", "monotonic 60 0")
    plain = a.fork("plain", uid=1000, gid=1000)
    plain.proc_pid_write(b, "timens_offsets", "monotonic 60 0")
    plain.unshare(CLONE_NEWUSER)
    plain.unshare(CLONE_NEWTIME)
    plain.proc_pid_write(0, "timens_offsets", "monotonic 60 0")
    plain.proc_pid_read(0, "timens_offsets")


@case
def offsets_are_copied_to_the_next(world: World) -> None:
    a = world.root
    for clock in CLOCKS:
        a.clock_gettime(clock)
    b = a.fork("b")
    b.unshare(CLONE_NEWTIME)
    b.proc_pid_write(0, "timens_offsets", "monotonic 6000 0")
    c = b.fork("c")
    c.unshare(CLONE_NEWTIME)
    c.proc_pid_read(0, "timens_offsets")
    c.proc_pid_write(0, "timens_offsets", "boottime 12000 0")
    d = c.fork("d")
    for clock in CLOCKS:
        d.clock_gettime(clock)
    d.proc_pid_read(0, "timens_offsets")


@case
def entering(world: World) -> None:
    a = world.root
    for clock in CLOCKS:
        a.clock_gettime(clock)
    b = a.fork("b")
    b.unshare(CLONE_NEWTIME)
    b.proc_pid_write(0, "timens_offsets", "monotonic 6000 0")
    c = a.fork("c")
    c.setns(c.proc_ns_open(b, "time_for_children").ret, CLONE_NEWTIME)
    for clock in CLOCKS:
        c.clock_gettime(clock)
    c.proc_pid_read(0, "ns/time")
    c.proc_pid_read(0, "ns/time_for_children")
    c.proc_pid_write(0, "timens_offsets", "monotonic 12000 0")
    b.proc_pid_write(0, "timens_offsets", "monotonic 12000 0")
    b.setns(b.proc_ns_open(a, "time").ret, 0)
    b.proc_pid_read(0, "ns/time_for_children")


@case
def clocks_that_are_none(world: World) -> None:
    a = world.root
    for clock in (99, 16, -1, 1 << 20):
        a.clock_gettime(clock)

"""mq_open(2) and mq_unlink(2): names, as the raw system calls take them (without the slash)."""

from __future__ import annotations

from ..linux import O_CREAT, O_EXCL, O_RDWR
from ..scenario import World, case

NAMES = ("", ".", "..", "/x", "a/b", "x/", "/", " ", "..x", "x" * 254, "x" * 255, "x" * 256, "x" * 4094)
LONG_NAMES = ("x" * 4095, "x" * 4096, "x/" + "y" * 300, "y" * 300 + "/x", "./x", "a/" * 2048)


@case
def names_to_make(world: World) -> None:
    a = world.root
    for name in NAMES + LONG_NAMES:
        fd = a.mq_open(name, O_CREAT | O_RDWR, 0o600, {"mq_maxmsg": 1, "mq_msgsize": 1}).ret
        if fd is not None:
            a.close(fd)


@case
def names_to_find(world: World) -> None:
    for name in NAMES + LONG_NAMES:
        world.root.mq_open(name, O_RDWR)


@case
def names_to_unlink(world: World) -> None:
    for name in NAMES + LONG_NAMES:
        world.root.mq_unlink(name)


@case
def names_of_many_bytes_in_few_characters(world: World) -> None:
    a = world.root
    for name in ("\u00e9" * 127, "\u00e9" * 127 + "x", "\u00e9" * 128, "\U0001f600" * 63 + "abc", "\U0001f600" * 64):
        fd = a.mq_open(name, O_CREAT | O_RDWR, 0o600, {"mq_maxmsg": 1, "mq_msgsize": 1}).ret
        if fd is not None:
            a.close(fd)
            a.mq_unlink(name)


@case
def names_are_kept_apart_by_every_byte(world: World) -> None:
    a = world.root
    for name in ("q", "Q", "q ", " q", "q\n", "q.", "..."):
        a.mq_open(name, O_CREAT | O_EXCL | O_RDWR, 0o600, {"mq_maxmsg": 1, "mq_msgsize": 1})
    for name in ("q", "Q", "q ", " q", "q\n", "q.", "..."):
        a.mq_unlink(name)
    a.mq_unlink("q")


@case
def system_v_and_posix_are_apart(world: World) -> None:
    a = world.root
    a.mq_open("1", O_CREAT | O_RDWR, 0o600, {"mq_maxmsg": 1, "mq_msgsize": 1})
    a.msgget(1)
    a.proc_sysvipc_msg()


@case
def namespaces_have_their_own_names(world: World) -> None:
    a = world.root
    fd = a.mq_open("q", O_CREAT | O_RDWR, 0o600, {"mq_maxmsg": 1, "mq_msgsize": 5}).ret
    b = a.fork("b", unshare=0x08000000)
    b.mq_open("q", O_RDWR)
    b.mq_unlink("q")
    b.mq_timedsend(fd, b"hello")
    a.mq_timedreceive(fd, 5)
    b.mq_open("q", O_CREAT | O_EXCL | O_RDWR, 0o600, {"mq_maxmsg": 1, "mq_msgsize": 5})
    a.unshare(0x08000000)
    a.mq_open("q", O_RDWR)
    a.mq_getsetattr(fd)

"""Who may open and unlink a POSIX queue."""

from __future__ import annotations

from ..linux import O_ACCMODE, O_CREAT, O_EXCL, O_RDONLY, O_RDWR, O_WRONLY
from ..scenario import World, case

SMALL = {"mq_maxmsg": 1, "mq_msgsize": 1}


@case
def each_triad_decides_for_its_own(world: World) -> None:
    a = world.root
    a.umask(0)
    owner = a.fork("owner", uid=1000, gid=1000)
    others = [a.fork("group", uid=1001, gid=1000), a.fork("other", uid=1002, gid=1002)]
    others.append(a.fork("member", uid=1003, gid=1003, groups=[1000]))
    for mode in (0o400, 0o200, 0o600, 0o040, 0o020, 0o060, 0o004, 0o002, 0o006, 0o066, 0o111):
        owner.close(owner.mq_open(f"{mode:o}", O_CREAT | O_RDWR, mode, SMALL).ret)
        for who in (owner, *others):
            for flags in (O_RDONLY, O_WRONLY, O_RDWR):
                fd = who.mq_open(f"{mode:o}", flags).ret
                if fd is not None:
                    who.close(fd)


@case
def capabilities_over_mode_bits(world: World) -> None:
    a = world.root
    b = a.fork("b", uid=1000, gid=1000)
    b.mq_open("q", O_CREAT | O_RDWR, 0, SMALL)
    for cap in ("CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_IPC_OWNER", "CAP_SYS_ADMIN"):
        who = a.fork(cap, uid=1001, gid=1001, cap=[cap])
        for flags in (O_RDONLY, O_WRONLY, O_RDWR):
            who.mq_open("q", flags)
    a.mq_open("q", O_RDWR)


@case
def refusals_have_an_order(world: World) -> None:
    a = world.root
    a.mq_open("q", O_CREAT | O_RDWR, 0o600, SMALL)
    b = a.fork("b", uid=1000, gid=1000)
    b.mq_open("q", O_RDWR)
    b.mq_open("q", O_CREAT | O_RDWR, 0o600, SMALL)
    b.mq_open("q", O_CREAT | O_EXCL | O_RDWR, 0o600, SMALL)
    b.mq_open("q", O_ACCMODE)
    b.mq_open("q", O_CREAT | O_RDWR, 0o600, {"mq_maxmsg": 0, "mq_msgsize": 0})


@case
def unlinking_wants_the_owner(world: World) -> None:
    a = world.root
    owner = a.fork("owner", uid=1000, gid=1000)
    group = a.fork("group", uid=1001, gid=1000)
    owner.mq_open("q", O_CREAT | O_RDWR, 0o666, SMALL)
    group.mq_unlink("q")
    for cap in ("CAP_DAC_OVERRIDE", "CAP_SYS_ADMIN"):
        a.fork(cap, uid=1001, gid=1001, cap=[cap]).mq_unlink("q")
    owner.mq_unlink("q")
    owner.mq_open("q", O_CREAT | O_RDWR, 0o666, SMALL)
    a.fork("fowner", uid=1001, gid=1001, cap=["CAP_FOWNER"]).mq_unlink("q")
    owner.mq_open("q", O_CREAT | O_RDWR, 0o666, SMALL)
    bare = a.fork("bare", cap=[])
    bare.mq_unlink("q")
    bare.mq_unlink("none")
    group.mq_unlink("none")


@case
def maker_of_the_namespace_may_unlink(world: World) -> None:
    a = world.root
    maker = a.fork("maker", uid=1000, gid=1000, cap=["CAP_SYS_ADMIN", "CAP_SETUID", "CAP_SETGID"])
    maker.unshare(0x08000000)
    other = maker.fork("other", uid=1001, gid=1001, cap=[])
    root = maker.fork("root", uid=0, gid=0, cap=[])
    plain = maker.fork("plain", uid=1000, gid=1000, cap=[])
    other.mq_open("q", O_CREAT | O_RDWR, 0o600, SMALL)
    root.mq_unlink("q")
    plain.mq_unlink("q")


@case
def queue_belongs_to_its_maker(world: World) -> None:
    a = world.root
    b = a.fork("b", uid=1000, gid=2000, groups=[3000])
    b.fstat(b.mq_open("q", O_CREAT | O_RDWR, 0o640, SMALL).ret)

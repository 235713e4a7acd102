"""UTS namespaces: host and domain names."""

from __future__ import annotations

from ..linux import CLONE_NEWUSER, CLONE_NEWUTS
from ..scenario import World, case


@case
def names_are_each_ones_own(world: World) -> None:
    a = world.root
    a.uname()
    b = a.fork("b", unshare=CLONE_NEWUTS)
    b.uname()
    b.sethostname("inner")
    b.setdomainname("example.org")
    b.uname()
    a.uname()
    c = b.fork("c", unshare=CLONE_NEWUTS)
    c.uname()
    b.sethostname("later")
    c.uname()


@case
def lengths(world: World) -> None:
    a = world.root
    for length in (0, 1, 63, 64, 65, 1000):
        a.sethostname("n" * length)
        a.setdomainname("d" * length)
        a.uname()
    a.sethostname("two words")
    a.sethostname("new\nline")
    a.uname()


@case
def names_want_a_capability(world: World) -> None:
    a = world.root
    b = a.fork("b", uid=1000, gid=1000)
    b.sethostname("x")
    b.setdomainname("x")
    b.sethostname("x" * 65)
    c = a.fork("c", uid=1000, gid=1000, cap=["CAP_SYS_ADMIN"])
    c.sethostname("x")
    b.unshare(CLONE_NEWUSER)
    b.sethostname("y")
    b.unshare(CLONE_NEWUTS)
    b.sethostname("y")
    b.uname()
    a.uname()


@case
def entering_shows_its_names(world: World) -> None:
    a = world.root
    b = a.fork("b", unshare=CLONE_NEWUTS)
    b.sethostname("inner")
    c = a.fork("c")
    c.setns(c.proc_ns_open(b, "uts").ret, CLONE_NEWUTS)
    c.uname()
    c.sethostname("both")
    b.uname()

"""uid_map, gid_map and setgroups: who may write what, once."""

from __future__ import annotations

from ..linux import CLONE_NEWUSER, SIGCHLD
from ..scenario import Task, World, case


def inside(world: World, name: str = "b") -> Task:
    """A user's task in a user namespace without maps."""
    task = world.root.fork(name, uid=1000, gid=1000)
    task.unshare(CLONE_NEWUSER)
    return task


@case
def a_new_map_is_empty(world: World) -> None:
    b = inside(world)
    for name in ("uid_map", "gid_map", "projid_map", "setgroups"):
        world.root.proc_pid_read(0, name)
        b.proc_pid_read(0, name)
        world.root.proc_pid_read(b, name)


@case
def as_each_reads_it(world: World) -> None:
    a = world.root
    b = inside(world)
    a.proc_pid_write(b, "uid_map", "0 1000 1\n10 2000 5\n100 0 1\n")
    a.proc_pid_write(b, "gid_map", "0 1000 1\n10 2000 5\n")
    c = b.fork("c")
    c.unshare(CLONE_NEWUSER)
    b.proc_pid_write(c, "uid_map", "5 0 1\n6 12 2\n")
    for who in (a, b, c):
        for task in (a, b, c):
            who.proc_pid_read(task, "uid_map")
            who.proc_pid_read(task, "gid_map")


@case
def spellings(world: World) -> None:
    a = world.root
    for number, line in enumerate((
        "", "\n", "0", "0 0", "0 0 0", "0 0 -1", "-1 0 1", "0 -1 1", "a 0 1", "0 0 1 junk", "0 0 1 ", " 0 0 1",
        "\t0\t0\t1\t", "0x10 0 1", "010 0 1", "0 0 1\n\n", "\n0 0 1", "0 0 1\n \n1 1 1", "0,0,1", "0 0 1x", "+0 0 1",
        "4294967295 0 1", "0 4294967295 1", "0 0 4294967295", "0 0 4294967296", "4294967294 0 1", "4294967294 0 2",
        "0 4294967294 2", "1 0 4294967295", "0 0 1\r", "0 0 1\n1 1 1", "0 0 1\0", "0  0  1", "99999999999999999999 0 1",
    )):  # fmt: skip
        b = inside(world, f"b{number}")
        a.proc_pid_write(b, "uid_map", line)
        a.proc_pid_read(b, "uid_map")


@case
def overlaps(world: World) -> None:
    a = world.root
    for number, lines in enumerate((
        "0 0 2\n1 10 1", "0 0 2\n2 1 1", "0 0 2\n2 2 1", "5 5 5\n0 0 6", "5 5 5\n0 0 5", "0 0 1\n0 0 1",
        "0 0 10\n3 20 2", "0 10 10\n20 15 1", "0 0 1\n2 2 1\n1 1 1",
    )):  # fmt: skip
        b = inside(world, f"b{number}")
        a.proc_pid_write(b, "uid_map", lines)
        a.proc_pid_read(b, "uid_map")


@case
def at_most_so_many_extents(world: World) -> None:
    a = world.root
    for count in (1, 4, 5, 6, 339, 340, 341):
        b = inside(world, f"b{count}")
        a.proc_pid_write(b, "uid_map", "".join(f"{2 * index} {2 * index} 1\n" for index in range(count)))
        found = a.proc_pid_read(b, "uid_map").out
        assert found is not None


@case
def at_most_a_page(world: World) -> None:
    a = world.root
    for length in (4095, 4096, 4097):
        b = inside(world, f"b{length}")
        a.proc_pid_write(b, "uid_map", "0 0 1".ljust(length))
        c = inside(world, f"c{length}")
        a.proc_pid_write(c, "setgroups", "deny".ljust(length))


@case
def once_only(world: World) -> None:
    a = world.root
    b = inside(world)
    for name in ("uid_map", "gid_map", "projid_map"):
        a.proc_pid_write(b, name, "junk")
        a.proc_pid_write(b, name, "0 0 1")
        a.proc_pid_write(b, name, "0 0 1")
        a.proc_pid_write(b, name, "1 1 1")
        a.proc_pid_read(b, name)
    a.proc_pid_write(a, "uid_map", "0 0 1")


@case
def a_user_maps_itself(world: World) -> None:
    for number, line in enumerate(("0 1000 1", "1000 1000 1", "0 0 1", "0 1001 1", "0 1000 2", "0 1000 1\n1 1001 1")):
        b = inside(world, f"b{number}")
        b.proc_pid_write(0, "uid_map", line)
        b.proc_pid_read(0, "uid_map")
        b.proc_pid_write(0, "projid_map", "0 5 1")


@case
def a_users_group_wants_setgroups_denied(world: World) -> None:
    b = inside(world)
    b.proc_pid_write(0, "gid_map", "0 1000 1")
    b.proc_pid_write(0, "setgroups", "deny")
    b.proc_pid_read(0, "setgroups")
    b.proc_pid_write(0, "gid_map", "0 1001 1")
    b.proc_pid_write(0, "gid_map", "0 1000 1")
    b.setgroups([])
    b.setgroups([0])
    b.proc_pid_write(0, "setgroups", "allow")
    b.proc_pid_write(0, "setgroups", "deny")


@case
def setgroups_spellings(world: World) -> None:
    for number, word in enumerate(
        ("", "deny", "deny\n", "deny \n\t", "denyx", "deny x", " deny", "allow", "allow\n", "ALLOW", "no", "allowdeny")
    ):
        b = inside(world, f"b{number}")
        b.proc_pid_write(0, "setgroups", word)
        b.proc_pid_read(0, "setgroups")


@case
def setgroups_cannot_be_taken_back(world: World) -> None:
    a = world.root
    b = inside(world)
    a.proc_pid_write(b, "setgroups", "allow")
    a.proc_pid_write(b, "setgroups", "deny")
    a.proc_pid_write(b, "setgroups", "allow")
    a.proc_pid_write(b, "setgroups", "deny")
    c = inside(world, "c")
    a.proc_pid_write(c, "gid_map", "0 1000 1")
    a.proc_pid_write(c, "setgroups", "deny")
    a.proc_pid_write(c, "setgroups", "allow")
    c.setgroups([0])
    a.proc_pid_write(a, "setgroups", "deny")
    a.proc_pid_read(a, "setgroups")


@case
def denial_is_inherited(world: World) -> None:
    b = inside(world)
    b.proc_pid_write(0, "setgroups", "deny")
    b.proc_pid_write(0, "uid_map", "0 1000 1")
    b.proc_pid_write(0, "gid_map", "0 1000 1")
    c = b.fork("c", unshare=CLONE_NEWUSER)
    c.proc_pid_read(0, "setgroups")
    c.proc_pid_write(0, "setgroups", "allow")
    c.proc_pid_write(0, "gid_map", "0 0 1")


@case
def who_may_write(world: World) -> None:
    a = world.root
    maker = a.fork("maker", uid=1000, gid=1000)
    for name, how in {
        "same_user": {"uid": 1000, "gid": 1000},
        "other_user": {"uid": 1001, "gid": 1001},
        "setuid": {"uid": 1001, "gid": 1001, "cap": ["CAP_SETUID"]},
        "admin": {"uid": 1001, "gid": 1001, "cap": ["CAP_SYS_ADMIN"]},
        "override": {"uid": 1001, "gid": 1001, "cap": ["CAP_DAC_OVERRIDE"]},
        "both": {"uid": 1001, "gid": 1001, "cap": ["CAP_SETUID", "CAP_SYS_ADMIN", "CAP_DAC_OVERRIDE"]},
        "root_without": {"cap": []},
        "root_admin": {"cap": ["CAP_SYS_ADMIN"]},
        "root_setuid": {"cap": ["CAP_SETUID"]},
        "root_both": {"cap": ["CAP_SETUID", "CAP_SYS_ADMIN"]},
    }.items():
        b = maker.child(f"b_{name}", CLONE_NEWUSER | SIGCHLD)
        writer = a.fork(name, **how)
        writer.proc_pid_write(b, "uid_map", "0 1000 2")
        writer.proc_pid_write(b, "uid_map", "0 1000 1")
        b.exit()


@case
def mapping_root_wants_setfcap(world: World) -> None:
    a = world.root
    b = a.fork("b", unshare=CLONE_NEWUSER)
    for caps in (["CAP_SETUID", "CAP_SYS_ADMIN"], ["CAP_SETUID", "CAP_SYS_ADMIN", "CAP_SETFCAP"]):
        a.fork(f"w{len(caps)}", cap=caps).proc_pid_write(b, "uid_map", "0 0 1")
    c = a.fork("c", cap=["CAP_SYS_ADMIN"])
    c.unshare(CLONE_NEWUSER)
    c.proc_pid_write(0, "uid_map", "0 0 1")
    d = a.fork("d", cap=["CAP_SYS_ADMIN", "CAP_SETFCAP"])
    d.unshare(CLONE_NEWUSER)
    d.proc_pid_write(0, "uid_map", "0 0 1")


@case
def only_what_the_parent_maps(world: World) -> None:
    a = world.root
    b = inside(world)
    a.proc_pid_write(b, "uid_map", "0 1000 1\n1 5000 10")
    a.proc_pid_write(b, "gid_map", "0 1000 1\n1 5000 10")
    for number, line in enumerate(("0 0 11", "0 0 12", "0 11 1", "0 1 10", "0 2 1\n1 1 1")):
        c = b.child(f"c{number}", CLONE_NEWUSER | SIGCHLD)
        b.proc_pid_write(c, "uid_map", line)
        a.proc_pid_read(c, "uid_map")


@case
def files_and_tasks_that_are_not_there(world: World) -> None:
    a = world.root
    a.proc_pid_write(4000000, "uid_map", "0 0 1")
    a.proc_pid_read(4000000, "uid_map")
    a.proc_pid_write(0, "none", "0")
    a.proc_pid_read(0, "none")
    a.proc_pid_write(0, "status", "0")
    a.proc_pid_write(0, "cgroup", "0")

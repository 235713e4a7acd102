"""Where the host refuses pidfd_getfd(2), as Docker's default profile does: all works, but for three small things."""

from __future__ import annotations

import pytest

from .running import on_host_apart, program, trapped

pytestmark = pytest.mark.timeout(60)


def test_signals_and_notifications():
    host, ours = on_host_apart(program("interrupts")), trapped(program("interrupts"), no_getfd=True)
    assert (ours.stdout, ours.stderr, ours.returncode) == (host.stdout, "", 0)


def test_copies_of_a_descriptor_keep_the_flags_that_mq_setattr_changes():
    host, ours = on_host_apart(program("descriptors")), trapped(program("descriptors"), no_getfd=True)
    lines = zip(host.stdout.splitlines(), ours.stdout.splitlines(), strict=True)
    assert [(theirs, mine) for theirs, mine in lines if theirs != mine] == [
        ("openings do not 2048 2048 0 0", "openings do not 2048 2048 0 2048")
    ]
    assert (ours.stderr, ours.returncode) == ("", 0)


def test_an_epoll_loses_it_by_mq_setattr_and_a_thread_cannot_be_told():
    host, ours = on_host_apart(program("posix")), trapped(program("posix"), no_getfd=True)
    same = host.stdout.replace("(4, [4])\ntoo long", "(4, [])\ntoo long").partition("told [")[0]
    assert (ours.stdout, ours.returncode) == (same, 1)
    assert ours.stderr.endswith("Function not implemented\n")

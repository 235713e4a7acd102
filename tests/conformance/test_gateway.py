"""Unmodified programs under ``usernel run``: what their queue calls come to is what Linux answered.

Selected is every case that makes a call which is trapped, or looks at a file that ``--proc`` shows. The rest is about
processes, credentials and namespaces alone, which the gateway leaves to the host.
"""

from __future__ import annotations

import pytest

from usernel.gateway.proc import SYSCTLS
from usernel.gateway.run import SERVED

from . import golden, scenario
from .scenario import Case
from .targets import gateway, native
from .test_cases import compare

pytestmark = pytest.mark.skipif(bool(gateway.refusal()), reason=f"this host traps no calls: {gateway.refusal()}")

DIFFERENT = {
    ("read", "the descriptor is a pipe: read(2) is the host's, and finds no status line"): """
        mq_file.status_line_counts_bytes mq_file.status_line_is_read_from_its_place
        mq_file.status_line_of_an_unlinked_queue mq_file.stat_of_a_queue mq_notify.status_line_shows_the_registration
        mq_open.access_modes_are_kept mq_open.defaults""",
    ("poll", "the descriptor is a pipe: one that is open for reading alone is never ready for writing"): """
        mq_file.poll_of_several""",
    ("mq_open", "the descriptor is a pipe: none is open for neither reading nor writing"): """
        mq_open.both_access_modes""",
    ("msgctl", "user namespaces are not followed: ids are not mapped, and no capability in one counts"): """
        ns_ipc.permissions_across_user_namespaces ns_ipc.capabilities_over_the_namespaces_owner
        ns_user.ids_of_others_show_as_overflow""",
    ("proc_sysvipc_msg", "the files of --proc show the IPC namespace in which it all began"): """
        ns_ipc.same_key_and_same_name sysv_get.namespaces_do_not_see_each_other""",
    ("msgget", "the files of --proc set the limits of the IPC namespace in which it all began"): """
        ns_ipc.limits_are_each_ones_own""",
    (
        "sysctl",
        "the files of --proc are plain files: modes decide who writes, and a refusal comes too late to fail",
    ): """
        sysctl.ranges_of_system_v sysctl.ranges_of_posix sysctl.capabilities_of_a_user sysctl.root_without_capabilities
        sysv_ids.next_id_at_the_extremes""",
}
"""Where the gateway is not Linux: at which call, why, and the cases that show it."""
PARTS = {name: (call, why) for (call, why), names in DIFFERENT.items() for name in names.split()}


def shown_in_proc(of: Case) -> bool:
    """Whether a case looks at a file that ``--proc`` shows."""
    return any(
        entry.get("call") == "proc_sysvipc_msg"
        or (entry.get("call") == "sysctl" and entry["args"]["name"] in SYSCTLS.values())
        for entry in golden.trace(of) or []
    )


def served(of: Case) -> bool:
    """Whether a case makes a call that is trapped."""
    return any(entry.get("call") in SERVED for entry in golden.trace(of) or [])


SELECTED = {name: of for name, of in scenario.load().items() if served(of) or shown_in_proc(of)}


@pytest.mark.parametrize("name", SELECTED)
def test_gateway(name: str, hub: native.Hub) -> None:
    of = SELECTED[name]
    with gateway.world(hub, in_order=of.in_order, proc=shown_in_proc(of)) as driver:
        if name not in PARTS:
            compare(of, driver)
            return
        call, why = PARTS[name]
        with pytest.raises(pytest.fail.Exception, match=rf'\n- .*"(call|returns)": "{call}"'):
            compare(of, driver)
    pytest.xfail(why)


def test_the_differences_are_of_selected_cases() -> None:
    assert set(PARTS) <= set(SELECTED)

"""What fork takes beyond Linux's own arguments."""

from __future__ import annotations

import pytest

import usernel
from usernel.abi.capability import CAP_LAST_CAP
from usernel.kernel.error import KernelError


@pytest.mark.parametrize("number", [-1, CAP_LAST_CAP + 1, 2**31 - 1])
def test_what_is_no_capability_cannot_be_kept(number: int) -> None:
    with pytest.raises(KernelError, match="no capability"):
        usernel.Kernel().fork(cap=[number])


def test_the_last_capability_can_be_kept() -> None:
    child = usernel.Kernel().fork(cap=[CAP_LAST_CAP, "CAP_CHOWN", 0])
    assert child.stat()["cap_eff"] == f"{1 << CAP_LAST_CAP | 1:016x}"

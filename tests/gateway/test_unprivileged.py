"""As an ordinary user, who can run a program and trap it without any privilege."""

from __future__ import annotations

import os

import pytest

from .running import trapped

pytestmark = pytest.mark.timeout(60)
NOBODY = 65534 if os.getuid() == 0 else None


def test_the_programs_of_util_linux():
    done = trapped(["sh", "-c", "id -u; ipcmk -Q; ipcs -q"], "--proc", cwd="/tmp", uid=NOBODY)
    assert (done.stderr, done.returncode) == ("", 0)
    assert any(line.split()[1:2] == ["0"] for line in done.stdout.splitlines() if line.startswith("0x"))

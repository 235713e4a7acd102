"""The packages' own tests, which pip fetches, pass with our modules in their place."""

from __future__ import annotations

import pytest

from .suites import SDISTS, Sdist, outcomes

MODULE = "tests.test_module.TestModule"
UNSERVED = {
    "sysv_ipc": {
        f"{MODULE}Functions.{name}"
        for name in ("test_attach", "test_attach_kwargs", "test_remove_semaphore", "test_remove_shared_memory")
    },
    "posix_ipc": {f"{MODULE}.{name}" for name in ("test_unlink_semaphore", "test_unlink_shared_memory")},
}
RUN = {"sysv_ipc": 45, "posix_ipc": 50}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("sdist", SDISTS, ids=lambda sdist: sdist.name)
def test_its_own_tests_pass(sdist: Sdist) -> None:
    told = outcomes([sdist.name])[sdist.name]
    assert told.wrong == {}
    assert told.unserved == UNSERVED[sdist.name]
    assert told.run == RUN[sdist.name]

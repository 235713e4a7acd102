"""What all tests stand on: a process that Ctrl-C ends, as on a terminal, and a home that is not the user's."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

# A shell without job control ignores SIGINT in what it runs in the background, and every child of ours would inherit
# that; the tests of Ctrl-C would wait in vain for an end.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def state_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Where a service that is told no data directory keeps its journal: never in the home of whoever runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield

"""What runs the rings' cases."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .runner import Runner, runner


@pytest.fixture(scope="session")
def asked() -> Iterator[Runner]:
    """The worker that runs cases on targets."""
    with runner() as made:
        yield made

"""Python objects in the place of numbers: each is a value, or an errno in a completion, never an exception."""

from __future__ import annotations

import asyncio

import pytest

import usernel
from usernel.kernel.io_uring.opcodes import OPS
from usernel.kernel.io_uring.sqe import Sqe

ODD = [object(), "x", [1], 1.5, None, b"abc", -5, 1 << 70]


@pytest.mark.parametrize("opcode", [*OPS, 255], ids=lambda opcode: OPS[opcode].name if opcode in OPS else "none")
def test_whatever_stands_in_an_entry_it_has_a_completion(opcode: int) -> None:
    async def main() -> None:
        ring = asyncio.get_running_loop().ring  # type: ignore[attr-defined]
        for name in ("off", "addr", "addr3"):
            for value in ODD:
                try:
                    async with asyncio.timeout(0.02):
                        assert isinstance(await ring.request(Sqe(opcode, fd=-1)._replace(**{name: value})), int)
                except TimeoutError:
                    pass
        assert ring.stat()["requests"] == 0

    usernel.run(main())

"""``usernel.anyio.install()`` sends anyio's calls on files through the ring of the loop, ``uninstall()`` no more."""

from __future__ import annotations

from usernel.aio.anyio import install, uninstall

__all__ = ["install", "uninstall"]

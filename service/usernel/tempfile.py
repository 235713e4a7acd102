"""``usernel.tempfile``: temporary files and directories, to be awaited."""

from __future__ import annotations

from usernel.aio.files.temporary import NamedTemporaryFile, SpooledTemporaryFile, TemporaryDirectory, TemporaryFile

__all__ = ["NamedTemporaryFile", "SpooledTemporaryFile", "TemporaryDirectory", "TemporaryFile"]

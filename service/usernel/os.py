"""``usernel.os`` as ``import usernel.os`` finds it: the package ``usernel.aio.os``, and no second copy of it."""

from __future__ import annotations

import sys

from usernel.aio import os
from usernel.aio.os import path

sys.modules[__name__] = os
sys.modules[f"{__name__}.path"] = path

"""Print the trace of a case on a target: ``python -m tests.conformance.uring.show TARGET MODULE[.CASE]``."""

from __future__ import annotations

import json
import sys

from .case import load
from .runner import runner

if __name__ == "__main__":
    target, wanted = sys.argv[1:]
    with runner() as asked:
        for name in load():
            if name == wanted or name.partition(".")[0] == wanted:
                print(f"{name}:")
                for entry in asked.trace(target, name):
                    print(f"  {json.dumps(entry)}")

"""Print the README's command of one name: the fenced block below `<!-- ci: NAME -->`, as it is written."""

from __future__ import annotations

import re
import sys
from pathlib import Path


def readme_command(name: str, readme: str) -> str:
    """The one block tagged `name`; ValueError where there is none, or more than one."""
    blocks = re.findall(rf"^<!-- ci: {re.escape(name)} -->\n```sh\n(.*?)^```$", readme, re.DOTALL | re.MULTILINE)
    if len(blocks) != 1:
        message = f"README.md has {len(blocks)} blocks tagged `<!-- ci: {name} -->`, not one"
        raise ValueError(message)
    return str(blocks[0])


if __name__ == "__main__":
    root = Path(__file__).resolve().parent.parent
    print(readme_command(sys.argv[1], (root / "README.md").read_text(encoding="utf-8")), end="")

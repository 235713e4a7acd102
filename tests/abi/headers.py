"""What the host's uapi headers define, as numbers. ``python -m tests.abi.headers`` records them anew."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from usernel.abi.unistd import NUMBERS

INCLUDE = Path("/usr/include")
GOLDEN = Path(__file__).parent / "golden.json"
HEADERS = (
    "asm-generic/errno-base.h asm-generic/errno.h asm-generic/fcntl.h asm-generic/poll.h asm-generic/resource.h "
    "asm-generic/siginfo.h asm-generic/signal-defs.h asm-generic/signal.h asm-generic/mman-common.h linux/capability.h "
    "linux/eventpoll.h linux/fadvise.h linux/falloc.h linux/fcntl.h linux/fs.h linux/inotify.h linux/io_uring.h "
    "linux/ipc.h linux/limits.h linux/magic.h linux/mqueue.h linux/msg.h linux/openat2.h linux/pidfd.h linux/prctl.h "
    "linux/resource.h linux/sched.h linux/seccomp.h linux/stat.h linux/time.h linux/uio.h linux/wait.h linux/xattr.h"
).split()
UNISTD = {"x86_64": "x86_64-linux-gnu/asm/unistd_64.h", "aarch64": "asm-generic/unistd.h"}
DEFINE = re.compile(r"^[ \t]*#[ \t]*define[ \t]+(\w+)[ \t]+(.+?)[ \t]*$", re.MULTILINE)
ENUM = re.compile(r"\benum\s+\w*\s*\{([^}]*)\}")
NOISE = re.compile(r"/\*.*?\*/|\((?:__force )?__(?:kernel_key|kernel_rwf|poll)_t\)|\\\n", re.DOTALL)
ALIEN = re.compile(r"#if defined\(__s390x__\).*?#else", re.DOTALL)
ALL_ONES = re.compile(r"~0U\b")
WORD = re.compile(r"\b[A-Za-z_]\w*\b")
NUMBER = re.compile(r"\b(0[xX][0-9a-fA-F]+|\d+)[uUlL]*\b")
ARITHMETIC = re.compile(r"[-+*/~|&<>()\s\dxa-fA-Fo]+")


def _number(literal: re.Match[str]) -> str:
    text = literal[1]
    return f"0o{text}" if text.startswith("0") and text.isdigit() else text


def evaluate(expression: str, defined: dict[str, str]) -> int | None:
    """The number that a definition comes to; None for what is no plain arithmetic."""
    for _ in range(8):
        expression = WORD.sub(lambda word: f"({defined[word[0]]})" if word[0] in defined else word[0], expression)
    expression = NUMBER.sub(_number, expression)
    if not ARITHMETIC.fullmatch(expression):
        return None
    try:
        return int(eval(expression.replace("/", "//"), {"__builtins__": {}}))
    except (SyntaxError, NameError, TypeError):
        return None


def definitions(path: Path) -> dict[str, str]:
    """Each name and the text it stands for; the first definition of a header's alternatives counts."""
    text = ALL_ONES.sub("0xffffffff", ALIEN.sub(" ", NOISE.sub(" ", path.read_text(encoding="utf-8"))))
    return dict(reversed(DEFINE.findall(text))) | enumerators(text)


def enumerators(text: str) -> dict[str, str]:
    """The names of every enum, each as what its last ``=`` says and so many more."""
    found: dict[str, str] = {}
    for body in ENUM.findall(text):
        start, more = "0", 0
        for entry in filter(str.strip, body.split(",")):
            name, _, expression = (part.strip() for part in entry.partition("="))
            start, more = (expression, 0) if expression else (start, more)
            found[name] = f"({start}) + {more}"
            more += 1
    return found


def host() -> dict[str, int]:
    """The numbers of the host's headers, those that are installed."""
    texts: dict[str, str] = {}
    for header in HEADERS:
        if (INCLUDE / header).exists():
            texts |= definitions(INCLUDE / header)
    numbers = {name: evaluate(text, texts) for name, text in texts.items()}
    return {name: number for name, number in numbers.items() if number is not None}


def host_calls(machine: str) -> dict[str, int]:
    """The numbers of the calls that usernel has, on one architecture; empty where the header is not installed."""
    path = INCLUDE / UNISTD[machine]
    texts = definitions(path) if path.exists() else {}
    numbers = {name: evaluate(texts[f"__NR_{name}"], texts) for name in NUMBERS if f"__NR_{name}" in texts}
    return {name: number for name, number in numbers.items() if number is not None}


def golden() -> dict[str, dict[str, Any]]:
    """The numbers, and the structs' offsets, as they were recorded."""
    return dict(json.loads(GOLDEN.read_text(encoding="utf-8")))


def record() -> None:
    """Write down the numbers of the names that usernel uses."""
    from .kernel import kernel
    from .structs import host_structs
    from .test_numbers import INTERNAL, spelled

    known = host()
    numbers = {name: known[name] for name in sorted(spelled().keys() - INTERNAL) if name in known}
    recorded = {"numbers": numbers, "kernel": kernel(), "structs": host_structs()} | {
        machine: host_calls(machine) for machine in UNISTD
    }
    GOLDEN.write_text(json.dumps(recorded, indent=0, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    record()

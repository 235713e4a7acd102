"""``python -m tests.bench.namespaces``: what namespaces and tasks cost, beside the host's own where it can be asked."""

from __future__ import annotations

import os
import time
import tracemalloc
from collections.abc import Callable

from rich.console import Console
from rich.table import Table

import usernel
from tests.conformance.targets import native_namespaces_unsafe as host

CLONE_NEWIPC = 0x08000000
LIVE = 10_000
PAGE = 100
ROUNDS = 5
SECONDS = 0.5


def rate(turn: Callable[[], object]) -> float:
    """Turns a second: the median of some rounds."""
    found = []
    for _ in range(ROUNDS):
        count, started = 0, time.perf_counter()
        while (took := time.perf_counter() - started) < SECONDS:
            turn()
            count += 1
        found.append(count / took)
    return sorted(found)[ROUNDS // 2]


def ours() -> float:
    """setns back, unshare anew, in process."""
    task = usernel.Kernel().fork()
    home = task.proc_ns_open(0, "ipc")

    def turn() -> None:
        task.unshare(CLONE_NEWIPC)
        task.setns(home)

    return rate(turn)


def hosts() -> float | None:
    """The same calls of this machine's kernel, in a child; None where it refuses."""
    ready, report = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(ready)
        try:
            home = os.open("/proc/self/ns/ipc", os.O_RDONLY)
            os.write(report, str(rate(lambda: (host.unshare(CLONE_NEWIPC), host.setns(home, 0)))).encode())
        finally:
            os._exit(0)
    os.close(report)
    with os.fdopen(ready) as answer:
        text = answer.read()
    os.waitpid(pid, 0)
    return float(text) if text else None


def memory(**how: str) -> tuple[float, usernel.Kernel]:
    """Bytes a task with what is its own, of so many that live; and their kernel."""
    kernel = usernel.Kernel()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(LIVE):
        kernel.fork(**how)
    taken = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    return taken / LIVE, kernel


def page_us(page: Callable[[int], object], after: int) -> float:
    """Microseconds for a page behind ``after``: the best of some, as a listing does nothing else."""

    def once() -> float:
        started = time.perf_counter()
        page(after)
        return time.perf_counter() - started

    return min(once() for _ in range(20)) * 1e6


def main() -> None:
    """Measure and print."""
    table = Table(title="namespaces and tasks, in process")
    for column in ("", "usernel", "Linux", "ratio"):
        table.add_column(column, justify="left" if not column else "right")
    mine, theirs = ours(), hosts()
    ratio = "" if theirs is None else f"{mine / theirs:.2f} x"
    table.add_row("unshare + setns a second", f"{mine:,.0f}", "" if theirs is None else f"{theirs:,.0f}", ratio)
    plain, kernel = memory()
    table.add_row(f"bytes a task, {LIVE:,} live", f"{plain:,.0f}", "", "")
    first, last = (page_us(lambda after: kernel.init.task_list(after, PAGE), after) for after in (0, LIVE - PAGE))
    table.add_row(
        f"us a page of {PAGE} tasks, first and last", f"{first:,.0f} {last:,.0f}", "", f"{last / first:.2f} x"
    )
    both, kernel = memory(unshare="CLONE_NEWIPC")
    table.add_row(f"bytes an IPC namespace, {LIVE:,} live", f"{both - plain:,.0f}", "", "")
    numbers = [ns.inum for ns in kernel.model.ns_tree if ns.name == "ipc"]
    listed = [page_us(lambda after: kernel.init.ns_list("ipc", after, PAGE), after) for after in (0, numbers[-PAGE])]
    row = f"us a page of {PAGE} namespaces, first and last"
    table.add_row(row, f"{listed[0]:,.0f} {listed[1]:,.0f}", "", f"{listed[1] / listed[0]:.2f} x")
    Console(width=100).print(table)


if __name__ == "__main__":
    main()

"""The run as a chart: how many times aiofiles each row is, on a logarithmic scale, as SVG."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final
from xml.sax.saxutils import escape

from .reads import AIOFILES
from .row import Ledger
from .table import LOWER_IS_BETTER, machine

WIDTH: Final = 860
LEFT, RIGHT = 270, 70
ROW, GAP, TOP = 20, 34, 58
COLORS: Final = {"usernel": "#2f81f7", "routed": "#79b8ff", "peer": "#8b949e", "plain": "#3fb950"}
"""Readable on white and on black."""
STYLE: Final = (
    "text{font:12px system-ui,sans-serif;fill:#6e7781}.w{font-weight:600;font-size:13px}.t{font-size:15px;"
    "font-weight:600}line{stroke:#8b949e;stroke-opacity:.35}"
)


def kind(name: str) -> str:
    """Whose a row is: ours, what we made faster, a peer's, or no loop's at all."""
    if name.startswith("usernel"):
        return "usernel"
    if "on usernel" in name:
        return "routed"
    return "plain" if name.endswith("synchronous") or name.startswith("fio") else "peer"


def bars(ledger: Ledger, work: str) -> list[tuple[str, float]]:
    """A work's rows and how many times aiofiles they are, the fastest first."""
    found = [(name, ledger.ratio((work, name), (work, AIOFILES))) for of, name in ledger.samples if of == work]
    return sorted(((name, ratio) for name, ratio in found if ratio), key=lambda bar: -bar[1])


def chart(ledger: Ledger) -> str:
    """The chart of all works of which so many a second were measured, beside aiofiles."""
    works = list(dict.fromkeys(work for work, _ in ledger.samples if work not in LOWER_IS_BETTER))
    groups = [(work, bars(ledger, work)) for work in works]
    groups = [(work, found) for work, found in groups if len(found) > 1]
    ratios = [ratio for _, found in groups for _, ratio in found] or [1.0]
    low, high = math.floor(math.log10(min(ratios))), math.ceil(math.log10(max(ratios)))
    high = max(high, low + 1)
    height = TOP + sum(GAP + ROW * len(found) for _, found in groups) + 40
    return "\n".join(_svg(groups, low, high, height)) + "\n"


def _svg(groups: list[tuple[str, list[tuple[str, float]]]], low: int, high: int, height: int) -> Iterator[str]:
    def x(ratio: float) -> float:
        return LEFT + (math.log10(ratio) - low) / (high - low) * (WIDTH - LEFT - RIGHT)

    yield f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" role="img">'
    yield f"<style>{STYLE}</style>"
    yield '<text class="t" x="16" y="24">Files in asyncio: times aiofiles on uvloop</text>'
    yield f'<text x="16" y="42">{escape(machine())}; medians of interleaved rounds; logarithmic</text>'
    for power in range(low, high + 1):
        at = x(10.0**power)
        yield f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{TOP}" y2="{height - 24}"/>'
        yield f'<text x="{at:.1f}" y="{height - 8}" text-anchor="middle">{10.0**power:g} x</text>'
    y = TOP
    for work, found in groups:
        yield f'<text class="w" x="16" y="{y + 22}">{escape(work)}</text>'
        y += GAP
        for name, ratio in found:
            start, end = sorted((x(1.0), x(ratio)))
            yield f'<text x="{LEFT - 8}" y="{y + 13}" text-anchor="end">{escape(name)}</text>'
            yield (
                f'<rect x="{start:.1f}" y="{y + 2}" width="{max(end - start, 2):.1f}" height="{ROW - 6}" rx="2" '
                f'fill="{COLORS[kind(name)]}"/>'
            )
            yield f'<text x="{end + 6:.1f}" y="{y + 13}">{ratio:.3g}</text>'
            y += ROW
    yield "</svg>"

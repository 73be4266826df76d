"""A sweep's ranking as an SVG picture: a row a combination, a dot a seed, a bar for the interval."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hellodl.sweep.ranking import Row

CHARACTER, LINE, MARGIN = 7.8, 26, 24  # pixels: the width of 13-pixel monospaced type, a row, around all
PLOT, TICKS = 420, 6  # pixels, and about how many lines across
MOST = 60  # rows

STYLE = """
.page { fill: #ffffff } text { font: 13px ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace }
text { fill: #1f2328 } .tick { fill: #59636e; text-anchor: middle } .grid { stroke: #d1d9e0 }
.interval { stroke: #0969da; stroke-width: 3px; opacity: .45 } .seed { fill: none; stroke: #0969da }
.mean { fill: #0969da }
@media (prefers-color-scheme: dark) {
  .page { fill: #0d1117 } text { fill: #e6edf3 } .tick { fill: #9198a1 } .grid { stroke: #30363d }
  .interval, .seed { stroke: #58a6ff } .mean { fill: #58a6ff }
}
"""


def plot(rows: Sequence[Row], names: Sequence[str]) -> str:
    """The best rows as an SVG document; `names` says for each what varied."""
    best = [(row, name) for row, name in zip(rows, names, strict=True) if row.accuracies][:MOST]
    low, high, step = scale([end for row, _ in best for end in (*row.interval, *row.accuracies)])
    left = MARGIN + CHARACTER * max((len(name) for _, name in best), default=0) + MARGIN
    bottom = MARGIN + LINE * (len(best) + 1)
    width, height = left + PLOT + 2 * MARGIN, bottom + 2 * LINE + MARGIN
    size = f'width="{width:.0f}" height="{height:.0f}"'

    def x(accuracy: float) -> float:
        return left + PLOT * (accuracy - low) / (high - low)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} viewBox="0 0 {width:.0f} {height:.0f}" role="img">',
        f"<title>Validation accuracy of {len(best)} combinations, the best first</title>",
        f'<style>{STYLE}</style><rect class="page" width="100%" height="100%" rx="10"/>',
    ]
    for i in range(round((high - low) / step) + 1):
        at = low + i * step
        parts.append(f'<path class="grid" d="M{x(at):.1f} {MARGIN}V{bottom}"/>')
        place = f'x="{x(at):.1f}" y="{bottom + LINE * 0.8:.1f}"'
        parts.append(f'<text class="tick" {place}>{100 * at:.4g}</text>')
    middle = left + PLOT / 2
    parts.append(f'<text class="tick" x="{middle:.1f}" y="{bottom + LINE * 1.7:.1f}">accuracy, %</text>')
    for i, (row, name) in enumerate(best):
        parts += _marks(
            row, name, MARGIN + LINE * (i + 1), lambda share: min(max(x(share), left), left + PLOT)
        )
    return "\n".join([*parts, "</svg>\n"])


def _marks(row: Row, name: str, y: float, x: Callable[[float], float]) -> list[str]:
    """A combination's name, its interval, a ring for each seed and a dot for the mean."""
    start, end = map(x, row.interval)
    return [
        f'<text x="{MARGIN}" y="{y + 4:.1f}">{escape(name)}</text>',
        f'<path class="interval" d="M{start:.1f} {y}H{end:.1f}"/>',
        *(f'<circle class="seed" cx="{x(a):.1f}" cy="{y}" r="3"/>' for a in row.accuracies),
        f'<circle class="mean" cx="{x(row.mean):.1f}" cy="{y}" r="5"/>',
    ]


def scale(values: Sequence[float]) -> tuple[float, float, float]:
    """Round ends that hold all values, and a round step between them, as shares."""
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    rough = max(high - low, 1e-4) / TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
    return math.floor(low / step) * step, math.ceil(high / step + 1e-9) * step, step

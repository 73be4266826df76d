"""A sweep's ranking as an SVG picture: a row a combination, a bar for its interval, a dot for its mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hellodl.graphs.charts import round_numbers
from hellodl.graphs.picture import CHARACTER, MARGIN, dot, path, picture, stylesheet, text, through

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hellodl.sweep.ranking import Row

LINE, WIDTH = 26.0, 420.0  # pixels: a row's height; how wide the bars' scale is
MOST = 60  # rows


def plot(rows: Sequence[Row], names: Sequence[str]) -> str:
    """The best rows as an SVG document, with a small dot for each seed; `names` says what varied in each."""
    best = [(row, name) for row, name in zip(rows, names, strict=True) if row.accuracies][:MOST]
    shown = [end for row, _ in best for end in (*row.interval, *row.accuracies)] or [0.0, 1.0]
    ticks = round_numbers(min(shown), max(shown))
    left = 2 * MARGIN + CHARACTER * max((len(name) for _, name in best), default=0)
    bottom = MARGIN + LINE * (len(best) + 1)

    def x(accuracy: float) -> float:
        return left + WIDTH * (accuracy - ticks[0]) / (ticks[-1] - ticks[0])

    parts = [path("axis", through([(x(tick), MARGIN), (x(tick), bottom)])) for tick in ticks]
    parts += [text("tick", x(tick), bottom + 0.8 * LINE, f"{100 * tick:.4g}") for tick in ticks]
    parts.append(text("tick", left + WIDTH / 2, bottom + 1.7 * LINE, "accuracy, %"))
    for i, (row, name) in enumerate(best, 1):
        y = MARGIN + LINE * i
        parts.append(text("note", MARGIN, y + 4, name, "start"))
        parts.append(path("series", through((x(end), y) for end in row.interval)))
        parts += [dot("badge", x(accuracy), y, 3) for accuracy in row.accuracies]
        parts.append(dot("bar", x(row.mean), y, 5))
    title = f"Validation accuracy of {len(best)} combinations, the best first"
    return picture(left + WIDTH + 2 * MARGIN, bottom + 2 * LINE + MARGIN, parts, title, stylesheet())

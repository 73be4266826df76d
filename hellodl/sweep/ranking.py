"""Which settings are best: the mean validation accuracy over the seeds, with its interval; as a picture."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hellodl.evaluation import wilson_interval
from hellodl.graphs.charts import round_numbers
from hellodl.graphs.picture import CHARACTER, MARGIN, dot, path, picture, stylesheet, text, through
from hellodl.sweep.grid import Point
from hellodl.sweep.trial import Trial

# Student's t: the mean of n values lies within so many of its deviations in 95 of 100 cases; n - 1 from 1.
# fmt: off
STUDENT_95 = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160,
              2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056,
              2.052, 2.048, 2.045, 2.042)
# fmt: on
BEYOND = 1.96  # for more

LINE, WIDTH = 26.0, 420.0  # pixels in the picture: a row's height; how wide the bars' scale is
MOST = 60  # rows in it
SAYS = (
    "Accuracy: of images held out of training, the mean over the seeds.",
    "95 % interval: Student's over seeds; *: Wilson's over one seed's images.",
)


@dataclass(frozen=True)
class Row:
    """A combination's place: what varied, the accuracy of each seed, their mean and its 95 % interval.

    With one seed the interval is Wilson's, over the images held out; with more it is Student's, over the
    seeds, each of which holds out other images. `failed` says why seeds have no accuracy, if some have none;
    if all have none, mean and interval are None. `seconds` is the mean time of training.
    """

    varied: dict[str, Any]
    settings: dict[str, Any]
    accuracies: tuple[float, ...]
    mean: float | None
    interval: tuple[float, float] | None
    seconds: float
    failed: tuple[str, ...]


def row_of(point: Point, trials: Sequence[Trial]) -> Row:
    """What the trainings of a combination come to."""
    good = [trial for trial in trials if trial.validation_accuracy is not None]
    accuracies = tuple(trial.validation_accuracy or 0.0 for trial in good)
    return Row(
        varied=point.varied,
        settings=point.settings.as_dict(),
        accuracies=accuracies,
        mean=math.fsum(accuracies) / len(accuracies) if good else None,
        interval=interval(accuracies, good[0].images) if good else None,
        seconds=math.fsum(trial.train_seconds for trial in good) / max(1, len(good)),
        failed=tuple(trial.error for trial in trials if trial.validation_accuracy is None),
    )


def interval(accuracies: Sequence[float], images: int) -> tuple[float, float]:
    """The 95 % interval of the mean of accuracies, each over so many images."""
    count = len(accuracies)
    if count == 1:
        return wilson_interval(round(accuracies[0] * images), images)
    t = STUDENT_95[count - 2] if count - 2 < len(STUDENT_95) else BEYOND
    half = t * float(np.std(accuracies, ddof=1)) / math.sqrt(count)
    mean = math.fsum(accuracies) / count
    return max(0.0, mean - half), min(1.0, mean + half)


def plot(rows: Sequence[Row], names: Sequence[str]) -> str:
    """The best rows as an SVG document; `names` says what varied in each.

    A row has a bar for its interval, a dot for its mean and a small one on it for each seed.
    """
    best = [(row, name) for row, name in zip(rows, names, strict=True) if row.accuracies][:MOST]
    shown = [end for row, _ in best for end in (*(row.interval or ()), *row.accuracies)] or [0.0, 1.0]
    ticks = round_numbers(min(shown), max(shown))
    left = 2 * MARGIN + CHARACTER * max((len(name) + 2 for _, name in best), default=0)
    bottom = MARGIN + LINE * (len(best) + 1)

    def x(accuracy: float) -> float:
        return left + WIDTH * (accuracy - ticks[0]) / (ticks[-1] - ticks[0])

    parts = [path("axis", through([(x(tick), MARGIN), (x(tick), bottom)])) for tick in ticks]
    parts += [text("tick", x(tick), bottom + 0.8 * LINE, f"{100 * tick:.4g}") for tick in ticks]
    parts.append(text("tick", left + WIDTH / 2, bottom + 1.7 * LINE, "accuracy, %"))
    for i, (row, name) in enumerate(best, 1):
        y = MARGIN + LINE * i
        parts.append(text("note", MARGIN, y + 4, name + " *" * (len(row.accuracies) == 1), "start"))
        parts.append(path("series", through((x(end), y) for end in row.interval or ())))
        parts.append(dot("bar", x(row.mean or 0.0), y, 7))
        parts += [dot("badge", x(accuracy), y, 3) for accuracy in row.accuracies]
    for i, words in enumerate(("Bar: interval; large dot: mean; small dots: seeds.", *SAYS)):
        parts.append(text("tick", MARGIN, bottom + (2.7 + 0.7 * i) * LINE, words, "start"))
    title = f"Validation accuracy of {len(best)} combinations, the best first"
    return picture(left + WIDTH + 2 * MARGIN, bottom + 4 * LINE + MARGIN, parts, title, stylesheet())

"""Which settings a sweep tries: every combination of the values given, or some drawn at random."""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hellodl.errors import UsageError
from hellodl.training.settings import Settings

MOST_RUNS = 100_000


@dataclass(frozen=True)
class Range:
    """All numbers from `low` to `high`, to draw from: evenly in the logarithm where both are above 0."""

    low: float
    high: float
    whole: bool = False

    def draw(self, rng: np.random.Generator) -> float:
        """A number of the range, to three digits: whoever repeats a run has to type it."""
        if self.low > 0:
            value = math.exp(rng.uniform(math.log(self.low), math.log(self.high)))
        else:
            value = rng.uniform(self.low, self.high)
        return round(value) if self.whole else float(f"{value:.3g}")


Axis = Sequence[Any] | Range


@dataclass(frozen=True)
class Point:
    """A combination to try: the values that vary, and all settings but the seed."""

    varied: dict[str, Any]
    settings: Settings

    def told(self, seed: int) -> dict[str, Any]:
        """All settings of a training with this seed, as plain values."""
        return self.settings.as_dict() | {"seed": seed}


def points(settle: Callable[..., Settings], axes: Mapping[str, Axis], draws: int, seed: int) -> list[Point]:
    """The combinations of the axes' values: all of them, or `draws` different ones drawn at random.

    `settle` makes settings of the values that vary. Raises UsageError where settings do not go together, for
    ranges without `draws`, and for too many.
    """
    ranges = [name for name, axis in axes.items() if isinstance(axis, Range)]
    lists = [axis for axis in axes.values() if not isinstance(axis, Range)]
    if ranges and not draws:
        option = f"--{ranges[0].replace('_', '-')}"
        raise UsageError(f"{option}: is a range, which only --random N draws from; or list values")
    every = math.prod(map(len, lists))
    if (count := draws or every) > MOST_RUNS:
        raise UsageError(f"these are {count:,} combinations, expected at most {MOST_RUNS:,}; try --random N")
    rng = np.random.default_rng(seed)
    if ranges or every > MOST_RUNS:
        chosen = _drawn(axes, draws, rng)
    else:
        chosen = [dict(zip(axes, values, strict=True)) for values in itertools.product(*lists)]
        chosen = [chosen[i] for i in rng.permutation(every)[:draws]] if draws else chosen
    return [Point(varied, settle(varied)) for varied in chosen]


def _drawn(axes: Mapping[str, Axis], draws: int, rng: np.random.Generator) -> list[dict[str, Any]]:
    """Different combinations at random; fewer where ranges hold few different numbers."""
    found: dict[str, dict[str, Any]] = {}
    for _ in range(draws * 10):
        drawn = {
            name: axis.draw(rng) if isinstance(axis, Range) else axis[int(rng.integers(len(axis)))]
            for name, axis in axes.items()
        }
        found.setdefault(repr(drawn), drawn)
        if len(found) == draws:
            break
    return list(found.values())

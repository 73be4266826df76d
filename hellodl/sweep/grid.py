"""Which settings a sweep tries: every combination of the values given, or some drawn at random."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from hellodl.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

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


@dataclass(frozen=True)
class Point:
    """A combination to try: the values that vary, and all settings but the seed."""

    varied: dict[str, Any]
    settings: Settings


def points(base: Settings, axes: dict[str, Sequence[Any] | Range], draws: int, seed: int) -> list[Point]:
    """The combinations of the axes' values: all of them, or `draws` different ones drawn at random.

    Raises UsageError where settings do not go together, for ranges without `draws`, and for too many.
    """
    combinations = list(_drawn(axes, draws, seed) if draws else _all(axes))
    return [Point(varied, replace(base, **varied)) for varied in combinations]


def _all(axes: dict[str, Sequence[Any] | Range]) -> list[dict[str, Any]]:
    values = []
    for name, axis in axes.items():
        if isinstance(axis, Range):
            raise UsageError(
                f"--{name.replace('_', '-')}: is a range, which only --random N draws from; or list values"
            )
        values.append(axis)
    count = math.prod(map(len, values))
    if count > MOST_RUNS:
        raise UsageError(f"these are {count:,} combinations, expected at most {MOST_RUNS:,}; try --random N")
    return [dict(zip(axes, combination, strict=True)) for combination in itertools.product(*values)]


def _drawn(axes: dict[str, Sequence[Any] | Range], draws: int, seed: int) -> list[dict[str, Any]]:
    """Different combinations at random; fewer where there are no more. The seed decides which."""
    if all(not isinstance(axis, Range) for axis in axes.values()) and _count(axes) <= MOST_RUNS:
        every = _all(axes)
        chosen = np.random.default_rng(seed).permutation(len(every))[:draws]
        return [every[i] for i in chosen]
    rng = np.random.default_rng(seed)
    found: dict[str, dict[str, Any]] = {}
    for _ in range(draws * 10):  # not for ever, where ranges hold few different numbers
        drawn = {
            name: axis.draw(rng) if isinstance(axis, Range) else axis[int(rng.integers(len(axis)))]
            for name, axis in axes.items()
        }
        found.setdefault(repr(drawn), drawn)
        if len(found) == draws:
            break
    return list(found.values())


def _count(axes: dict[str, Sequence[Any] | Range]) -> int:
    return math.prod(1 if isinstance(axis, Range) else len(axis) for axis in axes.values())

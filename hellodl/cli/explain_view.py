"""How an explanation looks in the terminal: the digit, its pixels in red and blue, and digits like it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
from rich.text import Text

from hellodl.about import DIGITS
from hellodl.cli.predict_view import called
from hellodl.cli.steps import heading
from hellodl.cli.terminal import beside, has_colour, in_colours, picture, red_and_blue
from hellodl.upright import SIDE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console, RenderableType

    from hellodl.explaining import Explanation, Neighbour
    from hellodl.reading.reader import Digit, Reading

_MOST_DRAWN = 3  # neighbours


def report(
    reading: Reading, whys: Sequence[Explanation], classes: Sequence[str], out: Console
) -> Iterator[RenderableType]:
    """The explanation of all digits, line by line."""
    for number, (digit, why) in enumerate(zip(reading.digits, whys, strict=True), 1):
        yield from _digit(digit, why, classes, number if len(whys) > 1 else 0, out)


def _digit(
    digit: Digit, why: Explanation, classes: Sequence[str], number: int, out: Console
) -> Iterator[RenderableType]:
    """One digit's explanation, line by line; `number` says which digit of several, 0 for a single one."""
    yield Text()
    yield heading(digit, classes, number)
    yield from (Text(f"   {line}") for line in growth(why))
    yield Text()
    yield beside([(picture(digit.turned, out), "seen"), *_evidence(why, out)], out.width)
    if why.neighbours:
        yield Text(f"\n{like(why.neighbours, classes)}:\n")
        near = why.neighbours[: max(1, min((out.width + 1) // (SIDE + 1), _MOST_DRAWN))]
        yield beside([(picture(n.image, out), caption(n, classes)) for n in near], out.width)
    yield Text()


def _evidence(why: Explanation, out: Console) -> list[tuple[list[Text], str]]:
    """One picture in red and blue; without colours two, for and against."""
    if has_colour(out):
        return [(in_colours(red_and_blue(why.evidence)), "red for, blue against")]
    strength = why.evidence / max(float(np.abs(why.evidence).max()), 1e-30) * 255
    halves = (np.clip(sign * strength, 0, 255).astype(np.uint8) for sign in (1, -1))
    return [(picture(half, out), name) for half, name in zip(halves, ("for", "against"), strict=True)]


def growth(why: Explanation) -> tuple[str, str]:
    """The sums in words."""
    positive = float(why.evidence[why.evidence > 0].sum())
    negative = float(why.evidence[why.evidence < 0].sum())
    ends = f"its score is {why.score:.1f}, that of an empty picture {why.empty_score:.1f}"
    return ends, f"pixels for it add {positive:.1f}, pixels against it take {-negative:.1f}"


def like(neighbours: Sequence[Neighbour], classes: Sequence[str] = DIGITS) -> str:
    """What the nearest training digits are, in words."""
    counts = Counter(n.label for n in neighbours).most_common()
    if len(counts) == 1:
        return f"the {len(neighbours)} training digits most like it are all {called(counts[0][0], classes)}"
    labels = ", ".join(f"{count} times {called(label, classes)}" for label, count in counts)
    return f"the {len(neighbours)} training digits most like it are {labels}"


def caption(neighbour: Neighbour, classes: Sequence[str]) -> str:
    """A neighbour's label, and how far it is."""
    return f"{called(neighbour.label, classes)}, distance {neighbour.distance:.1f}"

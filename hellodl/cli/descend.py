"""`hellodl descend`: hill descent on a formula, step by step, for one learning rate or several."""

from __future__ import annotations

import math
from dataclasses import asdict
from functools import partial
from itertools import product, takewhile
from typing import TYPE_CHECKING, Any

import click
from click import style

from hellodl.cli import common
from hellodl.cli.chart import chart
from hellodl.cli.drawing import PNG, SVG, check_drawing, write_drawing
from hellodl.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from hellodl.graphs.descent import Descent, Landscape

_MOST_STEPS = 10_000
_WIDTH, _HEIGHT = 48, 18  # characters: as many dots for each as a picture has pixels
_SHOWN = 4  # of so many contours, one
_STEPS = 8  # as many of the first steps are told in numbers


def _numbers(_context: click.Context, option: click.Parameter, text: str) -> list[float]:
    try:
        found = [float(part) for part in text.split(",")]
    except ValueError:
        found = [math.nan]
    if not all(0 <= number < math.inf for number in found):
        name = option.opts[0]
        raise UsageError(f"{name} {text}: expected numbers, 0 or more, as in {name} 0.01,0.1")
    return found


_numbers_option = partial(click.option, show_default=True, metavar="F,…", callback=_numbers)


@common.command(
    ('descend "x**2" --from x=2 --lr 0.01,0.1,1.1', "too small, right, too large"),
    ('descend "x**2/9 + z**2" --from x=4 --from z=2 -o hill.png', "contour lines"),
)
@click.argument("expression", metavar="EXPR")
@click.option(
    "--from", "values", multiple=True, metavar="NAME=VALUE", help="Where a variable starts; repeatable."
)
@_numbers_option("--lr", default="0.1", help="The learning rate, or several.")
@_numbers_option("--momentum", default="0", help="How much of the last step is kept, or several.")
@common.number_option("--steps", 1, _MOST_STEPS, default=30, help="How many steps at most.")
@common.output_option(help="Draw into this file: .svg or .png.")
@common.talking
def descend(
    expression: str, values: tuple[str, ...], output: Path | None, talk: common.Talk, **knobs: Any
) -> None:
    """Walk down a formula's hill, against its slope.

    Each variable moves against its derivative. EXPR is as for `hellodl graph`. With several learning rates or
    momenta there is a descent for each pair. It has arrived where slope and bend (the second derivative)
    promise less than a hundredth of the way so far.
    """
    from hellodl.graphs import descent
    from hellodl.graphs.formula import read_values
    from hellodl.graphs.record import finite

    check_drawing(output, SVG, PNG)
    title = " ".join(expression.split())
    start = {name: tensor.item() for name, tensor in read_values(values, "--from").items()}
    if not start:
        raise UsageError("descend: expected a variable and where it starts, as in --from x=2")
    pairs, names = product(knobs["momentum"], knobs["lr"]), list(start)
    descents = [descent.descend(title, start, rate, kept, knobs["steps"]) for kept, rate in pairs]
    land = descent.landscape(title, names, descents) if len(names) <= 2 or output else None
    if output and land:
        write_drawing(output, descent.descents_svg(title, land, descents), talk)
    records = [asdict(found) for found in descents]
    record = finite({"expression": title, "variables": names, "descents": records})
    talk.tell(record, _report(land, names, descents))


def _report(land: Landscape | None, names: Sequence[str], descents: Sequence[Descent]) -> Iterator[str]:
    """Each descent with its picture, if it can be drawn, and its first steps and the last in numbers."""
    for descent in descents:
        yield style(descent.knobs, bold=True)
        if land:
            yield from _drawn(land, descent)
        last = len(descent.points) - 1
        for number in [*range(min(_STEPS + 1, last)), last]:
            point = zip(names, descent.points[number], strict=True)
            where = "  ".join(f"{name} {x:<12.6g}" for name, x in point)
            yield style(f"{number:>6}  {where}  → {descent.values[number]:.6g}", dim=True)
        yield f"{descent.end}\n"


def _drawn(land: Landscape, descent: Descent) -> Iterator[str]:
    """The land, the way through it as far as it stays inside, and what is shown of the axes."""
    lines = ((line, "bright_black") for contour in land.contours[::_SHOWN] for line in contour)
    way = list(takewhile(lambda point: all(0 <= place <= 1 for place in point), land.way(descent)))
    marks = [*((point, "•", "red") for point in way[1:]), (way[0], "●", "blue")]
    yield from chart([*lines, (way, "red")], _WIDTH, _HEIGHT, marks=marks)
    ends = zip(land.names, land.low, land.high, strict=True)
    axes = ", ".join(f"{name} from {low:.3g} to {high:.3g}" for name, low, high in ends)
    rise = f"; a line every {_SHOWN * land.step:g}" if land.step else ""
    yield style(axes + rise, dim=True)

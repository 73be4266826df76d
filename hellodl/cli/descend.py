"""`hellodl descend`: hill descent on a formula, step by step, for one learning rate or several."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from hellodl.cli.common import FILE, console, json_option, options, print_json, quiet_option
from hellodl.cli.drawing import PNG, SVG, check_ending, print_lines, write_drawing
from hellodl.cli.help import Command
from hellodl.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

MOST_STEPS, MOST_DESCENTS = 10_000, 12


@click.command(
    cls=Command,
    examples=(
        ('descend "x**2" --from x=2 --lr 0.01,0.1,1.1', "too small, right, too large"),
        (
            'descend "x**2/9 + z**2" --from x=4 --from z=2 -o hill.png',
            "contour lines",
        ),
    ),
)
@click.argument("expression", metavar="EXPR")
@click.option(
    "--from", "values", multiple=True, metavar="NAME=VALUE", help="Where a variable starts; repeatable."
)
@click.option("--lr", default="0.1", show_default=True, metavar="F,…", help="The learning rate, or several.")
@click.option(
    "--momentum",
    default="0",
    show_default=True,
    metavar="F,…",
    help="How much of the last step is kept, or several.",
)
@click.option(
    "--steps",
    type=click.IntRange(1, MOST_STEPS),
    default=30,
    show_default=True,
    help="How many steps at most.",
)
@click.option("-o", "--output", type=FILE, metavar="FILE", help="Draw into this file: .svg or .png.")
@options(json_option, quiet_option)
def descend(
    expression: str,
    values: tuple[str, ...],
    lr: str,
    momentum: str,
    steps: int,
    output: Path | None,
    *,
    as_json: bool,
    quiet: bool,
) -> None:
    """Walk down a formula's hill: each variable moves against its derivative, as weights do in training.

    EXPR is as for `hellodl graph`. With several learning rates or momenta there is a descent for each pair.
    """
    from hellodl.cli.descend_view import report
    from hellodl.cli.values import read_values
    from hellodl.graphs import descent
    from hellodl.graphs.descent_picture import descents_svg
    from hellodl.graphs.record import finite

    check_ending(output, SVG, PNG)
    start = {name: tensor.item() for name, tensor in read_values(values, "--from").items()}
    if not start:
        raise UsageError("descend: expected a variable and where it starts, as in --from x=2")
    title = " ".join(expression.split())
    descents = [descent.descend(title, start, *pair, steps) for pair in pairs(lr, momentum)]
    land = descent.landscape(title, list(start), descents) if len(start) <= 2 or output else None
    if output and land:
        write_drawing(output, lambda: descents_svg(title, land, descents), quiet=quiet or as_json)
    if as_json:
        records = [asdict(found) for found in descents]
        print_json(finite({"expression": title, "variables": list(start), "descents": records}))
    else:
        print_lines(report(land, list(start), descents, console()))


def pairs(lr: str, momentum: str) -> list[tuple[float, float]]:
    """Each learning rate with each momentum."""
    found = [(rate, kept) for kept in numbers("--momentum", momentum) for rate in numbers("--lr", lr)]
    if len(found) > MOST_DESCENTS:
        raise UsageError(f"descend: {len(found)} descents, expected at most {MOST_DESCENTS}")
    return found


def numbers(option: str, text: str) -> list[float]:
    """The numbers of an option, separated by commas."""
    try:
        found = [float(part) for part in text.split(",")]
    except ValueError:
        found = []
    if not found or not all(math.isfinite(number) and number >= 0 for number in found):
        raise UsageError(f"{option} {text}: expected numbers, 0 or more, as in {option} 0.01,0.1")
    return found

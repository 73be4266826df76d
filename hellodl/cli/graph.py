"""`hellodl graph`: a formula's value, its derivatives, and the graph that gives both."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import click

from hellodl.cli import common
from hellodl.cli.drawing import DOT, PNG, SVG, check_drawing, write_drawing
from hellodl.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from hellodl.autograd import Tensor

_MOST_ORDERS = 9


@common.command(
    ('graph "3*x*x*x + 4*x + 1 + x*z" --at x=2 --at z=0', "the chapter's formula"),
    ('graph "sigmoid(w*x + b)" --at w=1 --at x=2 --at b=0 -o neuron.svg', "as a picture, too"),
    ('graph "x*(z + a)" --at x=2 --at z=0 --at a=1 --steps', "the backward pass, step by step"),
    ("graph --network --program", "the NumPy calls that a training step is"),
)
@click.argument("expression", metavar="[EXPR]", required=False)
@click.option("--at", "values", multiple=True, metavar="NAME=VALUE", help="A variable's value; repeatable.")
@click.option("--network", is_flag=True, help="The graph of the network's training, instead of a formula's.")
@click.option(
    "--order",
    type=click.IntRange(0, _MOST_ORDERS),
    default=0,
    metavar="N",
    help="The graph of a derivative by the first variable: 1 for the first, 2 for the second …",
)
@click.option("--steps", is_flag=True, help="Walk the backward pass; an .svg shows it step after step.")
@click.option("--program", is_flag=True, help="List the NumPy calls that compute value and gradients.")
@common.output_option("Draw into this file: .svg, .png or .dot.")
@common.talking
def graph(
    expression: str | None,
    values: tuple[str, ...],
    order: int,
    output: Path | None,
    talk: common.Talk,
    *,
    network: bool,
    steps: bool,
    program: bool,
) -> None:
    """Draw the graph of a formula with values and gradients.

    EXPR is made of numbers, variables, + - * / ** ( ), pi, e and the functions exp log sin cos tanh
    sigmoid relu gelu abs sqrt. One that starts with a minus goes in parentheses: "(-x)".
    """
    if (expression is None) is not network:
        raise UsageError('graph: expected either a formula, as in "x*z", or --network')
    if output and program:
        raise UsageError(f"{output}: a program is listed, not drawn; leave out -o or --program")
    check_drawing(output, *((SVG,) if steps else (SVG, PNG, DOT)))
    subject = _subject(expression, values, order)
    if program:
        _show_program(subject, talk)
    else:
        _show_graph(subject, output, talk, steps=steps)


class _Subject(NamedTuple):
    """What is drawn: its result, the names of its variables and of other leaves, and what it is itself."""

    y: Tensor
    variables: dict[Tensor, str]
    others: dict[Tensor, str]
    title: str
    symbol: str


def _subject(expression: str | None, values: Sequence[str], order: int) -> _Subject:
    """The formula, or the network, or a derivative of it."""
    from hellodl.autograd import grad
    from hellodl.cli.values import read_values
    from hellodl.graphs.formula import formula
    from hellodl.graphs.network import training_graph

    if expression is None:
        if order or values:
            raise UsageError("graph: --order and --at go with a formula, not with --network")
        return _Subject(*training_graph(), "loss", "loss")
    variables = read_values(values)
    if order and not variables:
        raise UsageError("--order: a derivative needs a variable, as in --at x=2")
    y = formula(expression, variables)
    for _ in range(order):
        y = grad(y, next(iter(variables.values())))
    title, symbol = " ".join(expression.split()), "f" if "y" in variables else "y"
    names = {tensor: name for name, tensor in variables.items()}
    return _Subject(y, names, {}, f"({title}){'′' * order}" if order else title, symbol + "′" * order)


def _show_graph(subject: _Subject, output: Path | None, talk: common.Talk, *, steps: bool) -> None:
    """The graph as text or JSON, and in a file if one is named."""
    from hellodl.cli.graph_view import report, walk
    from hellodl.graphs.record import backward_steps, dot, finite, record, show
    from hellodl.graphs.svg import animation, svg

    graph = record(subject.y, subject.variables | subject.others)
    value, gradients = graph.nodes[0].value, graph.gradients(subject.variables.values())
    if output:
        draw, caption = animation if steps else svg, f"{subject.title} = {show(value)}"
        is_dot = output.suffix.lower() == DOT
        write_drawing(output, dot(graph) if is_dot else draw(graph, caption), talk)
    if talk.as_json:
        told = {"expression": subject.title, "value": value, "gradients": gradients, **graph.for_json()}
        walked = {"steps": [step._asdict() for step in backward_steps(graph)]} if steps else {}
        common.print_json(finite(told | walked))
    elif steps:
        click.echo("\n".join(walk(graph)))
    else:
        click.echo("\n".join(report(graph, subject.symbol, gradients)))


def _show_program(subject: _Subject, talk: common.Talk) -> None:
    """The calls that compute a value and its gradients, as text or JSON."""
    from hellodl.cli.graph_view import calls
    from hellodl.graphs.listing import listing

    listed = listing(subject.y, subject.variables, subject.others)
    if talk.as_json:
        common.print_json(listed)
    else:
        click.echo("\n".join(calls(listed)))

"""`hellodl graph`: a formula's value, its derivatives, and the graph that gives both."""

from pathlib import Path

import click

from hellodl.cli import common
from hellodl.cli.drawing import DOT, PNG, SVG, check_drawing
from hellodl.errors import UsageError


@common.command(
    ('graph "3*x*x*x + 4*x + 1 + x*z" --at x=2 --at z=0', "the chapter's formula"),
    ('graph "sigmoid(w*x)" --at w=1 --at x=2 -o neuron.svg', "as a picture, too"),
    ('graph "x*(z + a)" --at x=2 --at z=0 --at a=1 --steps', "the backward pass, step by step"),
    ("graph --network --program", "the NumPy calls that a training step is"),
)
@click.argument("expression", metavar="[EXPR]", required=False)
@click.option("--at", "values", multiple=True, metavar="NAME=VALUE", help="A variable's value; repeatable.")
@click.option("--network", is_flag=True, help="The graph of the network's training, instead of a formula's.")
@common.number_option(
    "--order", 0, 9, default=0, help="The graph of the N-th derivative by the first variable."
)
@click.option("--steps", is_flag=True, help="Walk the backward pass; an .svg shows it step after step.")
@click.option("--program", is_flag=True, help="List the NumPy calls that compute value and gradients.")
@common.output_option(help="Draw into this file: .svg, .png or .dot.")
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
    from hellodl.cli import graph_view

    if (expression is None) is not network:
        raise UsageError('graph: expected either a formula, as in "x*z", or --network')
    if output and program:
        raise UsageError(f"{output}: a program is listed, not drawn; leave out -o or --program")
    check_drawing(output, *((SVG,) if steps else (SVG, PNG, DOT)))
    subject = graph_view.subject_of(expression, values, order)
    if program:
        graph_view.tell_program(subject, talk)
    else:
        graph_view.tell_graph(subject, output, talk, steps=steps)

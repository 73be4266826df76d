"""`hellodl graph`: a formula's value, its derivatives, and the graph that gives both."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from hellodl.cli.common import FILE, console, json_option, options, print_json, quiet_option, say
from hellodl.cli.help import Command
from hellodl.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from hellodl.graphs.record import Graph

SUFFIXES = (".svg", ".dot")


@click.command(
    cls=Command,
    examples=(
        ('graph "3*x*x*x + 4*x + 1 + x*z" --at x=2 --at z=0', "the chapter's formula"),
        ('graph "sigmoid(w*x + b)" --at w=1 --at x=2 --at b=0 -o neuron.svg', "as a picture, too"),
    ),
)
@click.argument("expression", metavar="EXPR")
@click.option("--at", "values", multiple=True, metavar="NAME=VALUE", help="A variable's value; repeatable.")
@click.option("-o", "--output", type=FILE, metavar="FILE", help="Write the drawing here: .svg or .dot.")
@options(json_option, quiet_option)
def graph(
    expression: str, values: tuple[str, ...], output: Path | None, *, as_json: bool, quiet: bool
) -> None:
    """Draw the graph of a formula with values and gradients.

    EXPR is made of numbers, variables, + - * / ** ( ), pi, e and the functions exp log sin cos tanh
    sigmoid relu gelu abs sqrt. One that starts with a minus goes in parentheses: "(-x)".
    """
    from hellodl.cli.graph_view import report
    from hellodl.cli.values import read_values
    from hellodl.graphs.formula import formula
    from hellodl.graphs.record import finite, record, show

    if output and output.suffix.lower() not in SUFFIXES:
        raise UsageError(f"{output}: a drawing is written as .svg or .dot; name the file so")
    variables = read_values(values)
    recorded = record(formula(expression, variables), {tensor: name for name, tensor in variables.items()})
    value, gradients = recorded.nodes[0].value, recorded.gradients(variables)
    if output:
        write(output, recorded, f"{' '.join(expression.split())} = {show(value)}")
    if as_json:
        result = {"expression": expression, "value": value, "gradients": gradients, **recorded.for_json()}
        print_json(finite(result))
    else:
        out = console()
        for line in report(recorded, gradients):
            out.print(line, soft_wrap=True)
    if output:
        say(f"drawing: {output}", quiet=quiet or as_json)


def write(path: Path, graph: Graph, caption: str) -> None:
    """Write the drawing whole or not at all, in the format that the file's name says."""
    from hellodl.graphs.svg import svg
    from hellodl.graphs.text import dot
    from hellodl.system.files import write_atomically

    write_atomically(path, (dot(graph) if path.suffix.lower() == ".dot" else svg(graph, caption)).encode())

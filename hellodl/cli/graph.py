"""`hellodl graph`: a formula's value, its derivatives, and the graph that gives both."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from hellodl.cli.common import FILE, json_option, options, print_json, quiet_option, say
from hellodl.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from hellodl.graphs.record import Drawing


@click.command()
@click.argument("expression", metavar="EXPR")
@click.option("--at", "values", multiple=True, metavar="NAME=VALUE", help="A variable's value; repeatable.")
@click.option("-o", "--output", type=FILE, metavar="FILE", help="Write the drawing here: .svg or .dot.")
@options(json_option, quiet_option)
def graph(
    expression: str, values: tuple[str, ...], output: Path | None, *, as_json: bool, quiet: bool
) -> None:
    """Draw the graph of a formula with values and gradients.

    For example: hellodl graph "3*x**3 + 4*x + 1 + x*z" --at x=2 --at z=0

    EXPR is made of numbers, variables, + - * / ** ( ), pi, e and the functions exp log sin cos tanh
    sigmoid relu gelu abs sqrt. One that starts with a minus goes in parentheses: "(-x)".
    """
    from hellodl.cli.graph_view import finite, numbered, show_in_terminal
    from hellodl.graphs.formula import formula, read_values
    from hellodl.graphs.record import drawing, show

    if output and output.suffix.lower() not in (".svg", ".dot"):
        msg = f"{output}: a drawing is written as .svg or .dot; name the file so"
        raise UsageError(msg)
    variables = read_values(values)
    y = formula(expression, variables)
    drawn = drawing(y, {tensor: name for name, tensor in variables.items()})
    value, used = drawn.nodes[0].value, {node.label: node for node in drawn.nodes if node.is_leaf}
    gradients = {name: used[name].gradient if name in used else 0.0 for name in variables}
    if output:
        write(output, drawn, f"{' '.join(expression.split())} = {show(value)}")
    if as_json:
        record = {"expression": expression, "value": value, "gradients": gradients, **numbered(drawn)}
        print_json(finite(record))
    else:
        show_in_terminal(drawn, gradients)
    if output:
        say(f"drawing: {output}", quiet=quiet or as_json)


def write(path: Path, drawn: Drawing, caption: str) -> None:
    """Write the drawing whole or not at all, in the format that the file's name says."""
    from hellodl.graphs.record import dot
    from hellodl.graphs.svg import svg
    from hellodl.system.files import write_atomically

    write_atomically(path, (dot(drawn) if path.suffix.lower() == ".dot" else svg(drawn, caption)).encode())

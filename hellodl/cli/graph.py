"""`hellodl graph`: a formula's value, its derivatives, and the graph that gives both."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, NamedTuple

import click
from click import style

from hellodl.cli import common
from hellodl.cli.drawing import DOT, PNG, SVG, check_drawing, write_drawing
from hellodl.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from hellodl.autograd import Tensor
    from hellodl.graphs.listing import Listing
    from hellodl.graphs.record import Content, Graph, Node

_MOST_ORDERS = 9


@common.command(
    ('graph "3*x*x*x + 4*x + 1 + x*z" --at x=2 --at z=0', "the chapter's formula"),
    ('graph "sigmoid(w*x)" --at w=1 --at x=2 -o neuron.svg', "as a picture, too"),
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
    if (expression is None) is not network:
        raise UsageError('graph: expected either a formula, as in "x*z", or --network')
    if output and program:
        raise UsageError(f"{output}: a program is listed, not drawn; leave out -o or --program")
    check_drawing(output, *((SVG,) if steps else (SVG, PNG, DOT)))
    subject = _subject(expression, values, order)
    if program:
        from hellodl.graphs.listing import listing

        listed = listing(subject.y, subject.variables, subject.others)
        talk.tell(asdict(listed), _calls(listed))
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
    from hellodl.graphs.record import backward_steps, dot, finite, record, show
    from hellodl.graphs.svg import animation, svg

    graph = record(subject.y, subject.variables | subject.others)
    value, gradients = graph.nodes[0].value, graph.gradients(subject.variables.values())
    if output:
        draw, caption = animation if steps else svg, f"{subject.title} = {show(value)}"
        is_dot = output.suffix.lower() == DOT
        write_drawing(output, dot(graph) if is_dot else draw(graph, caption), talk)
    told = {"expression": subject.title, "value": value, "gradients": gradients, **graph.for_json()}
    walked = {"steps": [step._asdict() for step in backward_steps(graph)]} if steps else {}
    lines = _walk(graph) if steps else _report(graph, subject.symbol, gradients)
    talk.tell(finite(told | walked), lines)


def _report(graph: Graph, result: str, gradients: dict[str, Content]) -> Iterator[str]:
    """The value of `result` and its derivatives as the chapter prints them, then the graph as a tree."""
    from hellodl.graphs.record import show, tree

    yield f"{result} = {show(graph.nodes[0].value)}"
    for name, gradient in gradients.items():
        yield f"d{result}/d{name} = {show(gradient)}"
    yield style(f"\n{'value':>12} {'gradient':>12} {'handed down':>12}", dim=True)
    for node, handed_down, branch, seen_before in tree(graph):
        numbers = f"{show(node.value):>12} {show(node.gradient):>12} {style(f'{handed_down:>12}', fg='red')}"
        name = _coloured(node.label or show(node.value), node)
        yield f"{numbers}{style(f'  {branch}', dim=True)}{name}{style(' ↑' * seen_before, dim=True)}"


def _walk(graph: Graph) -> Iterator[str]:
    """The backward pass: each op as it is visited, what it hands to whom, and what that has then."""
    from hellodl.graphs.record import backward_steps, show

    yield f"The top starts with gradient {show(graph.nodes[0].gradient)}."
    for number, step in enumerate(backward_steps(graph), 1):
        node = graph.nodes[step.node]
        yield f"\n{number:>3}  {style(node.title, bold=True)}, gradient {show(node.gradient)}"
        for i, total in step.handed_down:
            edge = graph.edges[i]
            target = graph.nodes[edge.target]
            share = style(f"{show(edge.handed_down, '+'):>16}", fg="red")
            has = style(f", which now has {show(total)}", dim=True) if target.label else ""
            yield f"{share}{style(' to ', dim=True)}{_coloured(target.title, target)}{has}"


def _coloured(name: str, node: Node) -> str:
    """A variable's name stands out."""
    return style(name, fg="cyan", bold=True) if node.is_leaf and node.label else name


def _calls(listing: Listing) -> Iterator[str]:
    """A program line by line, then what it saves to use buffers again."""
    width = max((len(call.formula) for call in listing.calls), default=0)
    for number, call in enumerate(listing.calls, 1):
        result = f"{style(f'{number:>4} ', dim=True)}{style(f'{call.buffer:>4}', bold=True)}"
        use = style(f"{call.shape!s:<12} {call.use}", dim=call.use != "new" or None)
        yield f"{result} = {call.formula:<{width}}  {use}"
    yield f"\n{len(listing.calls)} calls use {listing.buffers} buffers, in all {listing.bytes:,} bytes;"
    yield f"with a buffer for each call it would be {listing.bytes_unshared:,}"

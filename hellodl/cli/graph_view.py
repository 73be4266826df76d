"""How `hellodl graph` looks: a tree with values and gradients, the backward pass in steps, a program."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

from click import style

from hellodl.autograd import Tensor, grad
from hellodl.cli.common import Talk
from hellodl.cli.drawing import DOT, write_drawing
from hellodl.errors import UsageError
from hellodl.graphs.formula import formula, read_values
from hellodl.graphs.listing import Listing, listing
from hellodl.graphs.network import training_graph
from hellodl.graphs.record import Content, Graph, Node, backward_steps, dot, finite, record, show, tree
from hellodl.graphs.svg import animation, svg


class Subject(NamedTuple):
    """What is drawn: its result, the names of its variables and of other leaves, and what it is itself."""

    y: Tensor
    variables: dict[Tensor, str]
    others: dict[Tensor, str]
    title: str
    symbol: str


def subject_of(expression: str | None, values: Sequence[str], order: int) -> Subject:
    """The formula, or the network, or a derivative of it."""
    if expression is None:
        if order or values:
            raise UsageError("graph: --order and --at go with a formula, not with --network")
        return Subject(*training_graph(), "loss", "loss")
    variables = read_values(values)
    if order and not variables:
        raise UsageError("--order: a derivative needs a variable, as in --at x=2")
    y = formula(expression, variables)
    for _ in range(order):
        y = grad(y, next(iter(variables.values())))
    title, symbol = " ".join(expression.split()), "f" if "y" in variables else "y"
    names = {tensor: name for name, tensor in variables.items()}
    return Subject(y, names, {}, f"({title}){'′' * order}" if order else title, symbol + "′" * order)


def tell_graph(subject: Subject, output: Path | None, talk: Talk, *, steps: bool) -> None:
    """The graph as text or JSON, and in a file if one is named."""
    graph = record(subject.y, subject.variables | subject.others)
    value, gradients = graph.nodes[0].value, graph.gradients(subject.variables.values())
    if output:
        draw, caption = animation if steps else svg, f"{subject.title} = {show(value)}"
        is_dot = output.suffix.lower() == DOT
        write_drawing(output, dot(graph) if is_dot else draw(graph, caption), talk)
    if isinstance(value, float) and not math.isfinite(value):
        talk.say(f"{subject.title} has no finite value there; what is said of its derivatives means nothing")
    told = {"expression": subject.title, "value": value, "gradients": gradients, **graph.for_json()}
    walked = {"steps": [step._asdict() for step in backward_steps(graph)]} if steps else {}
    lines = _walk(graph) if steps else _report(graph, subject.symbol, gradients)
    talk.tell(finite(told | walked), lines)


def tell_program(subject: Subject, talk: Talk) -> None:
    """The program that computes value and gradients, as text or JSON."""
    listed = listing(subject.y, subject.variables, subject.others)
    talk.tell(asdict(listed), _calls(listed))


def _report(graph: Graph, result: str, gradients: dict[str, Content]) -> Iterator[str]:
    """The value of `result` and its derivatives as the chapter prints them, then the graph as a tree."""
    derivative = f" = d{result[:-1]}/d{next(iter(gradients))}" if result.endswith("′") else ""
    yield f"{result}{derivative} = {show(graph.nodes[0].value)}"
    for name, gradient in gradients.items():
        told = f"= {show(gradient)}" if isinstance(gradient, float) else f"is {math.prod(gradient):,} numbers"
        yield f"d{result}/d{name} {told}"
    yield style(f"\n{'value':>12} {'gradient':>12} {'handed down':>12}", dim=True)
    for node, handed_down, branch, seen_before in tree(graph):
        numbers = f"{show(node.value):>12} {show(node.gradient):>12} {style(f'{handed_down:>12}', fg='red')}"
        name = _coloured(node.label or show(node.value), node)
        yield f"{numbers}{style(f'  {branch}', dim=True)}{name}{style(' ↑' * seen_before, dim=True)}"


def _walk(graph: Graph) -> Iterator[str]:
    """The backward pass: each op as it is visited, what it hands to whom, and what that has then."""
    yield f"The top starts with gradient {show(graph.nodes[0].gradient)}."
    for number, step in enumerate(backward_steps(graph), 1):
        node = graph.nodes[step.node]
        yield f"\n{number:>3}  {style(node.title, bold=True)}, gradient {show(node.gradient)}"
        for i, total in step.handed_down:
            edge = graph.edges[i]
            target = graph.nodes[edge.target]
            share = style(f"{show(edge.handed_down, '+'):>16}", fg="red")
            has = style(f", whose gradient is now {show(total)}", dim=True) if target.label else ""
            yield f"{share}{style(' to ', dim=True)}{_coloured(target.told, target)}{has}"


def _coloured(name: str, node: Node) -> str:
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

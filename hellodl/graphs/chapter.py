"""The chapter, live: https://github.com/berthubert/hello-dl-posts/blob/main/autograd/index.md.

Each function is a section: its docstring says what the chapter says, its body computes that. `same` compares
what was computed with what the chapter prints, and fails if they differ.
"""

from __future__ import annotations

import inspect
import math
import re
import textwrap
from importlib import resources
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from hellodl.autograd import Tensor, grad
from hellodl.autograd.tensor import topological_order
from hellodl.errors import HellodlError
from hellodl.graphs.descent import descend
from hellodl.graphs.network import training_graph
from hellodl.graphs.record import record
from hellodl.graphs.text import outline
from hellodl.nn import DigitNet
from hellodl.optim import SGD
from hellodl.system.processors import one_blas_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


LINES_A_MINUTE = 20  # of source, for somebody who reads every word


class Section(NamedTuple):
    """A section: its title, its text, the code that was run, and what that showed."""

    title: str
    text: str
    code: str
    shown: list[str]


class Same:
    """Compares numbers with the chapter's, and remembers what is to be shown."""

    def __init__(self) -> None:
        self.shown: list[str] = []

    def __call__(self, what: str, got: Any, expected: Any) -> None:
        """Show a result that must be what the chapter says, to six digits."""
        if not np.allclose(np.asarray(got), expected, rtol=1e-6):
            raise HellodlError(f"chapter: {what} is {got}, but the chapter says {expected}")
        self.shown.append(f"{what} = {got}")


def the_basics(same: Same) -> None:
    """Three matrices read digits; between them what is negative is replaced by 0."""
    model = DigitNet()
    shapes = {name: knobs.shape for name, knobs in model.named_parameters().items()}
    same("the last matrix", shapes["lc3.weight"], (10, 64))
    weights = sum(math.prod(shape) for shape in shapes.values() if len(shape) == 2)
    biases = sum(math.prod(shape) for shape in shapes.values() if len(shape) == 1)
    same("weights", weights, 128 * 784 + 64 * 128 + 10 * 64)
    same("biases", biases, 128 + 64 + 10)


def turning_the_knobs(same: Same) -> None:
    """Learning moves each knob by 0.1 of its derivative. For R = p1·w1 + p2·w2 + … that of wn is pn."""
    p, w = Tensor([0.5, 0.0, 0.25]), Tensor([1.0, 2.0, 3.0])
    same("derivatives of R by w", grad((p * w).sum(), w), p.value)
    hill = descend("(x - 2)**2", {"x": -1.0}, lr=0.1, momentum=0, steps=50)
    same("the foot of the hill", round(hill.points[-1][0], 1), 2)


def automatic_differentiation(same: Same) -> None:
    """2x³ + 4x² + 3x + 2 has the derivative 6x² + 8x + 3; the chain rule gives that of its sine."""
    x = Tensor(0.5)
    y = 2 * x**3 + 4 * x**2 + 3 * x + 2
    same("dy/dx at 0.5", grad(y, x), 6 * 0.5**2 + 8 * 0.5 + 3)
    same("d sin(y)/dx", grad(y.sin(), x), 8.5 * np.cos(y.item()))


def autograd(same: Same) -> None:
    """Typing the formula computes nothing; asking for its value does, and backward() sets the gradients."""
    x, z = Tensor(2.0), Tensor(0.0)
    y = 3 * x * x * x + 4 * x + 1 + x * z
    same.shown.append(f"before anybody asks: {y!r}")
    same("y", y, 33)
    y.backward()
    same("dy/dx", x.grad, 40)
    same("dy/dz", z.grad, 2)


def the_graph(same: Same) -> None:
    """The formula is a graph. In x·z each side is handed the other's value; from there they drop down."""
    x, z, a = Tensor(2.0), Tensor(0.0), Tensor(1.0)
    same("gradients of x·z", grad(x * z, x, z), (0, 2))
    same("gradients of x·(z+a)", grad(x * (z + a), x, z, a), (1, 2, 2))
    graph = record(3 * x * x * x + 4 * x + 1 + x * z, {x: "x", z: "z"})
    same("nodes", len(graph.nodes), 13)
    same("edges", len(graph.edges), 16)
    handed = [e.handed_down for e in graph.edges if graph.nodes[e.target].label == "x"]
    same("what x is handed", sorted(handed), [0, 4, 12, 12, 12])
    same.shown += outline(graph)


def sorting(same: Same) -> None:
    """Sorted, leaves come first and the top last, each node once; backwards, gradients trickle down."""
    x, z = Tensor(2.0), Tensor(0.0)
    order = topological_order(3 * x * x * x + 4 * x + 1 + x * z)
    same("nodes, each once", (len(order), len(set(order))), (13, 13))
    places = {node: place for place, node in enumerate(order)}
    too_early = [n for n in order for i in n.inputs if places[i] > places[n]]
    same("nodes that come before an input", len(too_early), 0)


def beyond_first_derivatives(same: Same) -> None:
    """Gradients are graphs themselves, so they have gradients: 9x² + 4 + z, then 18x, then 18."""
    x, z = Tensor(2.0), Tensor(0.0)
    first = grad(3 * x * x * x + 4 * x + 1 + x * z, x)
    second = grad(first, x)
    third = grad(second, x)
    same("all three", [t.item() for t in (first, second, third)], [40, 36, 18])


def matrices(same: Same) -> None:
    """For matrices the same rule has transposes: the left side gets g·bᵀ, the right side aᵀ·g."""
    a, b = Tensor([[1.0, 2.0], [3.0, 4.0]]), Tensor([[5.0, 6.0], [7.0, 8.0]])
    left, right = grad((a @ b).sum(), a, b)
    same("left", left.value.tolist(), np.ones((2, 2)) @ b.value.T)
    same("right", right.value.tolist(), a.value.T @ np.ones((2, 2)))


def and_it_learns(same: Same) -> None:
    """All of this on the network: twenty steps down the hill, each along 109,386 derivatives at once."""
    loss, knobs, _ = training_graph()
    before, hill = loss.item(), SGD(knobs, lr=0.1)
    for _ in range(20):
        loss.backward()
        hill.step()
    same("lower losses", int(loss.item() < before), 1)
    same.shown.append(f"loss: {before:.3f} → {loss.item():.3f}")


SECTIONS: tuple[Callable[[Same], None], ...] = (
    the_basics,
    turning_the_knobs,
    automatic_differentiation,
    autograd,
    the_graph,
    sorting,
    beyond_first_derivatives,
    matrices,
    and_it_learns,
)


def walk() -> Iterator[Section]:
    """The chapter, section by section. Raises HellodlError where it is not as the chapter says."""
    one_blas_thread()  # two would wait for each other on a busy machine
    for section in SECTIONS:
        same = Same()
        section(same)
        _, _, body = inspect.getsource(section).partition('"""\n')
        title = section.__name__.replace("_", " ")
        yield Section(
            title[0].upper() + title[1:],
            " ".join((section.__doc__ or "").split()),
            textwrap.dedent(body).strip(),
            same.shown,
        )


def course() -> str:
    """Where to go from there: a reading order with minutes, a glossary, exercises; Markdown."""
    home = resources.files("hellodl")

    def with_minutes(row: re.Match[str]) -> str:
        lines = len((home / row[1]).read_text(encoding="utf-8").splitlines())
        return f"{row[0]} {math.ceil(lines / LINES_A_MINUTE)} min |"

    text = (home / "graphs" / "course.md").read_text(encoding="utf-8")
    return re.sub(r"^\| `(\S+\.py)` \|", with_minutes, text, flags=re.MULTILINE).replace(
        "| file | what to look for |\n|---|---|", "| file | time | what to look for |\n|---|---|---|"
    )

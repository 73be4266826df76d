"""A graph as a picture: the chapter's drawing, still, or built up by the backward pass."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

from hellodl.autograd import Tensor
from hellodl.graphs.layout import Spot, layout
from hellodl.graphs.picture import CHARACTER, MARGIN, box, path, picture, shortened, stylesheet, text, through
from hellodl.graphs.record import Content, Graph, Node, backward_steps, outline, record, show

_HEIGHT, _ROW, _CAPTION = 46.0, 52, 40.0  # of a box; from row to row; of a line of text above or below
_LINE = 18.0  # the height of a label
_BASELINE, _APART = 5, 9  # from a text's middle to its baseline, and from a box's middle to that of its lines
_PACE, _REST = 3, 3  # seconds a step; how many steps long the end stays
_FILM = """.frame {{ animation: {}s step-end infinite }}
@media (prefers-reduced-motion: reduce) {{
.frame {{ animation: none !important }} .passing {{ opacity: 0 }} }}"""


@dataclass(frozen=True)
class Drawing:
    """A graph to look at: a notebook shows it as a picture, whatever knows only text as a tree."""

    graph: Graph

    def _repr_svg_(self) -> str:
        return svg(self.graph, show(self.graph.nodes[0].value))

    def __repr__(self) -> str:
        return "\n".join(outline(self.graph))


def draw(y: Tensor, /, **names: Tensor) -> Drawing:
    """The graph of the scalar `y` with values and gradients, as in the chapter: `hellodl.graph(y, x=x, z=z)`.

    `names` say what leaves are called. Raises as `record` does.
    """
    return Drawing(record(y, {tensor: name for name, tensor in names.items()}))


def svg(graph: Graph, caption: str) -> str:
    """The graph as an SVG document of its own, with a formula above it."""
    scene = _Scene(graph, [caption])
    gradients = [scene.gradient(i, node.gradient) for i, node in enumerate(graph.nodes) if node.label]
    edges = range(len(graph.edges))
    arrows, shares = [scene.arrow(i) for i in edges], [scene.share(i) for i in edges]
    return scene.document(arrows, [*gradients, *shares])


def animation(graph: Graph, caption: str) -> str:
    """The same picture, built up by the backward pass step after step, over and over, without a script.

    Where animations are unknown or unwanted it shows the end.
    """
    steps = list(backward_steps(graph))
    scene = _Scene(graph, [caption, *(f"{n}. {step.told(graph)}" for n, step in enumerate(steps, 1))])
    length = len(steps) + 1 + _REST
    shown = partial(_shown, length)
    arrows = [scene.arrow(i, "quiet") for i in range(len(graph.edges))]
    visits, shares = [], []
    collected: dict[int, list[tuple[int, Content]]] = {0: [(0, graph.nodes[0].gradient)]}
    for moment, step in enumerate(steps, 1):
        visits.append(shown(scene.box(step.node, "now") + scene.note(moment), moment, moment + 1))
        for i, total in step.handed_down:
            shares.append(shown(scene.arrow(i) + scene.share(i), moment))
            collected.setdefault(graph.edges[i].target, []).append((moment, total))
    gradients = [
        shown(scene.gradient(i, total), start, None if end == length else end)
        for i, totals in collected.items()
        if graph.nodes[i].label
        for (start, total), (end, _) in pairwise([*totals, (length, 0.0)])
        if start != end
    ]
    return scene.document(arrows, [*visits, *gradients, *shares], _FILM.format(length * _PACE))


def _shown(length: int, part: str, start: int, end: int | None = None) -> str:
    """A part of a film of so many steps: it shows up at one, and goes at another unless it is to stay."""
    name, moments = f"f{start}-{end or ''}", {0: 0, start: 1} | ({end: 0} if end else {})
    frames = " ".join(f"{100 * t / length:.3f}% {{ opacity: {o} }}" for t, o in moments.items())
    kind = f'class="frame{" passing" * bool(end)}" style="animation-name: {name}"'
    return f"<style>@keyframes {name} {{ {frames} }}</style><g {kind}>{part}</g>"


class _Scene:
    """Where everything in a graph's picture is. `notes`: the caption, and what is said below in turn."""

    def __init__(self, graph: Graph, notes: Sequence[str]) -> None:
        self.graph, self.notes = graph, [shortened(note) for note in notes]
        self._labels = [show(edge.handed_down, "+") for edge in graph.edges]
        widths = [CHARACTER * len(label) for label in self._labels]
        letters = (max(len(node.title), len(node.subtitle)) for node in graph.nodes)
        sizes = [max(CHARACTER * n + 20, _HEIGHT) for n in letters]
        self.boxes, self.routes = layout(graph, sizes, widths)
        spots = {spot for route in [self.boxes, *self.routes] for spot in route}
        left = min(spot.x - spot.width / 2 for spot in spots)
        needed = max(spot.x + spot.width / 2 for spot in spots) - left
        inner = max(needed, CHARACTER * max(map(len, self.notes)))
        for spot in spots:
            spot.x += MARGIN + (inner - needed) / 2 - left
            spot.y = spot.row * _ROW + _CAPTION + MARGIN + _HEIGHT / 2 - 10
        self.width = inner + 2 * MARGIN
        bottom = max(spot.y for spot in spots) + _HEIGHT / 2
        self.height = bottom + MARGIN + _CAPTION * (len(notes) > 1)
        self._courses = [through(_points(route)) for route in self.routes]

    def document(self, arrows: list[str], parts: list[str], styles: str = "") -> str:
        """The whole picture: arrows below the boxes, the other parts above."""
        caption = text("caption", self.width / 2, _CAPTION, self.notes[0])
        boxes = [self.box(i, _kind(node)) for i, node in enumerate(self.graph.nodes)]
        everything = [caption, *arrows, *boxes, *parts]
        return picture(self.width, self.height, everything, self.notes[0], stylesheet() + styles)

    def arrow(self, i: int, style: str = "edge") -> str:
        return path(style, self._courses[i], ' marker-end="url(#tip)"' if style == "edge" else "")

    def share(self, i: int) -> str:
        """What an edge hands down, beside its source."""
        spot = self.routes[i][1]
        paper = box("page", spot.x - spot.width / 2, spot.y - _LINE / 2, spot.width, _LINE)
        return paper + _write("label", self._labels[i], spot)

    def box(self, i: int, style: str) -> str:
        node, spot = self.graph.nodes[i], self.boxes[i]
        x, y = spot.x - spot.width / 2, spot.y - _HEIGHT / 2
        frame = box(style, x, y, spot.width, _HEIGHT, 6 if node.is_leaf else _HEIGHT / 2)
        title = "name" if _kind(node) == "variable" else "title"
        return frame + _write(title, node.title, spot, -_APART if node.label else 0)

    def gradient(self, i: int, gradient: Content) -> str:
        return _write("gradient", f"grad={show(gradient)}", self.boxes[i], _APART)

    def note(self, i: int) -> str:
        """One of the notes, below everything."""
        return text("caption", self.width / 2, self.height - MARGIN, self.notes[i])


def _kind(node: Node) -> str:
    return "op" if not node.is_leaf else "variable" if node.label else "constant"


def _write(style: str, words: str, spot: Spot, lower: float = 0) -> str:
    """Text in the middle of a spot, or a little lower."""
    return text(style, spot.x, spot.y + lower + _BASELINE, words)


def _points(route: Sequence[Spot]) -> list[tuple[float, float]]:
    """What an edge runs through; beside a box it runs straight down, so as not to touch it."""
    start, *between, end = route
    points = [(_port(start, start.below, between[0]), start.y + _HEIGHT / 2)]
    for spot in between:
        beside = _HEIGHT / 2 if spot.row % 2 == 0 else 0
        points += [(spot.x, spot.y + y) for y in sorted({-beside, beside})]
    return [*points, (_port(end, end.above, between[-1]), end.y - _HEIGHT / 2)]


def _port(node: Spot, neighbours: Sequence[Spot], neighbour: Spot) -> float:
    """The x where an edge meets its box: side by side, in the order of where they come from or go to."""
    nth = sorted(neighbours, key=lambda spot: spot.x).index(neighbour)
    return node.x + 0.6 * node.width * ((nth + 0.5) / len(neighbours) - 0.5)

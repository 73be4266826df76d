"""SVG pictures in one set of styles, for light and dark pages; every colour is chosen here, once."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_MONO = 'ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", "Liberation Mono", monospace'
MARGIN = 28.0  # around a picture
_LONGEST_CAPTION = 100  # characters
CHARACTER = 8.5  # pixels, the width of 14-pixel monospaced type and a little more


@dataclass(frozen=True)
class Style:
    """How a class of shapes looks: colours on light and dark paper, a line's width, the size of type."""

    fill: str = "none"
    stroke: str = "none"
    dark_fill: str = "none"
    dark_stroke: str = "none"
    width: float = 0.0
    size: float = 0.0
    bold: bool = False

    def css(self) -> str:
        """All but what depends on the theme."""
        text = f"font: {'bold ' * self.bold}{self.size:g}px {_MONO}; " if self.size else ""
        return f"{text}stroke-width: {self.width:g}px; stroke-linejoin: round; stroke-linecap: round"


# GitHub's palette: text has a contrast of at least 4.5 to the paper. No meaning hangs on a colour alone.
_INK, _RED, _BLUE = ("#1f2328", "#e6edf3"), ("#cf222e", "#ff8f87"), ("#0969da", "#58a6ff")
_PAPER, _FAINT, _GREY = ("#ffffff", "#0d1117"), ("#d1d9e0", "#30363d"), ("#59636e", "#9198a1")
_DIGITS = (  # after Paul Tol's palettes for the colour-blind; seen on light and on dark paper
    "#4477aa", "#ee6677", "#228833", "#aa7700", "#33a1c9",
    "#aa3377", "#777777", "#994455", "#5566cc", "#44aa99",
)  # fmt: skip


def _filled(colour: tuple[str, str], edge: tuple[str, str] = ("none", "none"), width: float = 0) -> Style:
    """A shape's style from its colours on light and dark paper."""
    return Style(colour[0], edge[0], colour[1], edge[1], width)


def _line(colour: tuple[str, str], width: float) -> Style:
    """A line's style."""
    return Style(stroke=colour[0], dark_stroke=colour[1], width=width)


def words(colour: tuple[str, str], size: float = 14, *, bold: bool = False) -> Style:
    """The style of text."""
    return Style(colour[0], dark_fill=colour[1], size=size, bold=bold)


_STYLES = {
    "page": _filled(_PAPER),
    "op": _filled(("#f6f8fa", "#1c2128"), ("#818b98", "#6e7681"), 1.2),
    "variable": _filled(("#ddf4ff", "#0b2a4d"), _BLUE, 1.6),
    "constant": _filled(_PAPER, ("#c4ccd4", "#545d68"), 1.2),
    "now": _filled(("#fff8c5", "#4b3a00"), ("#9a6700", "#d29922"), 2.5),
    "edge": _line(_RED, 1.3),
    "quiet": _line(_FAINT, 1.3),
    "tip": _filled(_RED),
    "title": words(_INK),
    "name": words(_INK, bold=True),
    "gradient": words(_RED),
    "label": words(_RED),
    "caption": words(_INK),
    "axis": _line(_FAINT, 1),
    "curve": _line(_GREY, 1.5),
    "level": _line(_GREY, 1),
    "path": _line(_RED, 1.6),
    "dot": _filled(_RED),
    "start": _filled(_BLUE, _PAPER, 1.5),
    "tick": words(_GREY, 12),
    "note": words(_INK, 13),
    "right": _filled(("#1a7f37", "#3fb950")),
    "wrong": _filled(_RED),
    "bar": _filled(_BLUE),
    "series": _line(_BLUE, 2),
    "other": _line(_RED, 2),
    "count": words(_INK, 12),
    "badge": _filled(_PAPER, _GREY, 1),
    **{f"d{digit}": _line((colour, colour), 4) for digit, colour in enumerate(_DIGITS)},
}


def stylesheet() -> str:
    """The styles as CSS: light paper, and dark paper where the reader prefers it."""
    light = (f".{n} {{ fill: {s.fill}; stroke: {s.stroke}; {s.css()} }}" for n, s in _STYLES.items())
    dark = (f".{n} {{ fill: {s.dark_fill}; stroke: {s.dark_stroke} }}" for n, s in _STYLES.items())
    return "\n".join([*light, "@media (prefers-color-scheme: dark) {", *dark, "}"])


def shortened(words: str) -> str:
    """Words that fit above a picture."""
    return words if len(words) <= _LONGEST_CAPTION else words[: _LONGEST_CAPTION - 1] + "…"


def text(style: str, x: float, y: float, content: str, anchor: str = "middle") -> str:
    """Words on one line, their baseline at y; `anchor` is start, middle or end."""
    return f'<text class="{style}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(content)}</text>'


def box(
    style: str, x: float, y: float, width: float, height: float, radius: float = 0, more: str = ""
) -> str:
    """A rectangle with round corners."""
    return (
        f'<rect class="{style}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" '
        f'rx="{radius:g}"{more}/>'
    )


def dot(style: str, x: float, y: float, radius: float) -> str:
    """A round dot."""
    return f'<circle class="{style}" cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}"/>'


def path(style: str, course: str, more: str = "") -> str:
    """A line along M, L and C commands."""
    return f'<path class="{style}" d="{course}"{more}/>'


def through(points: Iterable[tuple[float, float]]) -> str:
    """The course of a line with corners at the points."""
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)


def picture(width: float, height: float, parts: list[str], title: str, styles: str = "") -> str:
    """An SVG element; with `styles` it is a document of its own, on paper of its own."""
    paper = box("page", 0, 0, width, height, 10) if styles else ""
    name = escape(title, quote=True)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.1f} {height:.1f}" role="img" aria-label="{name}">'
    )
    alone = [f"<title>{name}</title><style>{styles}</style>", _TIP, paper] if styles else []
    return "\n".join([head, *alone, *parts, "</svg>\n"])


_TIP = """<marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto">
<path class="tip" d="M0 0.5L8 4L0 7.5z"/></marker>"""

"""SVG pictures in one set of styles, for light and dark pages; every colour is chosen here, once."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable

_MONO = 'ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", "Liberation Mono", monospace'
MARGIN = 28.0  # around a picture
_LONGEST_CAPTION = 100  # characters
CHARACTER = 8.5  # pixels, the width of 14-pixel monospaced type and a little more


# On light and on dark paper: GitHub's palette, where text has a contrast of at least 4.5 to the paper. No
# meaning hangs on a colour alone.
Colour: TypeAlias = tuple[str, str]
_NONE, _INK, _RED = ("none", "none"), ("#1f2328", "#e6edf3"), ("#cf222e", "#ff8f87")
_BLUE, _PAPER = ("#0969da", "#58a6ff"), ("#ffffff", "#0d1117")
_FAINT, _GREY = ("#d1d9e0", "#30363d"), ("#59636e", "#9198a1")
_DIGITS = (  # after Paul Tol's palettes for the colour-blind; seen on light and on dark paper
    "#4477aa", "#ee6677", "#228833", "#aa7700", "#33a1c9",
    "#aa3377", "#777777", "#994455", "#5566cc", "#44aa99",
)  # fmt: skip


class Style(NamedTuple):
    """How a class of shapes looks: its colours, a line's width, its type."""

    fill: Colour = _NONE
    stroke: Colour = _NONE
    width: float = 0.0
    font: str = ""  # weight and size

    def colours(self, theme: int) -> str:
        """Those on light (0) or dark (1) paper, as CSS."""
        return f"fill: {self.fill[theme]}; stroke: {self.stroke[theme]}"

    def css(self) -> str:
        """All else."""
        text = f"font: {self.font} {_MONO}; " if self.font else ""
        return f"{text}stroke-width: {self.width:g}px; stroke-linejoin: round; stroke-linecap: round"


_STYLES = {
    "page": Style(_PAPER),
    "op": Style(("#f6f8fa", "#1c2128"), ("#818b98", "#6e7681"), 1.2),
    "variable": Style(("#ddf4ff", "#0b2a4d"), _BLUE, 1.6),
    "constant": Style(_PAPER, ("#c4ccd4", "#545d68"), 1.2),
    "now": Style(("#fff8c5", "#4b3a00"), ("#9a6700", "#d29922"), 2.5),
    "edge": Style(stroke=_RED, width=1.3),
    "quiet": Style(stroke=_FAINT, width=1.3),
    "tip": Style(_RED),
    "title": Style(_INK, font="14px"),
    "name": Style(_INK, font="bold 14px"),
    "gradient": Style(_RED, font="14px"),
    "label": Style(_RED, font="14px"),
    "caption": Style(_INK, font="14px"),
    "axis": Style(stroke=_FAINT, width=1),
    "curve": Style(stroke=_GREY, width=1.5),
    "level": Style(stroke=_GREY, width=1),
    "path": Style(stroke=_RED, width=1.6),
    "dot": Style(_RED),
    "start": Style(_BLUE, _PAPER, 1.5),
    "tick": Style(_GREY, font="12px"),
    "note": Style(_INK, font="13px"),
    "right": Style(("#1a7f37", "#3fb950")),
    "wrong": Style(_RED),
    "bar": Style(_BLUE),
    "series": Style(stroke=_BLUE, width=2),
    "other": Style(stroke=_RED, width=2),
    "count": Style(_INK, font="12px"),
    "badge": Style(_PAPER, _GREY, 1),
    **{f"d{digit}": Style(stroke=(colour, colour), width=4) for digit, colour in enumerate(_DIGITS)},
}


def stylesheet() -> str:
    """The styles as CSS: light paper, and dark paper where the reader prefers it."""
    light = (f".{name} {{ {style.colours(0)}; {style.css()} }}" for name, style in _STYLES.items())
    dark = (f".{name} {{ {style.colours(1)} }}" for name, style in _STYLES.items())
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

"""SVG pictures in one set of styles, for light and dark pages; every colour is chosen in picture.css."""

from collections.abc import Iterable
from html import escape
from pathlib import Path

MARGIN = 28.0  # around a picture
_LONGEST_CAPTION = 100  # characters
CHARACTER = 8.5  # pixels, the width of 14-pixel monospaced type and a little more


def stylesheet() -> str:
    """The styles as CSS: light paper, and dark paper where the reader prefers it."""
    return Path(__file__).with_suffix(".css").read_text(encoding="utf-8")


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
    name = escape(title, quote=True)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.1f} {height:.1f}" role="img" aria-label="{name}">'
    )
    alone = [f"<title>{name}</title><style>{styles}</style>", _TIP, box("page", 0, 0, width, height, 10)]
    return "\n".join([head, *(alone if styles else []), *parts, "</svg>\n"])


_TIP = """<marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto">
<path class="tip" d="M0 0.5L8 4L0 7.5z"/></marker>"""

"""Drawings in files: the ending says in which form."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from hellodl.errors import HellodlError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from hellodl.cli.common import Talk

SVG, PNG, DOT = ".svg", ".png", ".dot"
_ZOOM = 2  # pixels of a PNG for one of the drawing, so that it is sharp on fine screens


def check_ending(path: Path | None, *endings: str) -> None:
    """Raise UsageError unless a file's name ends in one of these."""
    if path and path.suffix.lower() not in endings:
        *others, last = endings
        raise UsageError(
            f"{path}: expected a name that ends in {', '.join(others)}{' or ' * bool(others)}{last}"
        )


def write_drawing(path: Path, talk: Talk, svg: Callable[[], str], dot: Callable[[], str] = str) -> None:
    """Write a drawing whole or not at all, in the form that the file's name says, and say so.

    Raises HellodlError.
    """
    from hellodl.system.files import write_atomically

    ending = path.suffix.lower()
    text = dot() if ending == DOT else svg()
    write_atomically(path, _png(text, path) if ending == PNG else text.encode())
    talk.say(f"drawing: {path}")


def _png(svg: str, path: Path) -> bytes:
    """An SVG as PNG. Where a machine has no fonts, Pillow's own serves."""
    from tempfile import TemporaryDirectory

    from PIL import ImageFont

    try:
        from resvg_py import svg_to_bytes
    except ImportError:
        remedy = f"{sys.executable} -m pip install resvg-py"
        raise HellodlError(
            f"{path}: a .png needs one more package; `{remedy}`, or name the file .svg"
        ) from None
    font: ImageFont.FreeTypeFont = ImageFont.load_default(_ZOOM)  # type: ignore[assignment] # in all wheels
    with TemporaryDirectory() as folder:
        file = Path(folder, "plain.ttf")
        file.write_bytes(font.font_bytes)
        family = font.getname()[0]
        return svg_to_bytes(svg_string=svg, zoom=_ZOOM, font_files=[str(file)], monospace_family=family)

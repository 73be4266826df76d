"""Drawings in files: the ending says in which form, and a file that hellodl did not write stays as it is."""

from __future__ import annotations

import re
import sys
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from hellodl.errors import HellodlError, UsageError
from hellodl.system.files import make_folder_of, open_plain, write_atomically, writing
from hellodl.version import __version__

if TYPE_CHECKING:
    from PIL.Image import Image

    from hellodl.cli.common import Talk

SVG, PNG, DOT, HTML = ".svg", ".png", ".dot", ".html"
_ZOOM = 2  # pixels of a PNG for one of the drawing, so that it is sharp on fine screens
_OURS = re.compile(rb"(drawn by |written by |Software\0|\x12\x07)hellodl|upright\.npy")
"""In text and C; in a PNG and in ONNX, which have fields for it; of NumPy's archives, the first name."""
_NO_TEXT = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # what XML allows in no text
_HEAD = 1 << 16  # bytes, among which this stands


def check_drawing(path: Path | None, *endings: str, force: bool = False) -> None:
    """Make a file's folder. Raise UsageError unless a drawing may go there.

    Its name has to end so, and what is there has to be hellodl's own, or `force` gives it up.
    """
    if path is None:
        return
    if path.suffix.lower() not in endings:
        raise UsageError(f"{path}: expected a name that ends in {' or '.join(endings)}")
    make_folder_of(path)
    why = "hellodl did not write what is there; choose another name"
    try:
        with open_plain(path) as file:
            if force or _OURS.search(file.read(_HEAD)):
                return
    except FileNotFoundError:
        return
    except OSError as error:
        why = error.strerror or why
    raise UsageError(f"{path}: cannot be written: {why}")


def write_drawing(path: Path, drawing: str | Image, talk: Talk, what: str = "drawing") -> None:
    """Write a picture or text, an SVG where the name ends in .png, wholly or not at all, and say so.

    Raises HellodlError.
    """
    ending = path.suffix.lower()
    if isinstance(drawing, str):
        drawing = _NO_TEXT.sub(lambda found: repr(found[0])[1:-1], drawing)  # names may hold any bytes
    if ending == PNG:
        content = _png(_painted(drawing, path) if isinstance(drawing, str) else drawing)
    else:
        start, end, rest = str(drawing).partition("{" if ending == DOT else ">")
        mark = f"drawn by hellodl {__version__}"
        content = f"{start}{end}{f'/* {mark} */' if ending == DOT else f'<!-- {mark} -->'}{rest}".encode()
    write_atomically(path, content)
    talk.say(f"{what}: {path}")


def _png(image: Image) -> bytes:
    from PIL.PngImagePlugin import PngInfo

    mark, file = PngInfo(), BytesIO()
    mark.add_text("Software", f"hellodl {__version__}")
    image.save(file, "PNG", pnginfo=mark, optimize=True)
    return file.getvalue()


def _painted(svg: str, path: Path) -> Image:
    """An SVG as a picture. Where a machine has no fonts, Pillow's own serves."""
    from tempfile import TemporaryDirectory

    from PIL import Image, ImageFont

    try:
        from resvg_py import svg_to_bytes
    except ImportError:
        remedy = f"{sys.executable} -m pip install resvg-py"
        raise HellodlError(
            f"{path}: a .png needs one more package; `{remedy}`, or name the file .svg"
        ) from None
    font: ImageFont.FreeTypeFont = ImageFont.load_default(_ZOOM)  # type: ignore[assignment] # in all wheels
    with writing(path), TemporaryDirectory() as folder:
        file = Path(folder, "plain.ttf")
        file.write_bytes(font.font_bytes)
        family = font.getname()[0]
        png = svg_to_bytes(svg_string=svg, zoom=_ZOOM, font_files=[str(file)], monospace_family=family)
    return Image.open(BytesIO(png))

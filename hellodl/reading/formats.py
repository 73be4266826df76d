"""Which formats are read: many that Pillow knows, and with an extra package HEIC and the pages of PDFs."""

from __future__ import annotations

from importlib import import_module
from typing import IO, TYPE_CHECKING, Any

from hellodl.errors import PictureError

if TYPE_CHECKING:
    from PIL.Image import Image

FORMATS = ("PNG", "JPEG", "BMP", "DIB", "GIF", "WEBP", "TIFF", "PPM", "AVIF")

HEIC = {b"ftyphei", b"ftyphev", b"ftypmif"}
"""What stands after the first four bytes of the format of some phones."""

LONG_SIDE = 1600
"""Pixels along the longer side at most; digits of a phone photograph stay far above 20 pixels."""

PAGE = "#"
"""Between a PDF's name and a page's number: scan.pdf#2."""


def undecoded(name: str, file: IO[bytes]) -> Image:
    """An image that has not been decoded yet; of a PDF, a page as drawn."""
    from PIL import Image as PillowImage

    file.seek(0)
    head = file.read(11)
    file.seek(0)
    if head.startswith(b"%PDF-"):
        return _page(name, file)
    formats: tuple[str, ...] = FORMATS
    if head[4:] in HEIC:
        _extra("pillow_heif", "heic", f"{name}: is a HEIC picture").register_heif_opener()
        formats = ("HEIF",)
    elif name.lower().endswith(".tga"):  # nothing in such a file says what it is
        formats = ("TGA",)
    return PillowImage.open(file, formats=formats)


def pages(path: str) -> list[str]:
    """The names of a PDF's pages, each of which can be read; of anything else its own name."""
    if not path.lower().endswith(".pdf"):
        return [path]
    try:
        with _extra("pypdfium2", "pdf", path).PdfDocument(path) as document:
            count = len(document)
    except Exception:  # noqa: BLE001 - whoever reads it will say what is wrong
        return [path]
    return [f"{path}{PAGE}{number}" for number in range(1, count + 1)] if count > 1 else [path]


def file_of(name: str) -> str:
    """The file that a name means: all of it, or without the number of a PDF's page."""
    path, _, number = name.rpartition(PAGE)
    return path if number.isdecimal() and path.lower().endswith(".pdf") else name


def _page(name: str, file: IO[bytes]) -> Image:
    """The page of a PDF that its name ends in, the first without a number."""
    number = int(name.rpartition(PAGE)[2]) if file_of(name) != name else 1
    with _extra("pypdfium2", "pdf", f"{name}: is a PDF").PdfDocument(file) as document:
        if number > len(document):
            raise PictureError(f"{name}: has {len(document)} pages")
        page = document[number - 1]
        image: Image = page.render(scale=LONG_SIDE / max(page.get_size())).to_pil()
        return image


def _extra(module: str, extra: str, what: str) -> Any:
    """A package that is not always there. Raises PictureError: what it is needed for, how to install it."""
    try:
        return import_module(module)
    except ImportError as error:
        raise PictureError(f"{what}; `pip install 'hellodl[{extra}]'` installs what reads it") from error

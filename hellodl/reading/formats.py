"""Which formats are read: many that Pillow knows, and with an extra package HEIC and the pages of PDFs."""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from threading import Lock
from typing import IO, TYPE_CHECKING, Any

from hellodl.errors import PictureError
from hellodl.system.files import kind_at, open_plain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PIL.Image import Image

FORMATS = ("PNG", "JPEG", "BMP", "DIB", "GIF", "WEBP", "TIFF", "PPM", "AVIF")

SUFFIXES = (
    *(".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".bmp", ".dib", ".gif", ".webp", ".tif", ".tiff"),
    *(".pgm", ".ppm", ".pbm", ".pnm", ".avif", ".heic", ".heif", ".pdf", ".tga"),
)
"""Of the files in a folder that are taken for pictures: each format that is read has one."""

HEIC = {b"ftyphei", b"ftyphev", b"ftypmif"}  # after the first four bytes of the format of some phones
LONG_SIDE = 1600  # pixels at most; digits of a phone photograph stay far above 20 pixels
PAGE = "#"  # between a PDF's name and a page's number: scan.pdf#2
MOST_SECONDS = 8.0  # of a processor's time for decoding: a JPEG of 120 megapixels takes a third of it
OUT_OF_TIME = -int(getattr(signal, "SIGXCPU", 0))  # how a process ends that has used up its time
PAGE_MEGABYTES = 400  # for the drawing of a PDF's page: a scan of 30 megapixels takes 150


def undecoded(name: str, file: IO[bytes]) -> Image:
    """An image that has not been decoded yet; of a PDF, a page as drawn."""
    from PIL import Image as PillowImage

    file.seek(0)
    head = file.read(11)
    file.seek(0)
    if not head:
        raise PictureError(f"{name}: is empty, expected a picture")
    if head.startswith(b"%PDF-"):
        return _page(name, file)
    formats: tuple[str, ...] = FORMATS
    if head[4:] in HEIC:
        _extra("pillow_heif", f"{name}: is a HEIC picture").register_heif_opener()
        formats = ("HEIF",)
    elif name.lower().endswith(".tga"):  # nothing in such a file says what it is
        formats = ("TGA",)
    return PillowImage.open(file, formats=formats)


def pictures_at(name: str, *, deep: bool = False) -> list[str]:
    """A folder's pictures in order of name, 2 before 12, hidden ones left out; a PDF's pages.

    If `deep`, those of its sub-folders too. An empty folder, like any other file, stays a name.
    """
    if kind_at(name) != "folder":
        return pages(name)
    found = sorted(_pictures(name, deep=deep), key=_in_order)
    return [page for path in found for page in pages(path)] or [name]


def _pictures(folder: str, *, deep: bool) -> Iterator[str]:
    """The pictures in a folder, as far as it can be looked into."""
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if deep and not name.startswith(".")]
        for name in names:
            if name.lower().endswith(SUFFIXES) and not name.startswith("."):
                yield os.path.join(parent, name)  # noqa: PTH118 - a Path would lose the ./ that was typed


def _in_order(path: str) -> list[tuple[int, str]]:
    """Sorts numbers in names by their value: 2.png before 12.png."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"([0-9]+)", path)]


def pages(path: str) -> list[str]:
    """The names of a PDF's pages, each of which can be read; of anything else its own name."""
    if not path.lower().endswith(".pdf"):
        return [path]
    try:
        with open_plain(path, buffering=0) as file:
            count = int(_of_pdf(path, file))
    except (OSError, PictureError):  # whoever reads it will say what is wrong
        return [path]
    return [f"{path}{PAGE}{number}" for number in range(1, count + 1)] if count > 1 else [path]


def file_of(name: str) -> str:
    """The file that a name means: all of it, or without the number of a PDF's page."""
    path, _, number = name.rpartition(PAGE)
    return path if number.isdecimal() and path.lower().endswith(".pdf") else name


def _page(name: str, file: IO[bytes]) -> Image:
    """The page of a PDF that its name ends in, the first without a number."""
    from PIL import Image as PillowImage

    number = name.rpartition(PAGE)[2] if file_of(name) != name else "1"
    sizes, drawn, pixels = _of_pdf(name, file, str(LONG_SIDE), number).partition(b"\n")
    if not drawn:  # how many there are
        raise PictureError(f"{name}: has {int(sizes)} pages, expected {PAGE}1 to {PAGE}{int(sizes)}")
    width, height, stride = map(int, sizes.split())
    return PillowImage.frombytes("RGB", (width, height), pixels, "raw", "RGB", stride)


_ONE_PDF = Lock()


def _of_pdf(name: str, file: IO[bytes], *page: str) -> bytes:
    """What the program page.py finds in a PDF. Raises PictureError if it finds nothing in its time."""
    _extra("pypdfium2", f"{name}: is a PDF")
    script, raw = str(Path(__file__).with_name("page.py")), getattr(file, "raw", file)
    command = [sys.executable, "-P", script, f"{MOST_SECONDS:.0f}", str(PAGE_MEGABYTES), *page]
    given: dict[str, Any] = {"stdin": raw} if isinstance(raw, io.FileIO) else {"input": file.read()}
    given |= {"capture_output": True, "env": os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}}
    too_slow = f"{name}: not drawn after {MOST_SECONDS:.0f} seconds; save it anew as PNG"
    try:
        with _ONE_PDF:
            done = subprocess.run(command, check=False, timeout=10 * MOST_SECONDS, **given)  # noqa: S603 - our own
    except subprocess.TimeoutExpired:
        raise PictureError(too_slow) from None
    if done.returncode == OUT_OF_TIME:
        raise PictureError(too_slow)
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise PictureError(f"{name}: damaged PDF ({said or f'or a page of over {PAGE_MEGABYTES} MB'})")
    return bytes(done.stdout)


def _extra(module: str, what: str) -> Any:
    """A package that is not always there. Raises PictureError: what it is needed for, how to install it."""
    try:
        return import_module(module)
    except ImportError as error:
        install = f"`{sys.executable} -m pip install {module.replace('_', '-')}`"
        raise PictureError(f"{what}; {install} installs what reads it") from error

"""Opens what somebody calls a picture, and bounds what decoding it may cost: waiting, time, memory."""

from __future__ import annotations

import io
import os
import time
from contextlib import contextmanager
from os import PathLike, fspath
from threading import Condition
from typing import IO, TYPE_CHECKING, TypeAlias

from hellodl.errors import PictureError
from hellodl.reading.formats import MOST_SECONDS, file_of
from hellodl.system.files import kind_at, open_plain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PIL.Image import Image

Encoded: TypeAlias = "str | PathLike[str] | bytes | bytearray | memoryview | IO[bytes]"

ADDRESSES = "http://", "https://"  # how names begin that are no files
MOST_BYTES = 256_000_000
MOST_PIXELS = 52_000_000  # so many decode in under 500 MB; a 50-megapixel photograph passes

MOST_PIXELS_BY_KIND = {
    "JPEG": 120_000_000,
    "MPO": 120_000_000,
    "WEBP": 20_000_000,
    "AVIF": 26_000_000,
    "HEIF": 26_000_000,
    "I": 13_000_000,
    "F": 13_000_000,
}
"""By format or mode: JPEG is decoded at a fraction of its size, decoders of WebP (4) and AVIF hold copies."""

MOST_COEFFICIENTS = 180_000_000  # of a JPEG in several scans: all are kept, two bytes each, until the last
MEMORY = 400_000_000  # bytes for all threads to decode and to read in; with the program, under 500 MB
BLOCK = 64_000_000  # bytes that Pillow asks for: what is over 32 MB, the C library gives back at once
TEXT_AT_ONCE = 2**16  # bytes of a picture as text: comments cost as the square of what is decoded at a time
SCANS_AT_ONCE = 1024  # bytes of a JPEG in scans from look to look at the clock: 20 may make one, of 20 ms


@contextmanager
def opened(source: Encoded) -> Iterator[tuple[str, IO[bytes]]]:
    """A source's name for messages, and a file that can seek and that runs dry when time is up.

    Raises PictureError for what cannot be read; a file of the caller's stays open.
    """
    name, file = _open(source)
    patient = _Patient(file, name)
    try:
        yield name, patient
    finally:
        patient.detach()
        if file is not source:
            file.close()


class _Patient(io.BufferedReader):
    """A file to decode for MOST_SECONDS of this thread's processor time, and no longer.

    Decoders ask for more all the time, so this ends them where a time limit could not. Those that take a
    file as a whole (WebP, AVIF, TIFF) are bounded by their pixels.
    """

    def __init__(self, file: IO[bytes], name: str) -> None:
        super().__init__(file)  # type: ignore[arg-type] # any file that can `readinto` will do
        self._too_slow = f"{name}: not decoded after {MOST_SECONDS:.0f} seconds; save it anew as PNG"
        self.most = MOST_BYTES
        self._until = time.thread_time() + MOST_SECONDS

    def read(self, size: int | None = -1, /) -> bytes:
        """As files do. Raises PictureError when time is up."""
        if time.thread_time() > self._until:
            raise PictureError(self._too_slow)
        return super().read(size if size is None else min(size, self.most))


def _open(source: Encoded) -> tuple[str, IO[bytes]]:
    """Name the source for messages, and make it a binary file that can seek."""
    if isinstance(source, (str, PathLike)):
        path = fspath(source)
        try:
            return path, open_plain(file_of(path), buffering=0)
        except (OSError, ValueError) as error:
            raise PictureError(f"{path}: {_why_not(file_of(path), error)}") from None
    if isinstance(source, (bytes, bytearray, memoryview)):
        name, content = "bytes", source
    elif not hasattr(source, "seekable") or hasattr(source, "encoding"):  # text
        kinds = "a path, bytes, a file opened with 'rb', a Pillow image or an array"
        raise PictureError(f"{type(source).__name__}: expected one picture: {kinds}")
    else:
        name = str(getattr(source, "name", "file"))
        if source.seekable() and hasattr(source, "readinto"):
            return name, source
        content = source.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise PictureError(f"{name}: more than {MOST_BYTES:,} bytes, too large for a picture")
    return name, io.BytesIO(content)


def _why_not(path: str, error: Exception) -> str:
    """Why a file could not be opened, and what to do."""
    if path.startswith(ADDRESSES):
        return "is an address: fetch it first; only --cluster fetches pictures itself"
    words = {
        "folder": "holds no pictures, expected files like image.png",
        "nothing": "does not exist, expected a picture",
        "other": "is a pipe or a device, expected a file; `hellodl predict - < FILE` reads standard input",
    }
    is_shut = isinstance(error, PermissionError) and os.name != "nt"  # where folders are shut, too
    return words.get("" if is_shut else kind_at(path)) or getattr(error, "strerror", None) or str(error)


@contextmanager
def decoding(name: str) -> Iterator[None]:
    """Turn whatever a decoder raises into a PictureError."""
    from PIL import UnidentifiedImageError

    try:
        yield
    except PictureError:
        raise
    except UnidentifiedImageError:
        raise PictureError(f"{name}: not a picture in a format known here (PNG, JPEG, GIF, …)") from None
    except Exception as error:  # damaged files make Pillow raise anything from struct.error to KeyError
        said = " ".join(str(error).split())  # on one line, whatever the decoder wrote
        raise PictureError(f"{name}: damaged picture ({said})") from error


class _Memory:
    """What is left of MEMORY."""

    def __init__(self) -> None:
        self.start()
        if hasattr(os, "register_at_fork"):  # in a process of its own, other threads give nothing back
            os.register_at_fork(after_in_child=self.start)

    def start(self) -> None:
        """Have all of it."""
        self._left, self._change = MEMORY, Condition()

    @contextmanager
    def __call__(self, size: int) -> Iterator[None]:
        """Inside, so many bytes are ours: waits until others have given back what is missing."""
        with self._change:
            self._change.wait_for(lambda: self._left >= size)
            self._left -= size
        try:
            yield
        finally:
            with self._change:
                self._left += size
                self._change.notify_all()


memory = _Memory()


@contextmanager
def room_for(name: str, image: Image) -> Iterator[None]:
    """To decode a picture in: as much of MEMORY as it has of the most pixels that one may have.

    Raises PictureError if it has more, or none, or if the system does not have that memory.
    """
    from PIL import Image as PillowImage

    pixels, values = image.width * image.height, len(image.getbands())
    share = MEMORY * pixels // most_pixels(name, image)
    del image  # or it would stay until after our turn
    PillowImage.core.set_block_size(BLOCK)  # type: ignore[attr-defined] # documented, but not listed
    try:
        with memory(share):
            yield
    except MemoryError as error:
        needed = f"needs about {pixels * values / 1e6:.0f} MB of memory to decode, more than there is"
        raise PictureError(f"{name}: {needed}; make it smaller") from error


def most_pixels(name: str, image: Image) -> int:
    """How many pixels such a picture may have. Raises PictureError if it has more, or none."""
    width, height = image.size
    if width < 1 or height < 1:
        raise PictureError(f"{name}: {width} by {height} pixels, expected at least one")
    most = MOST_PIXELS_BY_KIND.get(image.format or "", MOST_PIXELS_BY_KIND.get(image.mode, MOST_PIXELS))
    if any(tile[0] == "ppm_plain" for tile in getattr(image, "tile", ())):
        image.fp.most = TEXT_AT_ONCE  # type: ignore[attr-defined] # our own, see `opened`
    kept = _kept_coefficients(image)
    if kept:
        image.decodermaxblock = SCANS_AT_ONCE  # type: ignore[attr-defined] # of all images from files
        most = min(most, width * height * MOST_COEFFICIENTS // kept)
    if width * height > most:
        raise PictureError(f"{name}: {width} by {height} pixels, at most {most:,} are read; make it smaller")
    return most


def _kept_coefficients(image: Image) -> int:
    """How many coefficients have to be kept to decode a JPEG; 0 for one that comes in a single scan."""
    layers = getattr(image, "layer", None)  # (name, vertical and horizontal sampling, …) of each colour
    if not layers or not ("progressive" in image.info or _scans_of_one(image, len(layers))):
        return 0
    finest = max(high for _, high, *_ in layers) * max(wide for _, _, wide, *_ in layers)
    samples = sum(high * wide for _, high, wide, *_ in layers)
    return int(image.width * image.height * samples // finest)


def _scans_of_one(image: Image, colours: int) -> bool:
    """Whether the scan that Pillow has come to, right after its header, lacks some of the colours."""
    file: IO[bytes] | None = image.fp  # type: ignore[attr-defined] # those from files have one
    if file is None:
        return False  # it is decoded already
    header = (6 + 2 * colours).to_bytes(2) + bytes([colours])  # its length, how many colours it has, …
    file.seek(max(0, file.tell() - (6 + 2 * colours)))
    return file.read(3) != header

"""Reads IDX, the format of MNIST: a header of big-endian integers, then the numbers themselves.

The header is two zero bytes, a type byte (8: unsigned bytes, 12: int32), the number of dimensions, then the
size of each dimension as an int32. Nothing a header promises is believed before it is checked: memory grows
with the data that is there, never with the data that is announced.
"""

import math
import os
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hellodl.errors import DataError
from hellodl.system.files import open_plain

MAX_BYTES = 512 * 2**20  # the largest known set, EMNIST Digits, has 188 MB of pixels
_START = 2**16  # bytes of a file, compressed or not, that tell what it is
_GZIP = 31  # zlib's word for a gzip header and CRC, and a window of 32 KB

Bytes = NDArray[np.uint8]


@dataclass(frozen=True)
class Kind:
    """What a file should hold: its magic number and, for each picture, the shape and type of its numbers."""

    what: str
    magic: int
    row: tuple[int, ...]
    dtype: str

    @property
    def header_bytes(self) -> int:
        """Bytes before the first number: the magic, how many rows, and the size of a row's dimensions."""
        return 8 + 4 * len(self.row)


IMAGES = Kind("images", 2051, (28, 28), "u1")
LABELS = Kind("labels", 2049, (), "u1")
QMNIST_LABELS = Kind("QMNIST labels", 3074, (8,), ">i4")  # class, series, writer, … one row a digit
KINDS = {kind.magic: kind for kind in (IMAGES, LABELS, QMNIST_LABELS)}


def kind_of(name: str) -> Kind:
    """What the published file `name` holds, told by its name."""
    if "idx2-int" in name:
        return QMNIST_LABELS
    return LABELS if "labels" in name else IMAGES


def read(path: Path, kind: Kind) -> NDArray[Any]:
    """The numbers in an IDX file, compressed or plain, shaped (n, *kind.row). Raises DataError."""
    raw = read_raw(path, kind)
    return rows(inflate(raw, kind, path) if is_gzip(raw) else raw, kind, path)


def read_raw(path: Path, kind: Kind) -> Bytes:
    """The bytes of an IDX file as they lie on disk, compressed or not.

    Raises DataError if it cannot be read or is larger than MAX_BYTES.
    """
    try:
        with open_plain(path, buffering=0) as file:
            if (size := os.fstat(file.fileno()).st_size) > MAX_BYTES:
                raise DataError(f"{path}: {size:,} bytes, expected at most {MAX_BYTES:,}")
            return np.fromfile(file, np.uint8, size)
    except OSError as error:
        problem = error.strerror or error
        raise DataError(f"{path}: cannot be read: {problem}, expected IDX {kind.what}") from error


def is_gzip(raw: Bytes | bytes) -> bool:
    """Whether a file is compressed, told by its first bytes: names can mislead."""
    return bytes(raw[:2]) == b"\x1f\x8b"


def rows(content: Bytes, kind: Kind, path: Path) -> NDArray[Any]:
    """The numbers in an IDX content, shaped (n, *kind.row); a view, nothing is copied."""
    promised = promised_size(content[:_START].tobytes(), kind, path)
    if content.size != promised:
        problem = "truncated" if content.size < promised else "trailing bytes"
        raise DataError(f"{path}: {problem}: {content.size:,} bytes, its header promises {promised:,}")
    return content[kind.header_bytes :].view(kind.dtype).reshape(-1, *kind.row)


def promised_size(head: bytes, kind: Kind, path: Path) -> int:
    """How many bytes an IDX content should have in all, by its header, which is checked first.

    Raises DataError if it is no header of this kind or promises more than MAX_BYTES.
    """
    magic = int.from_bytes(head[:4])
    if len(head) < kind.header_bytes or magic != kind.magic:
        raise DataError(f"{path}: {_describe(head, kind)}, expected IDX {kind.what} (magic {kind.magic})")
    count, *row = (int.from_bytes(head[at : at + 4]) for at in range(4, kind.header_bytes, 4))
    if tuple(row) != kind.row:
        found, expected = (" × ".join(map(str, shape)) for shape in (row, kind.row))
        raise DataError(f"{path}: {kind.what} of {found}, expected {expected}")
    if count == 0:
        raise DataError(f"{path}: holds no {kind.what} at all, expected at least one")
    size = kind.header_bytes + count * math.prod(row) * np.dtype(kind.dtype).itemsize
    if size > MAX_BYTES:
        raise DataError(
            f"{path}: its header promises {count:,} {kind.what}, {size:,} bytes; at most {MAX_BYTES:,} fit"
        )
    return size


def inflate(compressed: Bytes, kind: Kind, path: Path) -> Bytes:
    """Decompress gzip data into the IDX content inside, never past the size that its header promises."""
    stream = zlib.decompressobj(_GZIP)
    try:
        head = zlib.decompressobj(_GZIP).decompress(compressed.data[:_START], _START)
        promised = promised_size(head, kind, path)
        content = stream.decompress(compressed.data, promised + 1)
    except zlib.error as error:
        raise DataError(f"{path}: damaged gzip data ({error}), expected IDX {kind.what}") from error
    if len(content) > promised:
        raise DataError(f"{path}: trailing bytes: more than the {promised:,} its header promises")
    if not stream.eof:
        raise DataError(f"{path}: truncated: the gzip data breaks off after {len(compressed):,} bytes")
    if stream.unused_data:
        raise DataError(f"{path}: trailing bytes after the end of the gzip data")
    return np.frombuffer(content, np.uint8)


def looks_like_page(head: bytes) -> bool:
    """Whether a file begins like HTML or XML: what servers send, and people save, instead of the data."""
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return start.startswith((b"<!doctype", b"<html", b"<?xml", b"<head", b"<body", b"<!--"))


def _describe(head: bytes, kind: Kind) -> str:
    """What a file that is no IDX file of the expected kind seems to be, in a few words."""
    magic = int.from_bytes(head[:4])
    if looks_like_page(head):
        return "this is an HTML or XML page, probably a download that went wrong"
    if len(head) < kind.header_bytes:
        return f"truncated: only {len(head)} bytes"
    return f"magic {magic} (IDX {KINDS[magic].what})" if magic in KINDS else f"magic {magic}"

"""Keeps decompressed copies of large data files: reading one takes a fifth of the time of decompressing.

A copy is named after the SHA-256 of the compressed file, so it cannot be stale, and ends with the SHA-256 of
its own content, so it cannot be damaged without being noticed. Without a writable cache folder all works the
same, only slower.
"""

import hashlib
import os
from contextlib import suppress
from pathlib import Path

import numpy as np

from hellodl.datasets import folders
from hellodl.datasets.idx import MAX_BYTES, Bytes, Kind, inflate
from hellodl.system.files import open_plain, replacing

_WORTH_KEEPING = 2**18  # bytes: smaller files decompress quicker than a second file is opened
_DIGEST_BYTES = 32


def decode(compressed: Bytes, sha256: str, kind: Kind, path: Path, *, keep: bool) -> tuple[Bytes, str]:
    """The content of a gzip file whose SHA-256 is `sha256`, and the content's own SHA-256.

    With `keep` it comes from a kept copy, or is kept for the next time. Raises DataError as `inflate` does.
    """
    cache = folders.cache_folder() if keep and len(compressed) >= _WORTH_KEEPING else None
    copy = cache and cache / folders.DECODED / f"{sha256}.idx"
    if copy and (kept := _read(copy)):
        return kept
    content = inflate(compressed, kind, path)
    digest = hashlib.sha256(content.data)
    if copy:
        with suppress(OSError):  # a read-only or full disk, another process just doing it
            copy.parent.mkdir(parents=True, exist_ok=True)
            with replacing(copy, sync=False) as file:
                file.write(content.data)
                file.write(digest.digest())
    return content, digest.hexdigest()


def _read(copy: Path) -> tuple[Bytes, str] | None:
    """A kept copy and its SHA-256; None if it is missing or damaged."""
    with suppress(OSError), open_plain(copy, buffering=0) as file:
        size = os.fstat(file.fileno()).st_size - _DIGEST_BYTES
        if 0 < size <= MAX_BYTES:
            content = np.fromfile(file, np.uint8, size)
            digest = hashlib.sha256(content.data)
            if file.read(_DIGEST_BYTES) == digest.digest():
                return content, digest.hexdigest()
    return None

"""Small data sets made in the published formats, for the tests beside it."""

import gzip
import hashlib
import io
import zipfile
from dataclasses import replace

import numpy as np

from hellodl.datasets.catalogue import CATALOGUE, EMNIST_DIGITS, Archive, File

FOUR = [file.name for file in CATALOGUE["mnist"].files]


def header(magic, *sizes):
    return b"".join(number.to_bytes(4, "big") for number in (magic, *sizes))


def images_file(images):
    return header(2051, *images.shape) + images.tobytes()


def labels_file(labels):
    return header(2049, len(labels)) + bytes(labels)


def digits(count, seed=0):
    """Random images and labels."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (count, 28, 28), dtype=np.uint8), rng.integers(0, 10, count, dtype=np.uint8)


def contents(train=12, test=5):
    """The four files of a small data set, decompressed, in the catalogue's order."""
    (images, labels), (test_images, test_labels) = digits(train), digits(test, seed=1)
    return [images_file(images), labels_file(labels), images_file(test_images), labels_file(test_labels)]


def write(folder, names, files, *, compress=True):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in zip(names, files, strict=True):
        (folder / name).write_bytes(gzip.compress(content, mtime=0) if compress else content)
    return folder


def published(name="tiny", mirrors=(), *, like="mnist"):
    """A catalogue record for a small data set, and its files as a server would hold them."""
    model = CATALOGUE[like]
    served = {
        file.name: gzip.compress(content, mtime=0)
        for file, content in zip(model.files, contents(), strict=True)
    }
    files = tuple(File(n, f"sha256:{hashlib.sha256(b).hexdigest()}", len(b)) for n, b in served.items())
    return replace(model, name=name, files=files, mirrors=tuple(mirrors)), served


def published_zip(mirrors=(), extra=None):
    """An EMNIST record whose zip file is small, and that zip file; `extra` members are hidden in it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as bundle:
        for name, content in (extra or {}).items():
            bundle.writestr(name, content)
        for file, content in zip(EMNIST_DIGITS.files, contents(), strict=True):
            bundle.writestr(f"gzip/{file.name}", gzip.compress(content, mtime=0))
    data = buffer.getvalue()
    archive = Archive("gzip.zip", f"sha256:{hashlib.sha256(data).hexdigest()}", len(data), "gzip/")
    return replace(EMNIST_DIGITS, archive=archive, mirrors=tuple(mirrors)), {"gzip.zip": data}

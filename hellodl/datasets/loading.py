"""Loads a data set: finds its files, checks them, and hands out images and labels."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hellodl.datasets import catalogue, decoded, folders, idx
from hellodl.datasets.catalogue import File, Source
from hellodl.errors import DataError


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images (n, 28, 28) and labels (n,) of one split, both uint8; those of `load` are read-only.

    `sha256` identifies the data: it is made of the SHA-256 of both files' decompressed content. `classes` are
    the names of what the labels 0 to 9 stand for; `added`: how many of the last images are someone's own,
    joined to a larger set.
    """

    name: str
    split: str
    images: NDArray[np.uint8] = field(repr=False)
    labels: NDArray[np.uint8] = field(repr=False)
    sha256: str = ""
    classes: tuple[str, ...] = catalogue.DIGITS
    added: int = 0


def load(name: str = "mnist", split: str = "train", data_dir: str | Path | None = None) -> Dataset:
    """Load the "train" or "test" split of a data set of the catalogue.

    Looks in `data_dir` alone if it is given; else in $HELLODL_DATA, in the data that ships with hellodl, and
    in the user's cache folder. Shipped and cached files must be the published ones, bit for bit; a folder of
    your own may hold other data in the same format.

    Raises UsageError for an unknown name or split, DataError if the files are missing, damaged, or no such
    data.
    """
    source = catalogue.lookup(name)
    files = image_file, label_file = source.split(split)
    where = None if data_dir is None else Path(data_dir)
    images_path, labels_path, users = folders.locate(source, files, where)
    numbers, labels_sha256 = _read(labels_path, source, label_file, users=users)
    labels = _labels(numbers, labels_path, source)
    images, images_sha256 = _read(images_path, source, image_file, users=users)
    if source.transposed:
        images = np.ascontiguousarray(images.transpose(0, 2, 1))
    if len(images) != len(labels):
        raise DataError(
            f"{labels_path}: {len(labels):,} labels, expected {len(images):,} as {images_path} has images"
        )
    images.flags.writeable = labels.flags.writeable = False
    identity = hashlib.sha256(f"{images_sha256} {labels_sha256}".encode()).hexdigest()
    return Dataset(name, split, images, labels, identity, source.classes)


def _labels(numbers: NDArray[Any], path: Path, source: Source) -> NDArray[np.uint8]:
    """Labels from what a file holds for each image, checked to be numbers of the set's classes."""
    classes = numbers.reshape(len(numbers), -1)[:, 0]  # QMNIST has the class in the first of its columns
    last = len(source.classes) - 1
    wrong = np.flatnonzero((classes < 0) | (classes > last))
    if wrong.size:
        raise DataError(f"{path}: label {classes[wrong[0]]} at index {wrong[0]}, expected 0 to {last}")
    return classes.astype(np.uint8)


def _read(path: Path, source: Source, file: File, *, users: bool) -> tuple[NDArray[Any], str]:
    """The numbers in a file, verified as far as it is known, and the SHA-256 of its decompressed content."""
    kind = idx.kind_of(file.name)
    raw = idx.read_raw(path, kind)
    sha256 = hashlib.sha256(raw.data).hexdigest()
    algorithm, _, expected = (file.checksum or "sha256:").partition(":")
    digest = sha256 if algorithm == "sha256" else hashlib.new(algorithm, raw.data).hexdigest()
    for owner in catalogue.CATALOGUE.values() if users else ():  # data sets share file names
        if owner is not source and f"sha256:{sha256}" in [other.checksum for other in owner.files]:
            raise DataError(f"{path}: this file belongs to {owner.name}, expected {source.name}")
    if not users and file.checksum and digest != expected:
        raise DataError(
            f"{path}: damaged, expected checksum {file.checksum}; `hellodl download {source.name}` repairs it"
        )
    if idx.is_gzip(raw):
        raw, sha256 = decoded.decode(raw, sha256, kind, path, keep=digest == expected)
    return idx.rows(raw, kind, path), sha256

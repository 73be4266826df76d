"""What a run learns from: a data set known by name, or a folder of your own pictures, alone or joined to one.

Pictures of your own are read as `hellodl predict` reads them, by the model that ships with hellodl; what is
learned from is what the network is then given of each digit.
"""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from hellodl import datasets
from hellodl.datasets import Dataset
from hellodl.datasets.labelled import NONE, labelled_pictures
from hellodl.errors import DataError, UsageError
from hellodl.system.files import kind_at
from hellodl.system.processors import one_blas_thread
from hellodl.training.batches import stratified_split
from hellodl.training.settings import Settings

Tell = Callable[[str], None]

LEAST = 20  # digits of your own from which something can be learned
TESTED = 5  # of so many digits one is kept for the test, where the folder has no test set of its own
TEST_SEED = 0  # which ones, in every run


def training_set(
    settings: Settings, data_dir: Path | None = None, tell: Tell = lambda _remark: None
) -> Dataset:
    """The images to train on, those to be held out for validation among them.

    `tell` is given remarks on pictures that cannot be used. Raises DataError where there is nothing to learn
    from, UsageError for what is neither a data set's name nor a folder.
    """
    base = _part(settings.dataset, "train", data_dir, tell)
    if not settings.also:
        return base
    own = _prepared(Path(settings.also), tell)
    return replace(
        base,
        images=np.concatenate([base.images, own.images]),
        labels=np.concatenate([base.labels, own.labels]),
        sha256=hashlib.sha256(f"{base.sha256} {own.sha256}".encode()).hexdigest(),
        added=len(own.labels),
    )


def scoring_set(settings: Settings, data_dir: Path | None = None) -> Dataset:
    """The images that a run is scored on at its end."""
    return _part(settings.dataset, "test", data_dir, lambda _remark: None)


def is_folder(name: str) -> bool:
    """Whether a data set is a folder of pictures: a name that hellodl knows is none."""
    return name not in datasets.NAMES and kind_at(name) == "folder"


def count_digits(folder: Path) -> int:
    """How many digits the labels of a folder to train on have; some may turn out to be unusable."""
    pictures = labelled_pictures(folder / "train" if _is_split(folder) else folder)
    return sum(len(picture.digits) for picture in pictures)


def _is_split(folder: Path) -> bool:
    """Whether sub-folders say themselves what is for the training and what for the test."""
    return all(kind_at(folder / part) == "folder" for part in ("train", "test"))


def _part(name: str, split: str, data_dir: Path | None, tell: Tell) -> Dataset:
    """The training or the test set of a data set."""
    if name in datasets.NAMES:
        return datasets.load(name, split, data_dir)
    if not is_folder(name):
        names = ", ".join(datasets.NAMES)
        raise UsageError(f"--dataset: is {name}, expected one of {names}, or a folder of pictures")
    folder = Path(name)
    if _is_split(folder):
        return _prepared(folder / split, tell)
    whole = _prepared(folder, tell)
    kept, tested = stratified_split(whole.labels, len(whole.labels) // TESTED, TEST_SEED)
    rows = kept if split == "train" else tested
    return Dataset(name, split, whole.images[rows], whole.labels[rows], whole.sha256)


def _prepared(folder: Path, tell: Tell) -> Dataset:
    """The digits of a folder's pictures as a network is given them."""
    tell(f"{folder}: reading its pictures")
    data, remarks = _read(folder)
    for remark in remarks:
        tell(remark)
    return data


@lru_cache(maxsize=2)
def _read(folder: Path) -> tuple[Dataset, list[str]]:
    """A folder's digits, and what was left out; kept, since both splits come from it."""
    from hellodl.checkpoint import SHIPPED, load_model
    from hellodl.reading.scoring import read_labelled

    one_blas_thread()
    images, labels, unfit, troubles = [], [], [], []
    pictures = [picture for picture in labelled_pictures(folder) if picture.label != NONE]
    for picture, reading in read_labelled(pictures, load_model(SHIPPED)):
        if isinstance(reading, Exception):
            troubles.append(str(reading))
        elif len(reading.digits) != len(picture.digits):
            unfit.append(f"{picture.file}, read as {reading.text!r:.40}, not {picture.digits!r:.40}")
        else:
            images += [digit.seen for digit in reading.digits]
            labels += [int(digit) for digit in picture.digits]
    left_out = (unfit, "read with other numbers of digits than labelled"), (troubles, "that cannot be read")
    remarks = [f"{folder}: left out: {len(some)} {why}, as {some[0]}" for some, why in left_out if some]
    if len(labels) < LEAST:
        too_few = f"{folder}: gives {len(labels)} digits, expected at least {LEAST}"
        raise DataError("; ".join([too_few, *remarks]))
    pixels, truth = np.stack(images), np.array(labels, np.uint8)
    digest = hashlib.sha256(pixels.tobytes() + truth.tobytes()).hexdigest()
    return Dataset(str(folder), "train", pixels, truth, digest), remarks

"""Which pictures are trained on, in which order, at which rate: what settings and data alone decide."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hellodl.optim import SCHEDULES
from hellodl.training.augment import KINDS, Augmenter
from hellodl.training.settings import Settings
from hellodl.upright import SIDE, Images

Labels = NDArray[np.uint8]
Rows = NDArray[np.intp]  # of images in the training set

HANDS = Path(__file__).with_name("hands.png")
"""A row for each hand: ten digits, and a sign that is none, as scripts/tools/make_hands.py draws them."""

NO_DIGIT = 10  # the label of a sign that is no digit: its target is one tenth for each digit
OWN_SHARE, MOST_REPEATS = 0.1, 50  # of an epoch are pictures of your own; each comes at most so often
FRESH = 32  # blocks of distortions in an epoch, then the same meet other pictures: to draw them takes time


# What random numbers are drawn for: each purpose has its own stream.
Purpose = IntEnum("Purpose", "WEIGHTS SPLIT ORDER AUGMENT HANDS CALIBRATE", start=0)


def generator(seed: int, purpose: Purpose, *position: int) -> np.random.Generator:
    """Random numbers that depend on nothing but the seed, their purpose and a position in the training."""
    return np.random.Generator(np.random.SFC64(np.random.SeedSequence(seed, spawn_key=(purpose, *position))))


def stratified_split(labels: Labels, held_out: int, seed: int) -> tuple[Rows, Rows]:
    """Indices to train on and indices held out, each digit in proportion; both in rising order.

    `held_out` images are chosen by spreading that many marks evenly over the images sorted by digit, in
    random order within a digit.
    """
    shuffled = generator(seed, Purpose.SPLIT).permutation(len(labels))
    by_digit = shuffled[np.argsort(labels[shuffled], kind="stable")]
    marks = (np.arange(held_out) * len(labels)) // max(held_out, 1)
    is_held_out = np.zeros(len(labels), bool)
    is_held_out[by_digit[marks]] = True
    return np.flatnonzero(~is_held_out), np.flatnonzero(is_held_out)


def with_repeats(rows: Rows, added_from: int) -> Rows:
    """Rows to train on in which those from `added_from` on come so often that they are a tenth of all."""
    own = rows[rows >= added_from]
    if not len(own):
        return rows
    repeats = round(OWN_SHARE / (1 - OWN_SHARE) * (len(rows) - len(own)) / len(own))
    return np.concatenate([rows, np.tile(own, min(max(repeats, 1), MOST_REPEATS) - 1)])


def epoch_order(rows: Rows, batch_size: int, seed: int, epoch: int) -> Rows:
    """The batches of one epoch, (batches, batch_size): all rows shuffled, less a remainder."""
    shuffled = generator(seed, Purpose.ORDER, epoch).permutation(rows)
    batches = len(rows) // batch_size
    return shuffled[: batches * batch_size].reshape(batches, batch_size)


def load_hands() -> tuple[Images, Images]:
    """Digits (hands, 10, 28, 28) and signs (hands, 1, 28, 28), uint8, ink bright, placed as MNIST's are.

    MNIST was written by Americans around 1990. Some of these 367 hands beside it teach a network the 1 with
    an upstroke, the crossed 7, what schools of forty countries teach; and letters and scribbles, with a
    target of one tenth for each digit, to believe in no digit where there is none ("outlier exposure",
    Hendrycks, Mazeika and Dietterich 2019).
    """
    from PIL import Image

    with Image.open(HANDS) as picture:
        pixels = np.asarray(picture)
    height, width = pixels.shape
    hands = pixels.reshape(height // SIDE, SIDE, width // SIDE, SIDE).swapaxes(1, 2)
    return hands[:, :10], hands[:, 10:]


def with_hands(images: Images, labels: Labels) -> tuple[Images, Labels]:
    """The images (n, 28, 28) and labels (n,) with digits and signs in other hands behind them."""
    digits, signs = (glyphs.reshape(-1, *images.shape[1:]) for glyphs in load_hands())
    theirs = np.tile(np.arange(10, dtype=np.uint8), len(digits) // 10)
    none = np.full(len(signs), NO_DIGIT, np.uint8)
    return np.concatenate([images, digits, signs]), np.concatenate([labels, theirs, none])


@dataclass(frozen=True)
class Batch:
    """One step's work: rows of the training set, the epoch and the step in it (from 0), the learning rate."""

    rows: Rows
    epoch: int
    number: int
    lr: float
    distorted: bool = True


class Plan:
    """The batches of a whole run, from any step on.

    Every epoch goes through all `rows` of the training set and takes some of `hands`, those of other hands.
    """

    def __init__(self, settings: Settings, rows: Rows, hands: Rows) -> None:
        self.settings, self._rows, self._hands = settings, rows, hands
        self.batch_size = min(settings.batch_size, len(rows))
        self.steps_per_epoch = (len(rows) + settings.drawn) // self.batch_size
        self.steps = settings.epochs * self.steps_per_epoch

    def learning_rate(self, step: int) -> float:
        """The learning rate of a step, counted from 0."""
        rising = min(1.0, (step + 1) / max(1.0, self.settings.warmup * self.steps))
        return self.settings.lr * SCHEDULES[self.settings.schedule](step / self.steps) * rising

    def rest_of_epoch(self, step: int) -> Iterator[Batch]:
        """The batches that are left when so many steps are done, to the end of that epoch."""
        epoch, done = divmod(step, self.steps_per_epoch)
        rows, seed = self._rows, self.settings.seed
        if self.settings.drawn:
            pick = generator(seed, Purpose.HANDS, epoch)
            rows = np.concatenate([rows, pick.choice(self._hands, self.settings.drawn)])
        order = epoch_order(rows, self.batch_size, seed, epoch)
        for number in range(done, self.steps_per_epoch):
            step = epoch * self.steps_per_epoch + number
            distorted = step < (1 - self.settings.clean) * self.steps
            yield Batch(order[number], epoch, number, self.learning_rate(step), distorted)

    def rest(self, step: int) -> Iterator[Batch]:
        """The batches that are left when so many steps are done, to the end of the run."""
        for epoch in range(step // self.steps_per_epoch, self.settings.epochs):
            yield from self.rest_of_epoch(max(step, epoch * self.steps_per_epoch))


class Pictures:
    """The pictures to train on, distorted if asked for, and their labels, a batch or a part of one at a time.

    Images are uint8 (n, 28, 28) or (n, 784), labels uint8 (n,). `kind` says how pictures are distorted, by a
    name in hellodl.training.augment.KINDS; the seed and the position in the training decide the rest.
    """

    def __init__(self, images: Images, labels: Labels, kind: str, seed: int) -> None:
        self._images, self._labels = images.reshape(len(images), -1), labels
        self._kind, self._augmenter = kind, (augmenter := Augmenter(KINDS[kind]))
        self.take_long = not augmenter.only_shifts  # about as long as it takes to learn from them
        self._maps = lru_cache(2 * FRESH)(  # an epoch's, for both parts of its batches
            lambda *position: augmenter.maps(generator(seed, Purpose.AUGMENT, *position))
        )

    def read(self, batch: Batch, part: slice, number: int, out: Images) -> None:
        """Write a part of a batch's pictures into `out`, uint8 (n, 784); `number` says which part it is."""
        np.take(self._images, batch.rows[part], axis=0, out=out, mode="clip")  # the mode that needs no copy
        if batch.distorted and self._kind != "none":
            maps = partial(self._maps, batch.epoch, number, batch.number % FRESH)
            self._augmenter.distort(out, maps)

    def labels(self, batch: Batch, part: slice) -> Labels:
        """The labels of a part of a batch."""
        return self._labels.take(batch.rows[part])

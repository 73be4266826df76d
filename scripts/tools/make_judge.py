#!/usr/bin/env python3
"""Makes the judge of shapes that ships with hellodl: hellodl/models/judge.safetensors.

    python scripts/tools/make_judge.py

It learns from made pages (pages.py), whose strokes are known: each group of pieces that reading finds on them
is a digit, a sign, something else, or part of these. On pages of other digits and seeds it is then fitted how
far to believe it: the weights with which reading scores its answers, by maximum likelihood of the true ways
through each line. Every second of these pages is kept from the fit, and says how good all this is.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain, pairwise
from typing import TYPE_CHECKING

import cv2
import numpy as np
from hands import HALVES, MARKS
from learning import learned, on_pages, share_asked
from pages import Page, made
from pen import drawn_digits, drawn_others
from safetensors.numpy import save_file

from hellodl import checkpoint, datasets
from hellodl.about import Recipe
from hellodl.autograd import Tensor
from hellodl.optim import Adam
from hellodl.reading.doubt import Doubt, ask
from hellodl.reading.ink import Ink, find_ink, to_grey, views
from hellodl.reading.judge import LABELS, OTHER, PART, SHIPPED, WAYS, Judge, alone, right, scores, terms
from hellodl.reading.lattice import groups, shares
from hellodl.reading.lines import find_lines
from hellodl.reading.load import load_picture
from hellodl.system.processors import one_blas_thread
from hellodl.training.augment import Augmenter, Strengths

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from hellodl.reading.arrays import Plane

PAGES = {"train": 650, "tune": 200}  # of each kind,
OFTENER = {"one": 2, "marks": 3, "none": 2, "lines": 0.5, "boxes": 0.7, "table": 1.5}  # but for these
LONE = 8_000  # digits on their own, as MNIST has them, half as many drawn ones and half as many other signs
HIDDEN, RECIPE = 256, {"epochs": 30, "batch": 128, "rate": 2e-3, "decay": 0.1}
MILD = Strengths(shift=1.0, rotation=8, scale=0.1, shear=0.1, elastic=0.5, stroke=0.5)
WHOLE, FOREIGN = 0.85, 0.15  # a group is an item with this share of its ink at least, of others at most
RIM = 0.07  # ink so near a stroke, as a share of a digit's height, belongs to it
FOUND = 0.6  # of an item's pixels are near ink, or it cannot be read
MOST_PARTS = 0.35  # of all groups may be parts; most are
MOST_BARE = 0.35  # of lines without a digit are learned from: made pages have more of these than others have,
MOST_NOBODYS = 0.25  # and of what is left of print, whose upright lines are like a 1
NOBODYS = -2
MOST_GROUPS = 400  # of one line; in textures there are more
FIT_STEPS, FIT_RATE, SMALL = 100, 0.08, 1e-3  # SMALL: weight of the squares in the fit
ALIKE = (1, 0, 0, 1, 0, 1, 0, 1, 0, -1)  # of WAYS, where the fit starts
AT_FIRST = (1, 1, 2, 0)  # of RIGHT
RARE, MARKED = 0.1, 0.3  # lines without digits, with marks, count so much less: people show us digits alone


@dataclass(frozen=True)
class Line:
    """Groups of a line as the judge sees them, uint8 (n, 28, 28) and (n, 14), and the truth, (n, 4).

    truth: label, digit (NOBODYS for what nobody wrote, else -1), first and after.
    """

    seen: NDArray[np.uint8]
    measures: NDArray[np.float32]
    truth: NDArray[np.int32]
    number: int


def main() -> None:
    """Collect, learn, fit, write, and say how good it is."""
    share = share_asked(__doc__)
    one_blas_thread()
    lines, others = (
        list(chain.from_iterable(on_pages(lines_of, half, share * pages, OFTENER)))
        for half, pages in PAGES.items()
    )
    judge = taught(lines, np.random.default_rng(1))
    even, odd = ([line for line in others if line.number % 2 == rest] for rest in (0, 1))
    ways = Ways(judge, even)
    weights = descended(ALIKE, lambda weights: ways.loss(weights)[1])
    told, is_right = ways.told(weights)
    believed = descended(AT_FIRST, lambda weights: told.T @ (right(told, weights) - is_right) / len(told))
    judge = Judge(judge.weights | {"ways": weights, "right": believed})
    save_file(judge.weights, SHIPPED, {"made by": "scripts/tools/make_judge.py"})
    report(judge, odd)


# What reading finds on pages, and what it is ------------------------------------------------------------


def lines_of(half: str, job: tuple[str, int]) -> list[Line]:
    """Every line of a page, in either polarity where reading tries both."""
    cv2.setNumThreads(1)
    pixels, page = made(*job, half)
    grey, scale = to_grey(load_picture(pixels))
    owner = cv2.resize(page.owner, grey.shape[::-1], interpolation=cv2.INTER_NEAREST)
    rim = max(1, round(RIM * page.tall * len(grey) / len(pixels)))
    lights = dict.fromkeys(light for light, _ in views(grey, scale))
    inks = [find_ink(grey, scale, light=light)[0] for light in lights]
    return [line for ink in inks for line in _labelled(ink, owner, page, rim, job[1])]


def _labelled(ink: Ink, owner: NDArray[np.int16], page: Page, rim: int, number: int) -> list[Line]:
    """The lines in ink of a page, their groups labelled by who owns most of their pixels."""
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * rim + 1, 2 * rim + 1))
    near = np.where(owner > 0, owner, cv2.dilate(owner, disc))
    there = ink.mask & (ink.strength > 0.5)
    kinds = ["none", *(item.kind for item in page.items)]
    total, size, found = (
        np.bincount(pixels, minlength=len(kinds))
        for pixels in (near[there], owner.ravel(), owner[cv2.dilate(there.astype(np.uint8), disc) > 0])
    )
    total[found < FOUND * size] = near.size  # too little of it was found: no group is all of it
    lines = []
    for pieces in find_lines(ink.strength, ink.mask):
        line, truth = groups(pieces, ink, Recipe())[:MOST_GROUPS], []
        for group in line:
            x, y, width, height = group.piece.box
            own = near[y : y + height, x : x + width][group.piece.strength > 0.5]
            what = label(np.bincount(own, minlength=len(kinds)), total, kinds)
            truth.append((*what, group.first, group.after))
        seen, measures = np.stack([g.seen for g in line]), np.stack([g.measures for g in line])
        lines.append(Line(seen, measures, np.array(truth), number))
    return lines


def label(counts: NDArray[np.intp], total: NDArray[np.intp], kinds: list[str]) -> tuple[int, int]:
    """Label, and digit, NOBODYS or -1, from how many of a group's pixels belong to each item (0: to none)."""
    signs = [i for i, kind in enumerate(kinds) if kind not in {"none", "other"}]
    if not signs or counts[signs].sum() < FOREIGN * counts.sum():
        return OTHER, NOBODYS if 2 * counts[0] > counts.sum() else -1
    item = signs[int(np.argmax(counts[signs]))]
    if counts[item] < WHOLE * total[item] or counts.sum() - counts[item] > FOREIGN * counts.sum():
        return PART, -1
    kind = kinds[item]
    return (LABELS.index(kind), -1) if kind in MARKS else (0, int(kind))


# What ink is ------------------------------------------------------------------------------------------


def taught(lines: list[Line], rng: np.random.Generator) -> Judge:
    """A judge that has learned from groups, their pictures shifted a little."""
    images, measures, labels = _examples(lines, rng)
    judge = Judge({"scale": np.maximum(measures.std(axis=0), 0.05).astype(np.float32)})

    def examples(rows: NDArray[np.intp]) -> Plane:
        return judge.inputs(np.roll(images[rows], rng.integers(-1, 2, 2), axis=(1, 2)), measures[rows])

    widths = (judge.inputs(images[:1], measures[:1]).shape[1], HIDDEN, len(LABELS))
    return Judge(judge.weights | learned(examples, labels, widths, rng, **RECIPE))


def _examples(lines: list[Line], rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Groups of lines, not all of the parts, and signs alone: images (n, 28, 28), measures, labels."""
    lines = [line for line in lines if (line.truth[:, 0] == 0).any() or rng.random() < MOST_BARE]
    labels = np.concatenate([line.truth[:, 0] for line in lines])
    part = labels == PART
    nobodys = np.concatenate([line.truth[:, 1] for line in lines]) == NOBODYS
    shares = np.where(part, MOST_PARTS * len(labels) / part.sum(), np.where(nobodys, MOST_NOBODYS, 1))
    keep = rng.random(len(labels)) < shares
    mnist = datasets.load("mnist", "train").images[HALVES["train"]]
    digits = np.concatenate([mnist[rng.choice(len(mnist), LONE)], drawn_digits(rng, LONE // 2)[0]])
    digits = Augmenter(MILD)(digits, rng).reshape(digits.shape)
    others = drawn_others(rng, LONE // 2)
    lone = np.concatenate([digits, others])
    return (
        np.concatenate([np.concatenate([line.seen for line in lines])[keep], lone]),
        np.concatenate([np.concatenate([line.measures for line in lines])[keep], alone(lone)]),
        np.concatenate([labels[keep], np.zeros(len(digits), int), np.full(len(others), OTHER)]),
    )


# How far to believe it --------------------------------------------------------------------------------


class Ways:
    """Lines, with what reading knows of each answer to each group, and which is true: none of a part."""

    def __init__(self, judge: Judge, lines: list[Line]) -> None:
        model = checkpoint.load(checkpoint.SHIPPED).model()
        seen = np.concatenate([line.seen for line in lines])
        truth = np.concatenate([line.truth for line in lines])
        doubt = Doubt(model.calibration.temperature, model.calibration.familiar or 1.0)
        answers = ask(model, seen, doubt)
        judged = judge(seen, np.concatenate([line.measures for line in lines]))
        known = answers.known
        basis = np.eye(len(WAYS), dtype=np.float32)
        self.confidence, self.familiar = answers.probabilities.max(axis=1), known
        self.known = np.stack([scores(answers.probabilities, known, judged, w) for w in basis], axis=-1)
        self.judged, self.labels = judged, truth[:, 0]
        ends = np.cumsum([len(line.truth) for line in lines])
        self.lines = [slice(end - len(line.truth), end) for end, line in zip(ends, lines, strict=True)]
        self.first, self.after = truth[:, 2].tolist(), truth[:, 3].tolist()
        answer = np.where(self.labels == 0, truth[:, 1], 9 + self.labels)  # for a part, beyond the last
        self.true = answer[:, None] == np.arange(self.known.shape[1])

    def shares(self, logs: NDArray[np.float64], rows: slice) -> tuple[float, NDArray[np.float64]]:
        """Of a line: the logarithm of all ways' likelihood together, and each answer's share of them."""
        return shares(self.first[rows], self.after[rows], logs)

    def told(self, weights: NDArray[np.float32]) -> tuple[Plane, NDArray[np.bool_]]:
        """What speaks for the digits that are read, (n, 4), and which of them are right."""
        logs = self.known @ weights.astype(np.float64)
        beliefs = np.concatenate([self.shares(logs[rows], rows)[1] for rows in self.lines])[:, :10]
        belief, digit = beliefs.max(axis=1), beliefs.argmax(axis=1)
        read = belief > Doubt.least
        is_right = self.true[np.arange(len(digit)), digit][read]
        return terms(self.confidence[read], belief[read], self.familiar[read]), is_right

    def loss(self, weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        """The mean negative logarithm of the true ways' share, and its gradient."""
        logs = self.known @ weights
        surplus, total, count = np.zeros(logs.shape), 0.0, 0.0
        for rows in self.lines:
            true, theirs = self.shares(np.where(self.true[rows], logs[rows], -np.inf), rows)
            if np.isneginf(true):  # the truth is no way through this lattice
                continue
            every, all_ = self.shares(logs[rows], rows)
            digits, marks = self.true[rows, :10].any(), self.true[rows, 10 : 10 + len(MARKS)].any()
            weight = MARKED if marks else 1.0 if digits else RARE
            total, count = total + weight * (every - true), count + weight
            surplus[rows] = weight * (all_ - theirs)
        return total / count, np.einsum("na,nak->k", surplus, self.known) / count


def descended(start: Sequence[float], gradient: Callable[[Plane], Plane]) -> NDArray[np.float32]:
    """The weights to which Adam descends along a gradient."""
    weights = Tensor(np.array(start, np.float32))
    descent = Adam([weights], FIT_RATE)
    for step in range(FIT_STEPS):
        descent.gradient[...] = gradient(weights.value.astype(np.float64)) + SMALL * weights.value
        descent.lr = FIT_RATE * (1 - 0.9 * step / FIT_STEPS)
        descent.update()
    return weights.value.copy()


def report(judge: Judge, lines: list[Line]) -> None:
    """Say how good a judge is on lines that it has not seen."""
    ways = Ways(judge, lines)
    said = ways.judged.argmax(axis=1)
    print(f"right on {np.mean(said == ways.labels):.1%} of {len(said):,} groups; of each kind, it says:")
    for i, name in enumerate(LABELS):
        row = np.bincount(said[ways.labels == i], minlength=len(LABELS))
        print(f"{name:>6} {row.sum():6}: " + " ".join(f"{share:6.1%}" for share in row / max(row.sum(), 1)))
    weights = judge.weights["ways"].astype(np.float64)
    print("weights: " + ", ".join(f"{name} {w:.2f}" for name, w in zip(WAYS, weights, strict=True)))
    print(f"true ways through {len(lines):,} lines: {ways.loss(weights)[0]:.3f} nats each")
    told, is_right = ways.told(weights)
    said = right(told, judge.weights["right"])
    for least, most in pairwise((0.0, 0.25, 0.5, 0.75, 0.9, 0.95, 1.01)):
        some = (said >= least) & (said < most)
        share = is_right[some].mean()
        print(f"said to be right by {least:.2f} to {min(most, 1):.2f}: {some.sum():5}, {share:.1%} are")


if __name__ == "__main__":
    main()

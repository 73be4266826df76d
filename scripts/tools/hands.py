"""Glyphs as hands write them, 0 to 1: digits, signs between digits, and what is neither.

Digits are MNIST's (those of a range of rows of its training set) or a random pen's. A hand has one pen and
one slant; its digits are about TALL pixels high.
"""

from __future__ import annotations

from functools import cache
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray
from pen import FONTS, GREEK, LETTERS, STYLES, Points, _scribble, arc, curve, line

from hellodl import datasets

Rng: TypeAlias = np.random.Generator
Plane: TypeAlias = NDArray[np.float32]

TALL = 160
HALVES = {
    "train": slice(0, 50_000),
    "tune": slice(50_000, 55_000),
    "look": slice(55_000, 60_000),
}  # of MNIST's training rows
MARKS = "/-.,:"
BARE_ONES = 0.3
PENS, FINE = (0.015, 0.17), 0.04  # from the finest to the broadest; MNIST's strokes cannot be made so fine
LIKE_DIGITS = "CcUuGDQPJyjn"  # letters that are taken for digits, and are none where they stand alone


class Hand:
    """Somebody's writing: glyphs from MNIST's rows or a pen, all with one pen and one slant."""

    def __init__(self, rng: Rng, half: str) -> None:
        self.rng = rng
        self.images, self.rows = _mnist(half)
        self.width = float(np.exp(rng.uniform(*np.log(PENS))))  # a share of a digit's height
        self.slant = float(rng.normal(0.05, 0.12))
        self.pen_share = float(rng.choice([0.0, 0.3, 1.0], p=[0.5, 0.3, 0.2])) if self.width > FINE else 1.0
        self.letters = LETTERS + LIKE_DIGITS

    def digit(self, value: int) -> Plane:
        """A digit TALL pixels high, but for what the pen adds; some of the 1s are a bare line."""
        if value == 1 and self.rng.random() < BARE_ONES:
            return self.strokes([line((0.5, 0), (0.5 + self.rng.normal(0, 0.08), 1))])
        if self.rng.random() < self.pen_share:
            return self.strokes(STYLES[value](self.rng))
        small = self.images[self.rng.choice(self.rows[value])]
        crop = cropped(small.astype(np.float32) / 255)
        size = max(4, round(crop.shape[1] * TALL / crop.shape[0])), TALL
        return self._at_width(cv2.resize(crop, size, interpolation=cv2.INTER_CUBIC) > 0.43)

    def _at_width(self, mask: NDArray[np.bool_]) -> Plane:
        """A glyph with strokes about as wide as this hand's pen."""
        margin = TALL // 8
        padded = np.pad(mask, margin).astype(np.uint8)
        inside = cv2.distanceTransform(padded, cv2.DIST_L2, 5)
        half = float(np.percentile(inside[inside > 0], 90)) if inside.any() else 1.0
        grow = float(np.clip(self.width * TALL / 2 - half, -0.55 * half, margin - 2))
        edge = np.where(padded > 0, inside, -cv2.distanceTransform(1 - padded, cv2.DIST_L2, 5)) + grow
        return cropped(np.clip(edge / 2 + 0.5, 0, 1).astype(np.float32))

    def strokes(self, strokes: list[Points], high: float = 1.0) -> Plane:
        """Strokes of a pen (as pen.py has them), `high` times as tall as a digit."""
        side, size = round(3 * TALL * max(1, high)), TALL * high * 0.9
        sheet = np.zeros((side, side), np.uint8)
        turn = np.deg2rad(self.rng.normal(0, 5))
        turned = np.array([[np.cos(turn), -np.sin(turn) - self.slant], [np.sin(turn), np.cos(turn)]])
        for stroke in strokes:
            points = stroke + 0.008 * self.rng.normal(size=stroke.shape)
            fixed = (((points - 0.5) @ turned.T * size + side / 2) * 16).round().astype(np.int32)
            wide = max(2, round(self.width * TALL))
            cv2.polylines(sheet, [fixed.reshape(-1, 1, 2)], False, (255,), wide, cv2.LINE_AA, 4)  # noqa: FBT003 - OpenCV's
        return cropped(sheet.astype(np.float32) / 255)

    def open_zero(self) -> Plane:
        """A nought that is not closed at its right: the next one closes it, in 1000 written in one go."""
        r = self.rng
        gap = r.uniform(0, 50)
        return self.strokes([arc(0.5, 0.5, r.uniform(0.3, 0.5), 0.5, gap - 40, 320 - gap * r.random())])

    def mark(self, mark: str) -> tuple[Plane, float]:
        """A sign between digits, and how far its top lies below a digit's, a share of the digit's height."""
        r = self.rng
        dot = line((0.5, 0.5), (0.5 + r.uniform(0.005, 0.03), 0.5 + r.uniform(0, 0.03)))
        if mark == "/":
            lean, high = r.uniform(0.2, 0.6), r.uniform(1.0, 1.5)
            return self.strokes([line((0.5 + lean / 2, 0), (0.5 - lean / 2, 1))], high), (1 - high) / 2
        if mark == "-":
            long = r.uniform(0.2, 0.55)
            dash = line((0.5 - long / 2, 0.5), (0.5 + long / 2, 0.5 + r.normal(0, 0.03)))
            return self.strokes([dash]), r.uniform(0.35, 0.65)
        if mark == ".":
            return self.strokes([dot]), 1 - self.width * r.uniform(0.5, 1.4)
        if mark == ",":
            drop = (0.5, 0.5), (0.5 - r.uniform(0.02, 0.12), 0.5 + r.uniform(0.12, 0.28))
            return self.strokes([line(*drop)]), r.uniform(0.8, 1.0)
        return self.strokes([dot, dot + np.array((0.0, r.uniform(0.25, 0.5)))]), r.uniform(0.2, 0.45)

    def other(self) -> Plane:
        """A sign that is none of these: a letter, a scribble, a tick, a cross, bars, a blot."""
        r = self.rng
        ways = (self.letter, self._invented, self._greek, self._scribbled, self._sign, self._blot)
        return ways[r.choice(len(ways), p=(0.34, 0.2, 0.1, 0.08, 0.2, 0.08))]()

    def letter(self) -> Plane:
        """A letter of a pen font."""
        r = self.rng
        sheet = np.zeros((3 * TALL, 3 * TALL), np.uint8)
        letter, font = self.letters[r.integers(len(self.letters))], FONTS[r.integers(len(FONTS))]
        wide = max(2, round(self.width * TALL))
        cv2.putText(sheet, letter, (TALL, 2 * TALL), font, TALL / 24, (255,), wide, cv2.LINE_AA)
        turned = cv2.getRotationMatrix2D((1.5 * TALL, 1.5 * TALL), r.normal(0, 8), r.uniform(0.8, 1.2))
        turned[0, 1:] += np.array([self.slant, -self.slant * 1.5 * TALL])
        return cropped(cv2.warpAffine(sheet, turned, sheet.shape[::-1]).astype(np.float32) / 255)

    def _invented(self) -> Plane:
        """A letter of no script: two to four strokes through points of a grid of four by four."""
        r = self.rng
        strokes = []
        for _ in range(r.integers(2, 5)):
            points = [(x / 3, y / 3) for x, y in r.integers(0, 4, (2 * r.integers(1, 3) + 1, 2))]
            strokes.append(curve(*points) if r.random() < 0.7 else line(*points))
        return self.strokes(strokes)

    def _greek(self) -> Plane:
        return self.strokes(GREEK[self.rng.integers(len(GREEK))](self.rng))

    def _scribbled(self) -> Plane:
        return self.strokes(_scribble(self.rng), self.rng.uniform(0.6, 1.8))

    def _sign(self) -> Plane:
        """A tick, a cross, an equals sign, a long bar, a plus, a wave, a zigzag."""
        r = self.rng
        x = np.linspace(0, 1, 40)
        waves = np.stack([2 * x, 0.5 + 0.2 * np.sin(x * r.uniform(8, 40))], axis=1)
        signs = (
            [line((0.2, 0.6), (0.4, 0.9), (0.9, r.uniform(-0.3, 0.3)))],
            [line((0.1, 0.1), (0.9, 0.9)), line((0.9, 0.1), (0.1, 0.9))],
            [line((0.1, 0.3), (0.9, 0.3)), line((0.1, 0.6), (0.9, 0.6))],
            [line((0.0, 0.5), (r.uniform(0.8, 2), 0.5 + r.normal(0, 0.1)))],
            [line((0.1, 0.5), (0.9, 0.5)), line((0.5, 0.1), (0.5, 0.9))],
            [waves],
            [np.array([(i / 3, i % 2) for i in range(r.integers(4, 9))], np.float64)],
        )
        return self.strokes(signs[r.integers(len(signs))], r.uniform(0.6, 1.2))

    def _blot(self) -> Plane:
        """A disc with a ragged edge."""
        r = self.rng
        noise = r.normal(size=(TALL, TALL)).astype(np.float32)
        noise = cv2.GaussianBlur(noise, (0, 0), TALL / r.uniform(6, 14))
        blot = np.zeros((TALL, TALL), np.float32)
        cv2.circle(blot, (TALL // 2, TALL // 2), TALL // 3, (1,), -1)
        ragged = cv2.GaussianBlur(blot, (0, 0), 9) + 0.3 * noise / noise.std() > 0.5
        return cropped(ragged.astype(np.float32))


@cache
def _mnist(half: str) -> tuple[NDArray[np.uint8], list[NDArray[np.intp]]]:
    """A half's images, and which of them show each digit."""
    data, rows = datasets.load("mnist", "train"), HALVES[half]
    return data.images[rows], [np.flatnonzero(data.labels[rows] == digit) for digit in range(10)]


def cropped(plane: Plane) -> Plane:
    """A plane without the bare rows and columns around what is in it, but one."""
    ys, xs = np.flatnonzero(plane.max(1) > 0.3), np.flatnonzero(plane.max(0) > 0.3)
    if not ys.size:
        return np.zeros((1, 1), np.float32)
    return plane[max(0, ys[0] - 1) : ys[-1] + 2, max(0, xs[0] - 1) : xs[-1] + 2]


def scaled(glyph: Plane, tall: float, wide: float = 1.0) -> Plane:
    """A glyph whose TALL pixels become `tall`, stretched sideways."""
    size = max(1, round(glyph.shape[1] * tall / TALL * wide)), max(1, round(glyph.shape[0] * tall / TALL))
    return np.clip(cv2.resize(glyph, size, interpolation=cv2.INTER_AREA), 0, 1)

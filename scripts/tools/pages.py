"""Makes pictures of handwriting as people take them, with the truth about every stroke, from a seed.

    python scripts/tools/pages.py -o FOLDER

writes some of each kind with a labels.csv, as `hellodl evaluate FOLDER` reads them: digits on plain, ruled
and squared paper, in tables, boxes, combs, sums, in shadow, tilted, cut off, joined; with slashes, dots,
commas, dashes and colons between them; and what holds no digit: letters, words, scribbles, ticks, blots,
textures, bare paper, empty forms. The same numbers make the same pictures.
"""

from __future__ import annotations

import argparse
import csv
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from hands import HALVES, MARKS, Hand, Plane, Rng, scaled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hellodl.reading.arrays import Pixels

FORMS = (
    "n/n",
    "t-t-t",
    "t/t/t",
    "t.t.t",
    "N.t",
    "N,t",
    "t:t",
    "-n",
    "n.n.t",
    "N,t",
    "n/N",
    "n:t:t",
    "n-n",
    "n,n,n",
)
"""What has marks; n, N: a number of up to 2, 3 digits; t: of two."""

STRAIGHT, OF_STRAIGHT = (1, 1, 1, 4, 7), 0.15
LONGEST = 700  # pixels of a picture's longer side
SHOWN = 0.6  # a digit of which less is in the picture is none
INKS = ((25, 25, 30), (30, 40, 120), (20, 60, 190), (150, 30, 40), (210, 40, 50), (80, 80, 85), (20, 90, 50))


@dataclass(frozen=True)
class Item:
    """Something written: a digit, a mark or "other", in which line, and how many pixels it covers."""

    kind: str
    line: int
    area: float


@dataclass
class Page:
    """A picture as it is made: planes of one size.

    ink: 0 to 1. owner: the number of the item, from 1, that a pixel of ink belongs to, 0 for none. printed: 0
    to 1, what a machine has printed. tall: a digit's height in pixels, about.
    """

    ink: Plane
    owner: NDArray[np.int16]
    printed: Plane
    tall: float
    items: list[Item] = field(default_factory=list)

    @classmethod
    def blank(cls, height: float, width: float, tall: float) -> Page:
        """An empty page."""
        shape = round(height), round(width)
        return cls(*(np.zeros(shape, kind) for kind in (np.float32, np.int16, np.float32)), tall)

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        return self.ink.shape

    @property
    def text(self) -> str:
        """Its digits, line by line; "none" without any."""
        lines: dict[int, str] = {}
        for item in self.items:
            if item.kind.isdigit():
                lines[item.line] = lines.get(item.line, "") + item.kind
        return "\n".join(lines.values()) or "none"

    def put(self, glyph: Plane, kind: str, at: tuple[float, float], line: int = 0) -> None:
        """Lay a glyph on the page, from left and top; what is beyond the border is lost."""
        x, y = round(at[0]), round(at[1])
        y0, x0 = max(0, -y), max(0, -x)
        y1, x1 = min(len(glyph), self.shape[0] - y), min(glyph.shape[1], self.shape[1] - x)
        if y1 > y0 and x1 > x0:
            part, here = glyph[y0:y1, x0:x1], np.s_[y + y0 : y + y1, x + x0 : x + x1]
            self.items.append(Item(kind, line, float((glyph > 0.4).sum())))
            self.owner[here][part > np.maximum(0.4, self.ink[here])] = len(self.items)
            np.maximum(self.ink[here], part, out=self.ink[here])

    def cut(self, left: int = 0, top: int = 0, right: int | None = None, bottom: int | None = None) -> Page:
        """A part of the page."""
        here = np.s_[top:bottom, left:right]
        return Page(self.ink[here], self.owner[here], self.printed[here], self.tall, self.items)

    def judged(self, growth: float) -> Page:
        """The page, so many times as large, with digits that are mostly cut away as something else."""
        seen = np.bincount(self.owner.ravel(), minlength=len(self.items) + 1)[1:]
        shown = [count >= SHOWN * growth * item.area for count, item in zip(seen, self.items, strict=True)]
        items = [i if s else replace(i, kind="other") for i, s in zip(self.items, shown, strict=True)]
        return replace(self, items=items)


def write(
    page: Page,
    hand: Hand,
    text: str,
    at: tuple[float, float, float],
    *,
    slope: float = 0.0,
    gap: float = 0.15,
    line: int = 0,
) -> float:
    """Write digits, marks and ? for others from (left, top, height). Returns where it ends."""
    r = hand.rng
    left, top, tall = at
    start, wide = left, r.uniform(0.8, 1.2) if r.random() < 0.85 else r.uniform(0.55, 1.6)
    in_one_go = gap < 0.03 and r.random() < 0.5  # noughts
    for i, char in enumerate(text):
        below = r.normal(0, 0.04)
        if char in MARKS:
            glyph, below = hand.mark(char)
            small = scaled(glyph, tall)
        else:
            zero = char == "0" and in_one_go and text[i + 1 : i + 2] == "0"
            glyph = hand.other() if char == "?" else hand.open_zero() if zero else hand.digit(int(char))
            small = scaled(glyph, tall * r.uniform(0.85, 1.12), wide)
        kind = "other" if char == "?" else char
        page.put(small, kind, (left, top + below * tall + slope * (left - start)), line)
        left += small.shape[1] + tall * gap * r.uniform(0.3, 1.7)
    return left


# Pages ------------------------------------------------------------------------------------------------


def number(rng: Rng, most: int = 6, noughts: float = 0.15) -> str:
    """Digits of a number; some end in noughts, some are of straight strokes alone, as print is."""
    some = STRAIGHT if rng.random() < OF_STRAIGHT else range(10)
    digits = "".join(map(str, rng.choice(some, rng.integers(1, most + 1))))
    return digits if rng.random() > noughts else digits[0] + "0" * (len(digits) - 1)


def with_marks(rng: Rng) -> str:
    """A date, a price, a time, a negative number."""
    parts = {
        "n": lambda: number(rng, 2),
        "N": lambda: number(rng, 3),
        "t": lambda: f"{rng.integers(10, 100)}",
    }
    return "".join(parts[c]() if c in parts else c for c in FORMS[rng.integers(len(FORMS))])


def row(rng: Rng, half: str, text: str | None = None, gap: float | None = None) -> Page:
    """One line; some with letters before or after the digits."""
    hand, text = Hand(rng, half), text or number(rng)
    if len(text) > 1 and rng.random() < 0.08:
        text = "?" * rng.integers(0, 3) + text + "?" * rng.integers(0, 3)
    tall = rng.uniform(40, 120)
    if gap is None:
        gap = rng.uniform(*((-0.12, 0.02), (0.08, 0.5), (0.5, 2.0))[rng.choice(3, p=(0.15, 0.6, 0.25))])
    slope = rng.normal(0, 0.06) if rng.random() < 0.6 else rng.uniform(-0.6, 0.6)
    tight = rng.random() < 0.35  # a crop by the ink's own bounds, or less
    margin = tall * (rng.uniform(-0.04, 0.05) if tight else rng.uniform(0.05, 0.8))
    width = (len(text) + 1.5) * tall * (1.1 + max(0, gap)) + 40
    page = Page.blank(1.35 * tall + 2 * margin + abs(slope) * width, width, tall)
    top = margin + 0.15 * tall + max(0, -slope) * width
    end = write(page, hand, text, (max(0, margin), top, tall), slope=slope, gap=gap)
    rows = np.flatnonzero(page.ink.any(axis=1)) if tight else np.array([0, page.shape[0]])
    m = round(margin) if tight else 0
    page = page.cut(0, max(0, rows[0] - m), min(page.shape[1], round(end + margin)), rows[-1] + 1 + m)
    _disturb(page, hand, tall)
    _rule(page, rng, tall)
    return page


def _disturb(page: Page, hand: Hand, tall: float) -> None:
    """Specks of dirt, feet or heads of other lines at the border, a ring around all, on some pages."""
    rng, (height, width) = hand.rng, page.shape
    for _ in range(rng.integers(1, 6) if rng.random() < 0.25 else 0):
        size = tall * rng.uniform(0.02, 0.09) / hand.width
        page.put(scaled(hand.mark(".")[0], size), "other", tuple(rng.uniform(0, 1, 2) * (width, height)))
    if rng.random() < 0.2:
        first, shown = len(page.items), tall * rng.uniform(0.03, 0.3)
        top = shown - tall if rng.random() < 0.5 else height - shown
        write(page, hand, number(rng), (rng.uniform(0, width / 2), top, tall), gap=0.3)
        page.items[first:] = [replace(item, kind="other") for item in page.items[first:]]
    if rng.random() < 0.05:
        sheet = np.zeros(page.shape, np.float32)
        axes, thick = (round(width * 0.47), round(height * 0.47)), max(2, round(hand.width * tall))
        cv2.ellipse(sheet, (width // 2, height // 2), axes, rng.normal(0, 5), 0, 350, (1,), thick)
        page.put(sheet, "other", (0, 0))


def lines(rng: Rng, half: str) -> Page:
    """A page of several lines, or a sum: numbers with a rule of the pen above the last."""
    hand, is_sum = Hand(rng, half), rng.random() < 0.3
    texts = [number(rng, 4 if is_sum else 7) for _ in range(rng.integers(2, 6))]
    tall, step = rng.uniform(30, 70), rng.uniform(1.4, 2.2)
    margin = rng.uniform(0.3, 1.2) * tall
    page = Page.blank(2 * margin + tall * step * len(texts), 2 * margin + tall * 8.5, tall)
    gap = rng.uniform(0.12, 0.5)
    for i, text in enumerate(texts):
        left = margin + (4 - len(text)) * tall * (0.8 + gap) if is_sum else margin + rng.uniform(0, tall)
        write(page, hand, text, (left, margin + i * step * tall, tall), gap=gap, line=i)
    if is_sum:
        long = np.ones((max(2, round(hand.width * tall)), round(5 * tall)), np.float32)
        page.put(long, "other", (margin, margin + tall * ((len(texts) - 1) * step - (step - 1) / 2)))
    _rule(page, rng, tall)
    return page


def table(rng: Rng, half: str, filled: float = 0.8) -> Page:
    """Cells of a table, a sudoku or a score sheet, digits in most, words printed in some, ticks in some."""
    hand = Hand(rng, half)
    rows, columns = int(rng.choice([1, 1, 1, 2, 3, 5])), int(rng.integers(1, 9))
    high = rng.uniform(50, 100)
    wide, tall = high * rng.uniform(0.8, 1.6), high * rng.uniform(0.4, 0.85)
    margin = 0.0 if rng.random() < 0.5 else rng.uniform(0.1, 0.6) * high
    page = Page.blank(2 * margin + rows * high + 4, 2 * margin + columns * wide + 4, tall)
    thin, thick, bold = rng.uniform(1, 3), rng.uniform(3, 12), rng.random() < 0.4
    shaky = rng.uniform(0.2, 2) if rng.random() < 0.5 else 0.0
    for i in range(rows + 1):
        _bar(page, rng, margin + i * high, margin, thick if bold and i % 3 == 0 else thin, shaky)
    for j in range(columns + 1):
        wall = thick if bold and j % 3 == 0 else thin
        _bar(page, rng, margin + j * wide, margin, wall, shaky, upright=True)
    worded = rng.random() < 0.25
    for i in range(rows):
        for j in range(columns):
            left, top = margin + (j + rng.uniform(0.12, 0.3)) * wide, margin + i * high
            top += (high - tall) * rng.uniform(0.15, 0.9)
            if worded and j == 0:
                _print(page, rng, (left, top + 0.6 * tall), 0.35 * tall)
            elif rng.random() < filled:
                text = (
                    number(rng, 2 if wide > 1.2 * high else 1) if rng.random() < 0.9 else with_marks(rng)[:4]
                )
                write(page, hand, text, (left, top, tall * (1 if len(text) < 3 else 0.5)), gap=0.08, line=i)
            elif rng.random() < 0.3:
                write(page, hand, "?", (left, top, tall * 0.8), line=i)
    if rng.random() < 0.25:  # cut out along its walls, as from a sudoku
        height, width = page.shape
        left, top, right, bottom = (round(v) for v in margin + rng.uniform(-0.2, 0.12, 4) * high)
        page = page.cut(max(0, left), max(0, top), width - max(0, right), height - max(0, bottom))
    return page


def boxes(rng: Rng, half: str) -> Page:
    """Boxes apart or side by side, or a comb, for the digits of a post code or a date."""
    hand, text = Hand(rng, half), number(rng, 8)
    tall, comb = rng.uniform(40, 90), rng.random() < 0.35
    wide, gap = tall * rng.uniform(0.9, 1.3), tall * rng.choice([0.0, rng.uniform(0.1, 0.4)])
    high, margin = tall * rng.uniform(1.1, 1.5), rng.uniform(0.1, 1.0) * tall
    page = Page.blank(high + 2 * margin, len(text) * (wide + gap) + 2 * margin, tall)
    thin = max(1, round(rng.uniform(1, 4)))
    for i, char in enumerate(text):
        left, top = margin + i * (wide + gap), margin
        x0, y0, x1, y1 = (round(v) for v in (left, top, left + wide, top + high))
        if comb:
            tooth = round(y1 - high * rng.uniform(0.2, 0.4))
            comb_line = np.array([(x0, tooth), (x0, y1), (x1, y1), (x1, tooth)])
            cv2.polylines(page.printed, [comb_line], isClosed=False, color=(1,), thickness=thin)
        else:
            cv2.rectangle(page.printed, (x0, y0), (x1, y1), (1,), thin)
        top += (high - tall) * rng.uniform(0.2, 1)
        write(page, hand, char, (left + rng.uniform(0.05, 0.3) * wide, top, tall * rng.uniform(0.75, 1)))
    return page


def none(rng: Rng, half: str) -> Page:
    """No digit: signs, words, bare or ruled paper, an empty or ticked table, a texture."""
    kind = rng.random()
    if kind < 0.62:
        return row(rng, half, "?" * int(rng.choice([1, 1, 1, 2, 3, 5, 8])))
    if kind < 0.75:
        return table(rng, half, filled=0.0)
    page = Page.blank(rng.uniform(60, 400), rng.uniform(60, 500), 60)
    if kind < 0.9:
        _texture(page, rng)
    else:
        _rule(page, rng, 60)
    return page


def _texture(page: Page, rng: Rng) -> None:
    """Bars, checks, bricks, blobs, fibres."""
    height, width = page.shape
    y, x = np.mgrid[:height, :width].astype(np.float32)
    size = rng.uniform(8, 60)
    noise = cv2.GaussianBlur(rng.normal(size=page.shape).astype(np.float32), (0, 0), size / 4)
    noise /= noise.std()
    across, down = np.sin(x / size * 3), np.sin(y / size * 3)
    bricks = np.maximum(np.sin(x / size * 3 + np.pi * (y // size % 2)), np.sin(y / size * 6.28)) * 3 - 2
    planes = (across * 2, across * down * 3, bricks, noise * 2, noise * 2 + np.sin(x / size + noise) * 2)
    glyph = planes[rng.integers(len(planes))] + rng.normal(0, 0.3)
    page.put(np.clip(glyph, 0, 1).astype(np.float32), "other", (0, 0))


def _bar(
    page: Page, rng: Rng, at: float, margin: float, thick: float, shaky: float, *, upright: bool = False
) -> None:
    """A line of a table, across or down; printed, or drawn along a ruler by a hand so shaky, in pixels."""
    plane = page.printed.T if upright else page.printed
    x = np.linspace(margin, plane.shape[1] - margin, 9)
    y = at + shaky * rng.normal(0, 1, len(x)).cumsum() * rng.integers(2)
    sheet = np.zeros(plane.shape, np.float32)
    points = np.stack([x, y], axis=1).round().astype(np.int32)
    cv2.polylines(sheet, [points], isClosed=False, color=(1,), thickness=max(1, round(thick)))
    np.maximum(plane, sheet, out=plane)


def _print(page: Page, rng: Rng, at: tuple[float, float], tall: float) -> None:
    """A printed word."""
    word = "".join(rng.choice(list("ABEHKMNRTXaehkmnrtvwx"), rng.integers(2, 5)))
    sheet, where = np.zeros(page.shape, np.uint8), (round(at[0]), round(at[1]))
    cv2.putText(sheet, word, where, cv2.FONT_HERSHEY_DUPLEX, tall / 22, (1,), max(1, round(tall / 12)))
    np.maximum(page.printed, sheet, out=page.printed)


def _rule(page: Page, rng: Rng, tall: float) -> None:
    """Ruled or squared paper, for some."""
    kind = rng.random()
    if kind > 0.35:
        return
    step, first, t = tall * rng.uniform(0.9, 1.8), rng.uniform(0, tall), max(1, round(rng.uniform(1, 3)))
    squared = kind < 0.12
    for plane in (page.printed, page.printed.T)[: 1 + squared]:
        for at in np.arange(first, len(plane), step * (0.4 if squared else 1)):
            plane[round(at) : round(at) + t] = 0.6


# From a page to a picture -----------------------------------------------------------------------------


def photographed(page: Page, rng: Rng) -> tuple[Pixels, Page]:
    """The page in a colour, in a light, turned and blurred as by a camera; and the page as it is then."""
    if rng.random() < 0.25:  # cut out with a careless hand, in some through the digits
        most = min(page.shape) * (0.25 if rng.random() < 0.2 else 0.06)
        left, top, right, bottom = (int(v) for v in rng.uniform(0, most, 4))
        page = page.cut(left, top, page.shape[1] - right, page.shape[0] - bottom)
    on_screen = rng.random() < 0.2
    page, around = _turned(page, rng, flat=on_screen)
    pixels = _drawn(page, rng) if on_screen else _lit(page, around, rng)
    if rng.random() < 0.2:
        pixels = 255 - pixels
    if rng.random() < 0.5:
        _, file = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 95))])
        pixels = np.asarray(cv2.imdecode(file, cv2.IMREAD_COLOR), np.uint8)
    return pixels, page


def _drawn(page: Page, rng: Rng) -> Pixels:
    """As on a screen: two colours, with soft edges or hard ones."""
    pen, paper = np.float32(INKS[rng.integers(len(INKS))]), np.float32(rng.choice([255, 255, 240]))
    strength = np.maximum(page.ink, 0.7 * page.printed)
    strength = (strength > 0.5).astype(np.float32) if rng.random() < 0.4 else strength
    return (paper + strength[..., None] * (pen - paper)).astype(np.uint8)


def _lit(page: Page, around: NDArray[np.bool_], rng: Rng) -> Pixels:
    """As in a photograph: paper and pen of some colour, grain, light, a blurred and noisy sensor."""
    shape = page.shape
    paper = rng.uniform(140, 255) + rng.normal(0, 8, 3)
    pen = np.array(INKS[rng.integers(len(INKS))]) + rng.normal(0, 10, 3)
    faint = rng.uniform(0.2, 1.0) if rng.random() < 0.35 else 1.0
    print_ = np.float32(paper * rng.uniform(0.1, 0.8))
    if rng.random() < 0.3:  # in a colour
        print_ = print_ * np.float32(rng.uniform(0.5, 1.6, 3))
    ink = page.ink
    if rng.random() < 0.25:  # of a pencil or a dry pen
        grain = cv2.GaussianBlur(rng.standard_normal(shape, np.float32), (0, 0), rng.uniform(0.7, 6))
        ink = ink * np.clip(1 - np.float32(rng.uniform(0.1, 0.5)) * (1 + grain / grain.std()), 0, 1)
    picture = np.full((*shape, 3), paper, np.float32)
    picture += page.printed[..., None] * (print_ - picture)
    picture += (faint * ink)[..., None] * (np.float32(pen) - picture)
    picture[around] = np.float32(rng.uniform(20, 200) + rng.normal(0, 15, 3))
    picture *= _light(rng, *shape)[..., None]
    picture = cv2.GaussianBlur(
        picture, (0, 0), rng.uniform(0.3, 1.6) if rng.random() < 0.85 else rng.uniform(1.6, 3)
    )
    fibre = cv2.GaussianBlur(rng.standard_normal(shape, np.float32), (0, 0), rng.uniform(0.5, 3))
    picture += (fibre / fibre.std() * np.float32(rng.uniform(0, 5)))[..., None]
    picture += rng.standard_normal(picture.shape, np.float32) * np.float32(rng.uniform(0, 5))
    return np.clip(picture, 0, 255).astype(np.uint8)


def _turned(page: Page, rng: Rng, *, flat: bool) -> tuple[Page, NDArray[np.bool_]]:
    """Tilted and seen from aside, some on a desk, enlarged or made smaller; and what is beyond the sheet."""
    height, width = page.shape
    scale = rng.uniform(0.5, 1.6) if rng.random() < 0.85 else rng.uniform(12, 30) / page.tall
    scale = min(scale, LONGEST / max(page.shape))
    desk = 0.0 if flat or rng.random() < 0.9 else rng.uniform(0.05, 0.3) * scale * min(page.shape)
    corners = np.float32([(0, 0), (width, 0), (width, height), (0, height)])
    angle = 0.0
    if rng.random() < 0.6:
        angle = np.deg2rad(rng.uniform(-25, 25) if rng.random() < 0.12 else 0.0 if flat else rng.normal(0, 2))
    turn = np.float32([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    stretch = np.array([rng.uniform(0.6, 1.6) if rng.random() < 0.1 else 1.0, 1.0])  # 16 pixels square, say
    seen = (corners - (width / 2, height / 2)) @ turn.T * scale * stretch
    if not flat:
        seen += rng.normal(0, 0.012, (4, 2)) * min(page.shape) * scale
    full = np.ptp(seen, axis=0) if abs(angle) > 0.1 else np.array([width, height]) * scale * stretch
    seen += full / 2 + desk
    matrix = cv2.getPerspectiveTransform(corners, np.float32(seen))
    size = tuple(int(side) for side in np.maximum(8, np.round(full + 2 * desk)))

    def warped(plane: Plane, border: int = cv2.BORDER_CONSTANT) -> Plane:
        soft = plane if scale > 0.7 else cv2.blur(plane, (max(1, round(1 / scale)),) * 2)
        return cv2.warpPerspective(soft, matrix, size, borderMode=border)

    owner = cv2.warpPerspective(page.owner, matrix, size, flags=cv2.INTER_NEAREST)
    sheet = cv2.warpPerspective(np.ones(page.shape, np.uint8), matrix, size, flags=cv2.INTER_NEAREST)
    around = (sheet == 0) & bool(desk)
    printed = warped(page.printed) if desk else warped(page.printed, cv2.BORDER_REPLICATE)
    return Page(warped(page.ink), owner, printed, page.tall * scale, page.items).judged(
        scale**2 * stretch[0]
    ), around


def _light(rng: Rng, height: int, width: int) -> Plane:
    """A share of the light that falls on each pixel: even, falling off, with a shadow or a bright spot."""
    y, x = np.mgrid[:height, :width].astype(np.float32) / max(height, width)
    light = np.ones((height, width), np.float32)
    a, c, d = rng.uniform(0, 2 * np.pi), *rng.uniform(0.2, 0.8, 2)
    if rng.random() < 0.5:
        slope = np.cos(a) * x + np.sin(a) * y
        light *= 1 - rng.uniform(0, 0.6) * (slope - slope.min()) / max(float(np.ptp(slope)), 1e-3)
    distance = (x - c) ** 2 + (y - d) ** 2
    if rng.random() < 0.15:  # the lens
        light *= 1 - np.float32(rng.uniform(0.2, 0.8)) * distance / distance.max()
    if rng.random() < 0.05:  # a lamp on a whiteboard
        light *= 1 + np.float32(rng.uniform(0.1, 0.6)) * np.exp(
            -distance / np.float32(rng.uniform(0.01, 0.1))
        )
    if rng.random() < 0.2:
        edge = np.clip((np.cos(a) * (x - c) + np.sin(a) * (y - d)) / rng.uniform(0.005, 0.1), -50, 50)
        light *= 1 - np.float32(rng.uniform(0.1, 0.5)) / (1 + np.exp(-edge))
    return light


KINDS = {
    "one": lambda rng, half: row(rng, half, str(rng.integers(10))),
    "row": row,
    "joined": lambda rng, half: row(rng, half, number(rng, 5, 0.4), rng.uniform(-0.15, 0.0)),
    "marks": lambda rng, half: row(rng, half, with_marks(rng), rng.uniform(0.05, 0.4)),
    "lines": lines,
    "table": table,
    "boxes": boxes,
    "none": none,
}


def made(kind: str, number_: int, half: str) -> tuple[Pixels, Page]:
    """The picture of a kind with this number, (height, width, 3), and its page."""
    rng = np.random.default_rng([*kind.encode(), number_, *half.encode()])
    return photographed(KINDS[kind](rng, half), rng)


def main() -> None:
    """Write a folder a kind, each with a labels.csv."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--half", choices=HALVES, default="look", help="whose digits, and which seeds")
    parser.add_argument("--count", type=int, default=40, help="pictures of a kind (default 40)")
    options = parser.parse_args()
    for kind in KINDS:
        folder = options.output / f"made_{kind}"
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "labels.csv").open("w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file)
            rows.writerow(["file", "label"])
            for i in range(options.count):
                pixels, page = made(kind, i, options.half)
                cv2.imwrite(str(folder / f"{i:04}.png"), pixels[..., ::-1])
                rows.writerow([f"{i:04}.png", page.text])


if __name__ == "__main__":
    main()

"""Draw digits with a random pen in styles that MNIST has few of, and signs that are no digits.

Their strokes are known, so that made pages can have pens as fine and as broad as people's.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from hellodl.reading.normalise import placed

if TYPE_CHECKING:
    from collections.abc import Callable

    from hellodl.reading.arrays import Pixels


# One stroke of the pen: (n, 2) points, x to the right and y down; a digit fills y from 0 to 1.
Points: TypeAlias = NDArray[np.float64]
Rng: TypeAlias = np.random.Generator
Strokes: TypeAlias = "list[Points]"

CANVAS = 240  # side of the sheet, in pixels
SIZE = 0.45 * CANVAS  # of a digit on it
PEN = 0.09, 0.2  # from the thinnest to the thickest, as shares of that
TURN, SLANT, WIDTH = 6, (0.05, 0.12), (0.7, 1.4)  # degrees; mean slant and its deviation; from … to
WAVE, WAVES, TREMOR = 0.012, 5, 0.004  # how a hand strays: slowly, how often, and from point to point
FRACTION = 4  # bits: places of points that OpenCV is told are sixteenths of a pixel
SIGNS = 0.45, 0.3, 0.25  # shares of letters, scribbles, Greek letters

DIGITS = (1, 1, 1, 1, 7, 7, 2, 2, 0, 3, 4, 5, 6, 8, 9)  # the more often what MNIST, by Americans, lacks
LETTERS = "adefhkmnprtuvwxAEFHKLMNPRTUVWXY"  # no digits in anybody's hand; some write a 6 like G

FONTS = (
    cv2.FONT_HERSHEY_SIMPLEX,
    cv2.FONT_HERSHEY_DUPLEX,
    cv2.FONT_HERSHEY_SCRIPT_SIMPLEX,
    cv2.FONT_HERSHEY_SCRIPT_COMPLEX,
)


def drawn_digits(rng: Rng, count: int) -> tuple[Pixels, Pixels]:
    """Draw `count` digits: uint8 images (count, 28, 28) placed as in MNIST, and their labels."""
    labels = rng.choice(DIGITS, count).astype(np.uint8)
    return np.stack([_inked(STYLES[int(d)](rng), rng) for d in labels]), labels


def drawn_hand(rng: Rng) -> Pixels:
    """Draw the ten digits, uint8 (10, 28, 28) placed as in MNIST."""
    return np.stack([_inked(STYLES[digit](rng), rng) for digit in range(10)])


def drawn_others(rng: Rng, count: int) -> Pixels:
    """Draw `count` signs that are no digits: uint8 images (count, 28, 28) placed as in MNIST."""
    kinds = rng.choice(len(SIGNS), count, p=SIGNS)
    return np.stack([_other(rng, kind) for kind in kinds])


def _other(r: Rng, kind: int) -> Pixels:
    """A letter (kind 0), a scribble (1) or a Greek letter (2)."""
    if kind == 0:
        return _letter(r)
    return _inked(_scribble(r) if kind == 1 else GREEK[r.integers(len(GREEK))](r), r)


def line(*points: tuple[float, float]) -> Points:
    """Straight strokes from point to point."""
    corners = np.array(points, np.float64)
    steps = np.linspace(0, 1, 6)[:-1, None]
    parts = [a + (b - a) * steps for a, b in pairwise(corners)]
    return np.concatenate([*parts, corners[-1:]])


def curve(*points: tuple[float, float]) -> Points:
    """Quadratic Bézier arcs: start, control, end, and from there control, end again."""
    corners = np.array(points, np.float64)
    t = np.linspace(0, 1, 11)[:, None]
    parts = [
        a * (1 - t) ** 2 + 2 * b * t * (1 - t) + c * t**2
        for a, b, c in zip(corners[::2], corners[1::2], corners[2::2], strict=False)
    ]
    return np.concatenate(parts)


def arc(x: float, y: float, rx: float, ry: float, begin: float, end: float) -> Points:
    """Arc of an ellipse; angles in degrees, clockwise from the right."""
    t = np.deg2rad(np.linspace(begin, end, 28))
    return np.stack([x + rx * np.cos(t), y + ry * np.sin(t)], axis=1)


def _zero(r: Rng) -> Strokes:
    """Mostly with a slash."""
    rx = r.uniform(0.28, 0.45)
    ring = arc(0.5, 0.5, rx, 0.5, -90 + r.normal(0, 20), 270 + r.normal(0, 15))
    x, y = np.array([0.7 * rx, 0.38]) * r.uniform(0.6, 1.2)
    return [ring, line((0.5 - x, 0.5 + y), (0.5 + x, 0.5 - y))] if r.random() < 0.8 else [ring]


def _one(r: Rng) -> Strokes:
    """With an upstroke, some as long as the stem, some with a foot."""
    across, down = r.uniform(0.15, 0.42), r.uniform(0.1, 0.5)
    if r.random() < 0.35:
        across, down = 1.5 * across, 1.8 * down
    bend = (0.5 - 0.4 * across + r.normal(0, 0.03), 0.6 * down + r.normal(0, 0.03))
    strokes = [curve((0.5 - across, down), bend, (0.5, 0)), line((0.5, 0), (0.5 + r.normal(0, 0.02), 1))]
    foot = r.uniform(0.15, 0.45)
    if r.random() < 0.35:
        strokes.append(line((0.5 - foot, 1), (0.5 + foot * r.uniform(0.6, 1.1), 1 + r.normal(0, 0.015))))
    return strokes


def _two(r: Rng) -> Strokes:
    """A hook on a line, on a wave, or on a curl like a c; some with a long tail."""
    w, kind = r.uniform(0.5, 0.65), r.random()
    tail = r.uniform(0, 0.25) if r.random() < 0.7 else r.uniform(0.25, 0.8)
    begin = (r.uniform(0, 0.08), r.uniform(0.12, 0.26))
    hook = curve(begin, (0.02, -0.02), (w / 2, 0), (1.1 * w, 0), (w, 0.32))
    if kind < 0.4:
        x, tip = r.uniform(0.02, 0.15), (w + 0.6 * tail, r.uniform(0.8, 0.92))
        stem = (0.8 * w, 0.55), (x + 0.05, 0.72), (x - 0.12, 1.02), (x + 0.3, 1.0), (0.9 * w, 1.0), tip
        return [hook, curve((w, 0.32), *stem)]
    if kind < 0.7:
        foot = line((0, 1), (w + tail, 1 - r.normal(0.1, 0.1) * tail))
        return [hook, curve((w, 0.32), (0.9 * w, 0.55), (0, 1)), foot]
    y = r.uniform(0.88, 0.97)
    wave = (0.05, y), (0.4 * w, y - 0.12), (w + tail, 1.0)
    return [hook, curve((w, 0.32), (0.9 * w, 0.6), *wave)]


def _foot(r: Rng, w: float) -> list[tuple[float, float]]:
    """How a belly that is so wide ends: bent to the left, or hanging down."""
    if r.random() < 0.75:
        return [(0.95 * w, 1.02), (0.45 * w, 1), (0.08, 1), (0, r.uniform(0.8, 0.93))]
    return [(w, 0.85), (w * r.uniform(0.5, 0.95), 1.0)]


def _three(r: Rng) -> Strokes:
    """With a round or an angular top; some end in a tail."""
    w, m = r.uniform(0.45, 0.6), r.uniform(0.4, 0.5)
    belly = curve((0.45 * w, m), (1.15 * w, m), (1.05 * w, 0.75), *_foot(r, w))
    if r.random() < 0.5:
        return [line((0, 0), (w, r.normal(0, 0.03)), (0.45 * w, m)), belly]
    middle = (w * r.uniform(0.25, 0.5), m)
    begin = (0, r.uniform(0.06, 0.2))
    top = curve(begin, (0.1, -0.05), (w / 2, 0), (1.15 * w, 0.02), (0.9 * w, 0.25), (0.7 * w, m), middle)
    return [top, belly]


def _four(r: Rng) -> Strokes:
    """Open or closed, often with a long bar, some with a low one."""
    closed = bool(r.random() < 0.5)
    x, y = r.uniform(0.5, 0.65), r.uniform(0.5, 0.7) if r.random() < 0.7 else r.uniform(0.7, 0.9)
    start = (x, 0) if closed else (r.uniform(0.25, 0.4), r.uniform(0, 0.12))
    corner = line(start, (0, y), (r.uniform(0.75, 1), y + r.normal(0, 0.03)))
    top = (x, 0) if closed else (x + r.normal(0, 0.04), r.uniform(0, y - 0.2))
    return [corner, line(top, (x + r.uniform(-0.1, 0.02), 1))]


def _five(r: Rng) -> Strokes:
    """With the bar drawn last, often apart; some end in a tail."""
    w, x, m = r.uniform(0.45, 0.6), r.uniform(0.02, 0.14), r.uniform(0.36, 0.48)
    belly = curve((x, m), (0.6 * w, m - 0.14), (w, 0.62), *_foot(r, w))
    begin, bend = (x + r.uniform(0.03, 0.07), 0), (0.6 * w, r.normal(0, 0.03))
    bar = curve(begin, bend, (w + r.uniform(0, 0.2), r.normal(0, 0.04)))
    return [np.concatenate([line((x + 0.03, r.uniform(0, 0.06)), (x, m)), belly]), bar]


def _six(r: Rng) -> Strokes:
    """Like a G: the loop stays open."""
    m, rx = r.uniform(0.5, 0.62), r.uniform(0.26, 0.36)
    begin = (r.uniform(0.6, 0.75), r.uniform(0.02, 0.14))
    back = curve(begin, (0.35, -0.06), (0.12, 0.45), (-0.02, 0.95), (0.4, 1.0))
    loop = arc(0.42, (1 + m) / 2, rx, (1 - m) / 2, 90, -90 + r.normal(0, 25))
    return [np.concatenate([back, loop]), line((0.42, m), (r.uniform(0.2, 0.38), m + r.uniform(-0.02, 0.06)))]


def _seven(r: Rng) -> Strokes:
    """Mostly crossed, some with a stroke that hangs from the left end."""
    w, lean = r.uniform(0.5, 0.7), r.uniform(0.05, 0.4)
    bar = curve((0, r.uniform(0, 0.06)), (w / 2, r.normal(0, 0.04)), (w, 0))
    strokes = [bar, curve((w, 0), (w - 0.3 * lean, 0.4 + r.normal(0, 0.05)), (w - lean, 1))]
    if r.random() < 0.3:
        strokes.append(line((0, 0), (r.normal(0, 0.02), r.uniform(0.06, 0.16))))
    if r.random() < 0.7:
        y, half = r.uniform(0.42, 0.6), r.uniform(0.15, 0.5)
        x = w - 0.7 * lean * y
        strokes.append(
            line((x - half, y + r.normal(0, 0.02)), (x + half * r.uniform(0.7, 1.2), y + r.normal(0, 0.03)))
        )
    return strokes


def _eight(r: Rng) -> Strokes:
    """Two rings, or one stroke that crosses itself, in some without meeting its start."""
    ry, rx = r.uniform(0.2, 0.25), r.uniform(0.18, 0.26)
    wide = rx * r.uniform(1, 1.3)
    if r.random() < 0.5:
        return [arc(0.5, ry, rx, ry, 90, 450), arc(0.5, 0.5 + ry, wide, 0.5 - ry, -90, 270)]
    t = np.linspace(0, 2 * np.pi * r.uniform(0.86, 1.05), 44) + 0.35
    return [np.stack([0.5 + wide * np.sin(2 * t), 0.5 - 0.5 * np.cos(t)], axis=1)]


def _nine(r: Rng) -> Strokes:
    """With a straight stem, or like a g."""
    rx, ry = r.uniform(0.22, 0.3), r.uniform(0.22, 0.28)
    x = 0.3 + rx
    ring = arc(0.3, ry, rx, ry, r.uniform(-60, 0), -360 + r.uniform(-10, 20))
    if r.random() < 0.7:
        return [ring, line((x, r.uniform(0.02, 0.2)), (x + r.uniform(-0.12, 0.03), 1))]
    stem = line((x, 0.1), (x, 0.4)), curve((x, 0.5), (x, 1.02), (0.3, 1)), line((0.3, 1), (0.05, 0.9))
    return [ring, np.concatenate(stem)]


STYLES = (_zero, _one, _two, _three, _four, _five, _six, _seven, _eight, _nine)


def _scribble(r: Rng) -> Strokes:
    """Two to five strokes anywhere."""
    strokes = []
    for _ in range(r.integers(2, 6)):
        points = [(float(x), float(y)) for x, y in r.uniform(0, 1, (3, 2))]
        (x, y), (rx, ry), begin = r.uniform(0.2, 0.8, 2), r.uniform(0.1, 0.5, 2), r.uniform(0, 360)
        ring = arc(x, y, rx, ry, begin, begin + r.uniform(90, 360))
        strokes.append((curve(*points), line(*points[:2]), ring)[r.integers(3)])
    return strokes


def _alpha(r: Rng) -> Strokes:
    j = r.normal(0, 0.03, 6)
    back = (0.35, 0.85), (j[0], 0.95), (0.02, 0.5 + j[1]), (0.05, 0.1 + j[2]), (0.35, 0.15 + j[3])
    return [curve((0.95, 0.1 + j[4]), (0.7 + j[5], 0.6), *back, (0.6, 0.2), (1, 0.95))]


def _pi(r: Rng) -> Strokes:
    j = r.normal(0, 0.03, 4)
    left = curve((0.3 + j[0], 0.1), (0.3, 0.6), (0.15 + j[1], 1))
    right = curve((0.7 + j[2], 0.1), (0.7, 0.6), (0.85 + j[3], 1))
    return [line((0, 0.12 + j[0]), (1, 0.1 + j[1])), left, right]


def _gamma(r: Rng) -> Strokes:
    j = r.normal(0, 0.03, 3)
    return [curve((0, 0.2 + j[0]), (0.4, 0), (0.55, 0.7)), curve((1, j[1]), (0.6, 0.5), (0.4 + j[2], 1))]


def _delta(r: Rng) -> Strokes:
    j = r.normal(0, 0.03, 2)
    return [line((0.5, 0), (j[0], 1), (1 + j[1], 1), (0.5, 0))]


def _phi(r: Rng) -> Strokes:
    j = r.normal(0, 0.03, 2)
    return [arc(0.5, 0.5, 0.45, 0.3, 0, 360), line((0.5 + j[0], 0), (0.5 + j[1], 1))]


GREEK: tuple[Callable[[Rng], Strokes], ...] = (_alpha, _pi, _gamma, _delta, _phi)


def _inked(strokes: Strokes, rng: Rng) -> Pixels:
    """Strokes turned, slanted and stretched a little, drawn with a shaky pen, as MNIST has them."""
    turn, slant = np.deg2rad(rng.normal(0, TURN)), rng.normal(*SLANT)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    map_ = rotation @ np.array([[1, -slant], [0, 1]]) @ np.diag([rng.uniform(*WIDTH), 1.0])
    width = round(SIZE * rng.uniform(*PEN))
    phases = rng.uniform(0, 2 * np.pi, 2)
    sheet = np.zeros((CANVAS, CANVAS), np.uint8)
    for stroke in strokes:
        points = stroke - 0.5
        points = (points + WAVE * np.sin(WAVES * points[:, ::-1] + phases)) @ map_.T
        points += TREMOR * rng.normal(size=points.shape)
        fixed = ((points * SIZE + CANVAS / 2) * 2**FRACTION).round().astype(np.int32)
        cv2.polylines(sheet, [fixed.reshape(-1, 1, 2)], False, (255,), width, cv2.LINE_AA, FRACTION)  # noqa: FBT003 - OpenCV's
    return placed(sheet > 127)


def _letter(rng: Rng) -> Pixels:
    """A letter of one of OpenCV's pen fonts, turned and slanted."""
    sheet = np.zeros((CANVAS, CANVAS), np.uint8)
    letter, font = LETTERS[rng.integers(len(LETTERS))], FONTS[rng.integers(len(FONTS))]
    cv2.putText(sheet, letter, (60, 170), font, 5.0, (255,), int(rng.integers(8, 24)), cv2.LINE_AA)
    middle = CANVAS / 2
    turned = cv2.getRotationMatrix2D((middle, middle), rng.normal(0, 10), 1)
    slant = rng.normal(0, 0.15)
    turned[0, 1:] += np.array([slant, -slant * middle])
    return placed(cv2.warpAffine(sheet, turned, (CANVAS, CANVAS)) > 127)

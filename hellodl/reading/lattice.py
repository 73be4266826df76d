"""One line of ink as a lattice: neighbouring pieces may be one digit or one sign.

Every group of neighbours is judged, and asked which digit it is. A way through the line covers each piece
once; its likelihood is the product of its groups'. The share of all ways, by likelihood, that agree with an
answer is how sure that is.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from hellodl.about import Recipe
from hellodl.reading.arrays import Pixels, Plane
from hellodl.reading.ink import Ink
from hellodl.reading.judge import FAR, SLIM, THREAD
from hellodl.reading.normalise import normalise
from hellodl.reading.pieces import Piece, cut_up, joined

MOST_JOINED = 6  # pieces that may be one digit: four strokes, and two cuts through them
WIDEST = 1.8  # groups of pieces wider than this times the height of digits are more than one
STEEP = 8.0  # degrees by which a line climbs or falls from which its digits may be turned with it
TOUCHING = 2  # pixels between the border and ink that touches it
SAME = 0.5  # groups whose boxes share this part of what they cover together are seen as one place


@dataclass(frozen=True, eq=False)
class Group:
    """Neighbouring pieces, the `first` up to the one before `after`, as if they were one.

    seen: what a network for digits is given, as MNIST has digits. measures: what a judge asks for.
    """

    first: int
    after: int
    piece: Piece
    seen: Pixels
    measures: NDArray[np.float32]


def groups(line: list[Piece], ink: Ink, recipe: Recipe, turn: float = 0.0) -> list[Group]:
    """Every piece of a line alone, cut where digits may touch, and neighbours joined.

    turn: by how many degrees, clockwise, the network sees each turned.
    """
    pieces = [part for piece in line for part in cut_up(piece)]
    measure = _Measure(pieces, ink)
    found = []
    for first in range(len(pieces)):
        for after in range(first + 1, min(first + MOST_JOINED, len(pieces)) + 1):
            piece = joined(pieces[first:after])
            if after > first + 1 and piece.box[2] > WIDEST * max(measure.tall, piece.box[3]):
                break
            seen = normalise(turned(piece.strength, turn), recipe)
            found.append(Group(first, after, piece, seen, measure(piece, first, after)))
    return found


def turns(line: list[Piece]) -> tuple[float, ...]:
    """By how many degrees, clockwise, the digits of a line may have to be turned: 0, and by its slope.

    The slope is that of the straight line nearest to the middles of what is tall in it.
    """
    tall = max(piece.box[3] for piece in line) / 2
    middles = np.array([piece.middle for piece in line if piece.box[3] >= tall])
    across, down = (middles - middles.mean(axis=0)).T
    slope = float(np.degrees(np.arctan2(-(across @ down), across @ across)))
    return (0.0, slope) if len(middles) > 1 and abs(slope) > STEEP else (0.0,)


def turned(strength: Plane, degrees: float) -> Plane:
    """Ink turned clockwise about its middle."""
    if not degrees:
        return strength
    height, width = strength.shape
    side = int(np.ceil(np.hypot(height, width)))
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), -degrees, 1.0)
    turn[:, 2] += (side - width) / 2, (side - height) / 2
    return np.asarray(cv2.warpAffine(strength, turn, (side, side)), np.float32)


class _Measure:
    """Measures groups of a line's pieces; the names are those of `judge.MEASURES`."""

    def __init__(self, pieces: list[Piece], ink: Ink) -> None:
        self.pieces, self.ink = pieces, ink
        heights = np.array([p.box[3] for p in pieces], np.float64)
        at, middles = np.array([p.middle for p in pieces]).T
        self.tall = float(np.median(heights[heights >= heights.max() / 2]))
        digits = heights >= self.tall / 2
        wide = np.count_nonzero(digits) > 2 and np.ptp(at[digits]) > self.tall
        flat = 0.0, np.median(middles[digits])
        self.level = np.polyfit(at[digits], middles[digits], 1) if wide else flat
        self.stroke = float(np.median([p.stroke for p in pieces])) or 1.0
        self.borders = float(np.median(np.array([self._borders(p) for p in pieces])[digits]))

    def __call__(self, piece: Piece, first: int, after: int) -> NDArray[np.float32]:
        _, y, width, height = piece.box
        group, tall = self.pieces[first:after], self.tall
        level = np.polyval(self.level, piece.middle[0])
        stroke = piece.stroke or 1.0
        following = self.pieces[after].cut if after < len(self.pieces) else 0.0
        return np.array(
            [
                max(np.log(width / height), SLIM),
                np.log(height / tall),
                (y - level) / tall + 0.5,
                (piece.bottom - level) / tall - 0.5,
                max(stroke / max(width, height), THREAD),
                np.log(stroke / self.stroke),
                group[0].cut,
                following,
                max((p.cut for p in group[1:]), default=0.0),
                self._gap(group) / tall,
                0.0 if group[0].cut else self._space(first - 1, piece),
                0.0 if following else self._space(after, piece),
                shared_outline(piece, self.ink),
                self._borders(piece) - self.borders,
            ],
            np.float32,
        )

    def _borders(self, piece: Piece) -> int:
        """How many of the picture's borders a piece touches."""
        x, y, _, _ = piece.box
        height, width = self.ink.mask.shape
        return sum(d <= TOUCHING for d in (x, y, width - piece.right, height - piece.bottom))

    def _gap(self, group: list[Piece]) -> float:
        """The widest bare gap between pieces side by side."""
        widest, right = 0, group[0].right
        for piece in group[1:]:
            widest, right = max(widest, piece.box[0] - right), max(right, piece.right)
        return float(widest)

    def _space(self, neighbour: int, piece: Piece) -> float:
        """Bare paper between a group and a neighbour, in digits' heights, at most FAR: as without one."""
        if not 0 <= neighbour < len(self.pieces):
            return FAR
        return min(piece.apart(self.pieces[neighbour])[0] / self.tall, FAR)


def shared_outline(piece: Piece, ink: Ink) -> float:
    """Share of a piece's outline beyond which the picture is as dark as the piece.

    A stroke is darker than what lies on either side; the edge of a shadow or of a thing is not. Beyond the
    outline a pixel must be lighter than the piece, by half of what is usual here: both in itself and as a
    share of the light, so that neither noise nor a shadow across a digit counts.
    """
    x, y, width, height = piece.box
    left, top = max(0, x - 4), max(0, y - 4)
    grey = ink.grey[top : y + height + 4, left : x + width + 4]
    own = np.zeros(grey.shape, np.uint8)
    own[y - top : y - top + height, x - left : x - left + width] = piece.strength > 0.5
    beyond = (cv2.dilate(own, np.ones((7, 7))) - cv2.dilate(own, np.ones((3, 3)))) > 0
    if not beyond.any() or not own.any():
        return 1.0
    darkness = np.log(grey + 16)
    nearest = cv2.erode(np.where(own > 0, darkness, np.float32(9)), np.ones((9, 9)))
    rise = (darkness - nearest)[beyond]
    light = grey[beyond]
    half = (np.median(grey[own > 0]) + np.percentile(light, 75)) / 2
    return float(((light <= half) & (rise <= np.percentile(rise, 75) / 2)).mean())


def best_way(found: list[Group], likelihoods: Plane) -> tuple[list[tuple[int, int]], Plane]:
    """The likeliest way through a line, and how sure each answer of it is.

    likelihoods (n, k): of each group, each of its k answers. Returns the way as (group, answer) from left to
    right, and the share of all ways, by likelihood, that give each group's place each answer, (n, k).
    """
    logs = np.log(np.maximum(likelihoods.astype(np.float64), 1e-30))
    first, after = [group.first for group in found], [group.after for group in found]
    best, answer = logs.max(axis=1), logs.argmax(axis=1)
    cost, came = np.full(max(after) + 1, -np.inf), [-1] * (max(after) + 1)
    cost[0] = 0.0
    for i, one in enumerate(best):  # in order of their first pieces
        if cost[first[i]] + one > cost[after[i]]:
            cost[after[i]], came[after[i]] = cost[first[i]] + one, i
    way, at = [], max(after)
    while at > 0:
        way.append((came[at], int(answer[came[at]])))
        at = first[came[at]]
    alike = _same_place(found) @ shares(first, after, logs)[1].astype(np.float32)
    return way[::-1], np.minimum(alike, 1)  # neighbours may lie in the same place, too


def shares(
    first: Sequence[int], after: Sequence[int], logs: NDArray[np.float64]
) -> tuple[float, NDArray[np.float64]]:
    """The logarithm of the likelihood of all ways through a line, and each answer's share of it, (n, k).

    first, after: of the n groups, in order. logs (n, k): of their answers, -inf for what is ruled out; zeros
    where no way is left. It is the forward–backward algorithm of Baum et al. (1970).
    """
    every = np.logaddexp.reduce(logs, axis=1)
    forward, backward = (np.full(max(after) + 1, -np.inf) for _ in range(2))
    forward[0] = backward[-1] = 0.0
    for i, one in enumerate(every):
        forward[after[i]] = np.logaddexp(forward[after[i]], forward[first[i]] + one)
    for i in range(len(first) - 1, -1, -1):
        backward[first[i]] = np.logaddexp(backward[first[i]], backward[after[i]] + every[i])
    if np.isneginf(forward[-1]):
        return -np.inf, np.zeros(logs.shape)
    through = (forward[first] + backward[after])[:, None] + logs - forward[-1]
    return float(forward[-1]), np.exp(np.minimum(through, 0))


def _same_place(found: list[Group]) -> Plane:
    """1 for groups whose boxes share more than half of what they cover together: with or without a speck."""
    left, top, width, height = np.array([group.piece.box for group in found], np.float64).T
    right, bottom = left + width, top + height
    across = np.minimum(right, right[:, None]) - np.maximum(left, left[:, None])
    down = np.minimum(bottom, bottom[:, None]) - np.maximum(top, top[:, None])
    common = across.clip(0) * down.clip(0)
    area = width * height
    return np.asarray(common > SAME * (area + area[:, None] - common), np.float32)

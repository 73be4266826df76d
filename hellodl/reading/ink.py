"""How strongly each pixel is ink: colour to contrast, dark or light ink, local ground, noise, threshold."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import product

import cv2
import numpy as np

from hellodl.reading.arrays import Box, Mask, Pixels, Plane
from hellodl.reading.ground import BROAD, NARROW, ground_of, two_tones
from hellodl.reading.load import Picture
from hellodl.reading.normalise import resized, stroke_width
from hellodl.reading.printed import printed

LEAST_SIDE = 256  # smaller pictures are enlarged to about this, so that strokes are several pixels wide
COARSE = 400  # the ground is found with about this many pixels along the longer side
THICKEST = 0.2  # thicker strokes, as a share of the shorter side, look like ground;
GAP = 1 / 45  # so narrow gaps in them, as a share of the longer side, close
GRAIN = 300  # a picture's longer side to the deviation by which grain is smoothed
COLOURED = 64  # of 255, by which a coloured pixel's channels differ; 1 in 100 is enough
FLAT = 0.0  # in place of BROAD and NARROW: the ground is the same everywhere
SHADED = 0.5  # a sheet in shadow is at least this share as bright as in the light
SPARSE = 0.25  # where ink covers less of the picture than this, there is no doubt which of two shades is ink

TWO_TONES = 0.75
"""Share of the variance between two shades from which a picture has two alone: tight crops have 0.78 to 0.94
(MNIST's digits made bold), crops in a vignette whose ground must be followed 0.5 to 0.7."""

MOST_AT_BORDER = 0.5  # of the picture's border is ink, less of it if a digit was cut out along its ink
BARE = 1 / 3  # where ink is less of a small picture's border, there is no doubt which of two shades it is
STRONGEST = 20_000  # one pixel in so many is as strong as ink: in a photograph, a digit can be that small
PALE = 0.3  # print is looked for in what is at least this strong, as a share of the strength of ink
DARKER, HALO = 1.5, 3  # blurred edges, in pixels, of print so many times as strong as a pen may look like it
PALEST = 0.4  # strokes are at least this share as strong as most ink;
AROUND = 6  # how strong, is their mean over so many widths
FILLED = 0.75, 0.95  # of a square's sides, the shorter and the longer of what was stretched to it
WIDTHS = 0.7, 0.4  # of digits and of 1s, as shares of their height: what is usual in MNIST
FAINTEST = 0.03  # ink is at least this share of the ground's brightness darker,
NOISES = 4  # and so many deviations of its noise


@dataclass(frozen=True)
class Ink:
    """Ink of a picture, in pixels that are `scale` pixels of the original wide.

    strength: float32 (height, width), 0 = ground, 1 = as strong as most ink thereabouts. mask: where it is
    ink. grey: the picture as dark ink on light ground, 0 to 255.
    contrast: solid ink against the ground, as a share of full range. light: light ink on a dark ground.
    quarters: by how many right angles it was turned counterclockwise from how it lies in the original.
    narrowed: how wide it was made, as a share of its width in the original.
    """

    strength: Plane
    mask: Mask
    light: bool
    contrast: float
    scale: float
    grey: Plane
    quarters: int = 0
    narrowed: float = 1.0

    @property
    def fills_square(self) -> bool:
        """Whether a small square picture is full of it: data sets stretch digits so, as USPS and Semeion."""
        _, _, across, down = cv2.boundingRect(self.mask.view(np.uint8))
        shares = np.sort((across, down)) / len(self.mask)
        return is_small_square(self.mask, self.scale) and bool(np.all(shares > FILLED))

    def narrowed_to(self, share: float) -> "Ink":
        """The same, with a share of its width."""
        size = round(share * self.mask.shape[1]), len(self.mask)
        planes = self.strength, self.grey, self.mask.astype(np.float32)
        strength, grey, mask = (
            np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA), np.float32) for plane in planes
        )
        return replace(self, strength=strength, grey=grey, mask=mask > 0.5, narrowed=share)

    def turned(self, quarters: int) -> "Ink":
        """The same, turned counterclockwise by so many right angles."""
        planes = self.strength, self.grey
        strength, grey = (np.ascontiguousarray(np.rot90(plane, quarters)) for plane in planes)
        mask = np.ascontiguousarray(np.rot90(self.mask, quarters))
        return replace(self, strength=strength, mask=mask, grey=grey, quarters=self.quarters + quarters)

    def in_original(self, box: Box) -> Box:
        """Where something lies in the original, in its pixels."""
        height, width = self.mask.shape
        for _ in range(self.quarters):
            box = height - box[1] - box[3], box[0], box[3], box[2]
            height, width = width, height
        pixel = self.scale / self.narrowed, self.scale
        left, top, across, down = (round(e * p) for e, p in zip(box, 2 * pixel, strict=True))
        return left, top, max(1, across), max(1, down)


def is_small_square(plane: Plane | Mask, scale: float) -> bool:
    """Whether a picture was enlarged, and is a square: one digit may have been stretched to it."""
    return scale < 1 and plane.shape[0] == plane.shape[1]


def to_grey(picture: Picture) -> tuple[Plane, float]:
    """Grey with the most contrast, small pictures enlarged; and the original's pixels a pixel of it."""
    grey = contrast_axis(picture.pixels)
    factor = max(1, round(LEAST_SIDE / max(grey.shape)))
    if factor > 1:
        large = cv2.resize(grey, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
        grey = np.clip(large, 0, 255).astype(np.float32)
    return grey, picture.scale / factor


def plainer(picture: Picture, grey: Plane) -> Iterator[Plane]:
    """The picture without its grain, of a crayon, of sand, of a fax; without what is coloured and bright.

    In its brightest channel, coloured paper, a highlighter, checks of a cloth are pale, and most pens dark.
    """
    yield np.asarray(cv2.GaussianBlur(grey, (0, 0), max(grey.shape) / GRAIN), np.float32)
    if picture.pixels.ndim == 3 and np.percentile(np.ptp(picture.pixels, axis=2), 99) > COLOURED:
        yield to_grey(replace(picture, pixels=picture.pixels.max(axis=2)))[0]


def views(grey: Plane, scale: float, *, light: bool | None = None) -> list[tuple[bool, float]]:
    """Whether ink is light on dark, and how broad the ground is at least: what to read, likeliest first.

    Ink is what stands out from its wide surroundings, ink is strokes, and ink is little of the picture, or of
    the border of one that has two shades alone. Where these disagree (a sheet on a desk, a bold digit that
    fills the picture), both polarities are worth it, unless `light` says which. What stands out and is no
    strokes may be a shadow, as narrow as a hand; not in pictures that are enlarged (`scale` below 1), where
    two shades and a border that is mostly bare leave no doubt either: a digit's strokes may be thick. Where
    ink fills a picture of two shades, nothing of the ground is seen beside its strokes: it may be flat.
    """
    seen = is_light_on_dark(grey)
    small = _coarse(grey)
    _, dark = cv2.threshold(small, 0, 1, cv2.THRESH_BINARY_INV | cv2.THRESH_OTSU)
    ink = (dark > 0) != seen
    border = np.concatenate([ink[0], ink[-1], ink[:, 0], ink[:, -1]])
    has_two_shades = two_tones(small)[0] > TWO_TONES
    are_strokes, is_sparse = _are_strokes(ink), ink.mean() < SPARSE
    is_clear = are_strokes and (is_sparse or (has_two_shades and border.mean() < MOST_AT_BORDER))
    is_clear |= scale < 1 and has_two_shades and border.mean() < BARE
    lights = (light,) if light is not None else (seen,) if is_clear else (seen, not seen)
    is_filled = not (are_strokes and is_sparse)
    flat = (FLAT,) if has_two_shades and is_filled else ()
    narrow = () if are_strokes or scale < 1 else (NARROW,)
    return list(product(lights, (*narrow, *flat, BROAD)))


def _are_strokes(ink: Mask) -> bool:
    """Whether ink is as thin as strokes are."""
    gap = np.ones((max(3, int(GAP * max(ink.shape))),) * 2, np.uint8)  # a sheet is one, whatever is on it
    whole = cv2.morphologyEx(ink.astype(np.uint8), cv2.MORPH_CLOSE, gap) > 0
    return bool(stroke_width(whole) < THICKEST * min(ink.shape))


def find_ink(
    grey: Plane, scale: float, *, light: bool, least: float = BROAD
) -> tuple[Ink, Callable[[], Ink] | None]:
    """Measure what a pen wrote, light or dark, against its ground, flat or local; `scale` as in Ink.

    Printed lines are left out, and how strong a pen is, is asked once more without them: they may be stronger
    or paler, and the blurred edges of what is much stronger look like ink. The second result makes the same
    with printed lines, where there are some.
    """
    grey = 255 - grey if light else grey
    every = Traces.found(*relief(grey, least=least, is_small=scale < 1))
    like_lines, lines = printed(every.strength, every.faint, every.mask)

    def ink(traces: Traces) -> Ink:
        strength, mask = evened(traces, like_lines)
        return Ink(strength, mask, light, traces.contrast, scale, grey)

    if not lines.any():
        return ink(every), None
    pen = Traces.found(np.where(lines, 0, every.raw), every.noise)
    if np.median(every.raw[lines]) > DARKER * pen.contrast:
        around = cv2.dilate(lines.astype(np.uint8), np.ones((2 * HALO + 1,) * 2, np.uint8))
        pen = Traces.found(np.where(around, 0, every.raw), every.noise)
    return ink(pen), partial(ink, every)


@dataclass(frozen=True, eq=False)
class Traces:
    """What stands out from the ground, of a pen and of print.

    raw, noise: see `relief`. mask: where it is ink. contrast: the median of this, at least FAINTEST.
    """

    raw: Plane
    noise: float
    mask: Mask
    contrast: float

    @classmethod
    def found(cls, raw: Plane, noise: float) -> "Traces":
        """Those in a relief."""
        mask = raw > ink_threshold(raw, max(FAINTEST, NOISES * noise))
        return cls(raw, noise, mask, max(float(np.median(raw[mask])), FAINTEST) if mask.any() else FAINTEST)

    @property
    def strength(self) -> Plane:
        """1 is as strong as most ink, 0 the ground."""
        return np.asarray(self.raw / self.contrast, np.float32)

    @property
    def faint(self) -> Mask:
        """Where pale print may be."""
        return np.asarray(self.raw > max(PALE * self.contrast, FAINTEST, NOISES * self.noise))


def evened(traces: Traces, like_lines: Mask) -> tuple[Plane, Mask]:
    """How strong ink is, and where it is, with paler strokes that go on from it brought up to its strength.

    A pencil's pressure varies along a digit. How strong strokes are in a place is their mean around it. What
    looks like printed lines stays as pale as it is.
    """
    strength, mask = np.maximum(traces.strength, 0), traces.mask.copy()
    pale = (strength > max(PALEST, NOISES * traces.noise / traces.contrast)) & (mask | ~like_lines)
    _, parts, boxes, _ = cv2.connectedComponentsWithStats(pale.astype(np.uint8))
    goes_on = np.bincount(parts[mask & pale], minlength=len(boxes)) > 0
    if not goes_on.any():
        return strength, mask
    left, top, width, height, _ = boxes[goes_on].T
    here = slice(top.min(), (top + height).max()), slice(left.min(), (left + width).max())
    ink = goes_on[parts[here]].astype(np.float32)
    side = (round(AROUND * stroke_width(mask)),) * 2
    share, total = (
        cv2.blur(part, side, borderType=cv2.BORDER_CONSTANT) for part in (ink, ink * strength[here])
    )
    strength[here] /= np.where(ink > 0, (total / np.maximum(share, 1e-6)).clip(PALEST, 1), 1)
    mask[here] |= (ink > 0) & (strength[here] > 0.5)
    return strength, mask


def contrast_axis(pixels: Pixels) -> Plane:
    """Grey along the axis of colour in which neighbouring pixels differ most: brightness, for black on white.

    The weights of the three channels have absolute values that add up to 1; brighter stays brighter.
    """
    if pixels.ndim == 2:
        return pixels.astype(np.float32)
    step = max(1, max(pixels.shape[:2]) // COARSE)
    small = np.ascontiguousarray(pixels[::step, ::step]).astype(np.float32)
    size = max(3, max(small.shape[:2]) // 4 | 1)
    detail = (small - cv2.blur(small, (size, size), borderType=cv2.BORDER_REPLICATE)).reshape(-1, 3)
    _, vectors = np.linalg.eigh(detail.T @ detail)
    weights = vectors[:, -1] * np.sign(vectors[:, -1].sum() or 1)
    weights = weights / np.abs(weights).sum()
    lowest = 255 * weights[weights < 0].sum()
    return np.asarray(pixels @ weights.astype(np.float32) - lowest, np.float32)


def is_light_on_dark(grey: Plane) -> bool:
    """Whether the few pixels that stand out from their wide surroundings are brighter than these."""
    small = resized(grey, min(128, max(grey.shape))).astype(np.uint8)
    size = min(small.shape) // 2 | 1
    wide = cv2.medianBlur(np.pad(small, size // 2, mode="symmetric"), size)
    inner = wide[size // 2 :, size // 2 :][: small.shape[0], : small.shape[1]]
    return bool(((small.astype(np.float64) - inner) ** 3).sum() > 0)


def _coarse(grey: Plane) -> Pixels:
    step = max(1, max(grey.shape) // COARSE)
    return grey[::step, ::step].astype(np.uint8)


def relief(grey: Plane, *, least: float = BROAD, is_small: bool = False) -> tuple[Plane, float]:
    """How far each pixel is darker than its ground, as a share of the ground's brightness; bare ground is 0.

    The second result is the ground's noise, as a deviation: both are taken from the lower half of all values,
    because a tight crop of a bold digit is half ink; of a small picture, where no shadow falls, more may be.
    """
    step = max(1, max(grey.shape) // COARSE)
    eight = cv2.medianBlur(grey.astype(np.uint8), 3)
    brightest = cv2.dilate(eight, np.ones((step, step), np.uint8))[::step, ::step] if step > 1 else eight
    coarse = ground_of(np.asarray(brightest, np.uint8), least or BROAD)
    if least == FLAT:
        coarse = np.full_like(coarse, two_tones(_coarse(grey))[1])
    ground = cv2.resize(coarse, grey.shape[::-1], interpolation=cv2.INTER_LINEAR)
    darkest = SHADED * float(np.percentile(coarse, 90))  # what is darker is no sheet, but a desk
    share = (ground - grey) / (np.maximum(ground, darkest) + 16)
    few = share[::step, ::step]
    low, quarter = map(float, np.percentile(few, (12.5, 25)))
    if is_small and least == FLAT and quarter > 0:  # more than half is ink; half of the ground has no relief
        return share, float(np.median(-few[few <= 0])) / 0.674
    noise = (quarter - low) / 0.476
    return share - (quarter + 0.67 * noise), noise


def ink_threshold(relief: Plane, least: float) -> float:
    """Half-way between ground and ink (Ridler and Calvard 1978), found from the strongest ink downwards.

    Returns at least `least`; starting from the top, rules that are paler than the ink stay below.
    """
    counts = cv2.calcHist([relief], [0], None, [256], [0, 1]).ravel().astype(np.float64)
    centres = (np.arange(256) + 0.5) / 256
    total, moment = np.cumsum(counts[::-1])[::-1], np.cumsum((counts * centres)[::-1])[::-1]
    strongest = centres[np.searchsorted(-total, -max(8, relief.size // STRONGEST), side="right") - 1]
    threshold = float(strongest) / 2
    for _ in range(50):
        i = min(int(threshold * 256), 255)
        above = moment[i] / max(total[i], 1)
        below = (moment[0] - moment[i]) / max(relief.size - total[i], 1)
        if abs((above + below) / 2 - threshold) < 1 / 512:
            break
        threshold = float(above + below) / 2
    return max(threshold, least)

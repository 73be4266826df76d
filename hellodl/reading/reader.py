"""Read the digits in a picture: the model's answer for each, what is doubtful about it, and why."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

import numpy as np

from hellodl.about import Recipe
from hellodl.checkpoint import SHIPPED, TrainedNet, find_model, load_model
from hellodl.reading.doubt import Doubt, Model, Verdict, ask, doubt_of, kept, likelihoods, why
from hellodl.reading.judge import MARKS, MEASURES, alone, shipped
from hellodl.reading.load import Picture, Source, load_picture
from hellodl.reading.readings import Digit, Line, Mark, Reading, height_of, of_one_size, reading_of
from hellodl.reading.trained import as_trained
from hellodl.upright import SIDE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from hellodl.reading.arrays import Box, Pixels, Plane
    from hellodl.reading.ink import Ink
    from hellodl.reading.lattice import Group
    from hellodl.reading.pieces import Piece

    _Found = tuple[Reading, Callable[[], Ink] | None]  # and how to find the ink with print, if there is some

HARDLY = 0.5  # belief in each digit, from -1 to 1, up to which they are hardly believed in;
CLEARLY = 1.0  # so much more belief in all is clearly more
TALL_OTHER = np.log(0.5)
"""The logarithm of the height, to that of the digits, from which something else is of their size."""

INSIDE = 0.1  # of a digit's ink: more of other ink within it is no dirt


def read(
    source: Source | Picture,
    model: Model | None = None,
    *,
    invert: bool | None = None,
    doubt: Doubt | None = None,
) -> Reading:
    """Read the digits in a picture: a path, encoded bytes, a binary file, a Pillow image or an array.

    model: when None, ./hellodl.safetensors, else the one that ships. invert: True for light ink on a dark
    ground, False for dark ink on a light one, None to find out. Raises PictureError for what is no picture,
    ModelError for a bad model.
    """
    if model is None:
        path = find_model(None)
        model = kept(SHIPPED) if path == SHIPPED else load_model(path)
    return read_all([load_picture(source)], model, invert=invert, doubt=doubt)[0]


def read_all(
    pictures: Sequence[Picture], model: Model, *, invert: bool | None = None, doubt: Doubt | None = None
) -> list[Reading]:
    """Read several pictures; those that look like MNIST's go through the network together."""
    reader = Reader(model, invert, doubt or doubt_of(model))
    small = reader.as_trained(pictures)
    return [small.get(i) or reader.picture(picture) for i, picture in enumerate(pictures)]


def _recipe_of(model: Model) -> Recipe:
    """How pictures are prepared for a model: as its checkpoint says, else as for MNIST."""
    return model.recipe if isinstance(model, TrainedNet) else Recipe()


@dataclass(frozen=True)
class Reader:
    """Reads pictures as `read` is asked to."""

    model: Model
    invert: bool | None
    doubt: Doubt

    def as_trained(self, pictures: Sequence[Picture]) -> dict[int, Reading]:
        """Readings of those pictures that are as MNIST's are: they take one call of the network."""
        small = [i for i, picture in enumerate(pictures) if picture.pixels.shape == (SIDE, SIDE)]
        if not small:
            return {}
        images, fit = as_trained(np.stack([pictures[i].pixels for i in small]), invert=self.invert)
        if not fit.any():
            return {}
        asked = _Asked(images[fit], alone(images[fit]), self)
        return {
            i: reading_of([Line([asked.digit(row, (0, 0, SIDE, SIDE))], [], SIDE)], pictures[i], None)
            for row, i in enumerate(np.array(small)[fit].tolist())
        }

    def picture(self, picture: Picture) -> Reading:
        """Read what is written, and what is on a sheet alone where one lies on something else.

        What takes part of a picture for a sheet loses digits; what lies around a sheet hides them: so the
        reading with more digits that are believed in counts. Pictures so small that they are enlarged show no
        sheet: what seems one lies within a digit. Where nothing is sure, grain or colours may be to blame:
        what is sure and more believed in without these counts.
        """
        from hellodl.reading.ground import alone_on_sheet
        from hellodl.reading.ink import plainer, to_grey

        grey, scale = to_grey(picture)
        sheet = alone_on_sheet(grey) if scale >= 1 else None
        planes = [grey] if sheet is None else [sheet, grey]
        best = max((self.plane(picture, plane, scale) for plane in planes), key=_likely)
        for plane in plainer(picture, grey) if best.verdict is not Verdict.DIGITS else ():
            found = self.plane(picture, plane, scale)
            if found.verdict is Verdict.DIGITS and _believed(found) > _believed(best):
                return found
        return best if best.verdict is Verdict.DIGITS else self.upright(best)

    def upright(self, found: Reading) -> Reading:
        """What was found or, of a picture that lies on its side or its head, what it says when it is turned.

        It is turned where most of it is bare and several digits are hardly believed in, and stays so if more
        are, clearly more than in every other way that it may lie.
        """
        from hellodl.reading.ink import SPARSE

        ink, count = found.ink, len(found.digits)
        if ink is None or ink.mask.mean() > SPARSE or count < 2 or _believed(found) > HARDLY * count:
            return found
        turned = [self.lines(found.picture, ink, quarters) for quarters in (1, 2, 3)]
        *others, best = sorted(turned, key=_believed)
        if _believed(best) < CLEARLY + max(_believed(found), _believed(others[-1])):
            return found
        return replace(best, warnings=("the picture does not lie upright", *best.warnings))

    def plane(self, picture: Picture, grey: Plane, scale: float) -> Reading:
        """The likeliest of its readings, and whether all ink makes a better one, with what looks printed.

        Print may be a ring or a lone 7: all ink counts, where it is sure, and one digit or, if none was sure,
        more believed.
        """
        from hellodl.reading.ink import is_small_square

        found = list(self.views(picture, grey, scale))
        is_in_doubt = scale < 1 and len({each.ink and each.ink.light for each, _ in found}) > 1
        is_one_digit = is_in_doubt or is_small_square(grey, scale)  # else it may be a small table, too
        best, with_print = (_largest if is_one_digit else _first)(found)
        if best.verdict is Verdict.NONE or with_print is None:
            return best
        whole = self.lines(picture, with_print())
        is_more = best.verdict is not Verdict.DIGITS and _believed(whole) > _believed(best)
        counts = whole.verdict is Verdict.DIGITS and (len(whole.digits) == 1 or is_more)
        return whole if counts else best

    def views(self, picture: Picture, grey: Plane, scale: float) -> Iterator[_Found]:
        """What there is to read, where it is in doubt whether ink is dark or light, or what its ground is.

        The likelier polarity comes first: what it leaves bare may look like digits in the other; in a small
        picture it may be less than the strokes cover. On a flat ground the desk below a sheet is ink: what is
        sure there is read on a broad one, too.
        """
        from hellodl.reading.ink import FLAT, find_ink, views

        is_sure = False
        for _, grounds in groupby(views(grey, scale, light=self.invert), key=itemgetter(0)):
            if is_sure and scale >= 1:
                return
            for light, least in grounds:
                ink, with_print = find_ink(grey, scale, light=light, least=least)
                found = self.lines(picture, ink)
                yield found, with_print
                if found.verdict is Verdict.DIGITS:
                    is_sure = True
                    if least != FLAT:
                        break

    def lines(self, picture: Picture, ink: Ink, quarters: int = 0) -> Reading:
        """Find the digits in ink, and read them; where nothing is a digit, say what would be likeliest.

        quarters: by how many right angles the ink is turned first, counterclockwise.
        """
        from hellodl.reading.ink import WIDTHS
        from hellodl.reading.lines import find_lines

        turned = ink.turned(quarters)
        inks = [turned]
        if turned.fills_square and [len(line) for line in find_lines(turned.strength, turned.mask)] == [1]:
            inks = [turned.narrowed_to(width) for width in WIDTHS]  # it is no two digits, unless they touch
        found = max(map(self.asked, inks), key=lambda lines: sum(_believed(asked.line) for asked in lines))
        lines = of_one_size([asked.line for asked in found])
        if not any(line.digits for line in lines):
            lines = [asked.read(only_digits=True) for asked in found]
        return reading_of(lines, picture, ink)

    def asked(self, ink: Ink) -> list[_AskedLine]:
        """Each line of ink, asked about as it is and turned by its slope: what is more believed in."""
        from hellodl.reading.lattice import groups, turns
        from hellodl.reading.lines import find_lines

        found, recipe = [], _recipe_of(self.model)
        for line in find_lines(ink.strength, ink.mask):
            tried = (_AskedLine(groups(line, ink, recipe, turn), ink, self) for turn in turns(line))
            found.append(max(tried, key=lambda asked: _believed(asked.line)))
        return found


def _believed(found: Reading | Line) -> float:
    """How many digits there are, as far as these are believed in."""
    return sum(2 * digit.belief - 1 for digit in found.digits)


class _Asked:
    """Some ink, uint8 (n, 28, 28), with the network's and the judge's answers."""

    def __init__(self, images: Pixels, measures: Plane, by: Reader) -> None:
        self.images, self.doubt = images, by.doubt
        self.answers = ask(by.model, images, by.doubt)
        self.judged = shipped()(images, measures)
        self.tall = measures[:, MEASURES.index("tall")]
        self.likely = likelihoods(self.answers, self.judged, self.tall)

    def digit(self, i: int, box: Box, belief: float | None = None) -> Digit:
        """The i-th as a digit, and whether to believe it: as its line says, else as it is by itself."""
        answers, likely = self.answers, self.likely[i]
        ten = tuple(map(float, answers.probabilities[i]))
        digit = int(answers.probabilities[i].argmax())
        if belief is None:
            belief = float(likely[:10].sum() / likely.sum() * answers.probabilities[i, digit])
        agreed = min(ten[digit], float(answers.second[i, digit]))  # to whichever model thinks less of it
        verdict = self.doubt.verdict(agreed, belief, float(answers.known[i]))
        doubts = () if verdict is Verdict.DIGIT else tuple(why(answers, i, self.judged[i]))
        return Digit(digit, ten[digit], verdict, box, ten, self.images[i], answers.turned[i], belief, doubts)


class _AskedLine(_Asked):
    """A line of ink, each group of it asked about."""

    def __init__(self, found: list[Group], ink: Ink, by: Reader) -> None:
        images = np.stack([group.seen for group in found])
        super().__init__(images, np.stack([group.measures for group in found]), by)
        self.groups, self.ink = found, ink
        self.line = self.read()

    def read(self, *, only_digits: bool = False) -> Line:
        """The likeliest way through the line."""
        from hellodl.reading.lattice import best_way

        way, shares = best_way(self.groups, self.likely[:, :10] if only_digits else self.likely)
        boxes = [self.ink.in_original(self.groups[i].piece.box) for i, _ in way]
        digits, marks, others, missed = [], [], [], 0.0
        for (i, answer), box in zip(way, boxes, strict=True):
            if answer < 10:
                digits.append(self.digit(i, box, None if only_digits else float(shares[i, answer])))
                continue
            missed = max(missed, float(shares[i, :10].sum()))
            if answer < 10 + len(MARKS):
                marks.append(Mark(MARKS[answer - 10], box))
            else:
                others.append(i)
        pieces = [self.groups[i].piece for i, answer in way if answer < 10]
        filled = sum(_is_filled(piece, [self.groups[i].piece for i in others]) for piece in pieces)
        as_tall = sum(self.tall[i] > TALL_OTHER for i in others)
        tall = height_of(digits) if digits else max(box[3] for box in boxes)
        return Line(digits, marks, tall, as_tall + filled, missed)


def _likely(found: Reading, more: float = 0.0) -> tuple[bool, float]:
    """How likely a reading is: what may hold a digit is more so than what holds none."""
    return found.verdict is not Verdict.NONE, _believed(found) + more


def _first(found: list[_Found]) -> _Found:
    """The likeliest reading; before the first that is sure goes only what holds more digits."""
    sure = [each for each in found if each[0].verdict is Verdict.DIGITS]
    return max(found, key=lambda each: _likely(each[0], HARDLY * (each in sure[:1])))


def _largest(found: list[_Found]) -> _Found:
    """The likeliest reading that covers half as much as any: what covers less is a hole or a part of strokes.

    Of those of one polarity that are sure, only the one that covers most.
    """
    most = max(_size(reading) for reading, _ in found)
    large = [each for each in found if 2 * _size(each[0]) >= most]
    sure = [each for each in large if each[0].verdict is Verdict.DIGITS]
    sure.sort(key=lambda each: (_size(each[0]), _believed(each[0])))
    largest = {each[0].ink and each[0].ink.light: each for each in sure}
    return max(largest.values() or large, key=lambda each: _probability(each[0]))


def _probability(found: Reading) -> float:
    """That all digits of a reading are what they are read as; 0 if there are none."""
    return 0.0 if found.verdict is Verdict.NONE else float(np.prod([digit.belief for digit in found.digits]))


def _size(found: Reading) -> int:
    """How many of the picture's pixels the largest box around what may be a digit has."""
    boxes = [digit.box for digit in found.digits] if found.verdict is not Verdict.NONE else []
    return max((width * height for _, _, width, height in boxes), default=0)


def _is_filled(digit: Piece, others: list[Piece]) -> bool:
    """Whether a digit has other ink within it, as a face has eyes and a mouth."""
    inside = sum(float(other.strength.sum()) for other in others if other.is_within(digit))
    return inside > INSIDE * float(digit.strength.sum())

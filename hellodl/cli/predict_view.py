"""How a reading looks: as one line with what is doubtful below it, as bars; and why, in words."""

from collections import Counter
from collections.abc import Sequence

import click

from hellodl.cli.words import confidence, printable
from hellodl.explaining import Explanation, Neighbour
from hellodl.reading.readings import Digit, Reading

COLOURS = {"digits": "green", "digit": "green", "unsure": "yellow", "not digits": "red", "not a digit": "red"}
_BAR = 40  # characters of a full bar
SCORE_SAYS = "score: the output before the softmax, above the mean of all ten; pixels without ink add nothing"
EIGHTHS = " ▏▎▍▌▋▊▉"


def names_of(classes: Sequence[str]) -> list[str]:
    """A network's ten answers in words: `7`, or `7 Sneaker` where its classes are no digits."""
    return [f"{i}" if name == f"{i}" else f"{i} {printable(name)}" for i, name in enumerate(classes)]


def as_text(file: str, reading: Reading, names: Sequence[str]) -> str:
    """One line, `photo.jpg: 42  98.7 %`, and a line for each thing that is doubtful.

    `names` here and below are the network's answers.
    """
    words = [click.style(read_as(reading, names, " / "), fg=COLOURS[reading.verdict], bold=True)]
    if reading.digits:
        words.append(confidence(min(digit.confidence for digit in reading.digits)))
        words += [] if reading.verdict == "digits" else [reading.verdict]
    doubts = [f"\n  {printable(warning)}" for warning in reading.warnings]
    return f"{printable(file)}: {'  '.join(words)}{''.join(doubts)}"


def read_as(reading: Reading, names: Sequence[str], between: str) -> str:
    """All that was read, on one line; `between` stands between its lines."""
    if any(names[digit.digit] != str(digit.digit) for digit in reading.digits):
        return ", ".join(names[digit.digit] for digit in reading.digits)
    return between.join(reading.text.split("\n")) or "no digits"


def bar(share: float, width: int = _BAR) -> str:
    """A bar of `width` characters for a share from 0 to 1, to an eighth of a character."""
    whole, eighths = divmod(round(share * width * 8), 8)
    return f"{'█' * whole + EIGHTHS[eighths] * (eighths > 0):<{width}}"


def bars(names: Sequence[str], shares: Sequence[float], width: int = _BAR) -> list[str]:
    """A line for each share: its name, a bar of `width` characters, the share in words."""
    longest = max(map(len, names), default=0)
    return [
        f"{name:<{longest}} {bar(share, width)} {confidence(share):>7}"
        for name, share in zip(names, shares, strict=True)
    ]


def details(reading: Reading, names: Sequence[str]) -> list[str]:
    """What there is to say about a picture on its own: one digit's ten bars, or a bar for each digit."""
    digits = reading.digits
    if len(digits) == 1:
        lines = bars(names, digits[0].probabilities)
        best = digits[0].digit
        lines[best] = click.style(lines[best], fg=COLOURS[digits[0].verdict], bold=True)
        return lines
    lines = bars([names[d.digit] for d in digits], [d.confidence for d in digits])
    return [
        click.style(line, bold=True)
        + ("" if d.verdict == "digit" else click.style(f"  {d.verdict}", fg=COLOURS[d.verdict]))
        for line, d in zip(lines, digits, strict=True)
    ]


def as_trained(digit: Digit) -> tuple[str, str]:
    """What stands below a picture that is as those of training are, and what below the network's own."""
    done = "taken as it is" if (digit.seen == digit.turned).all() else "turned upright"
    return "the picture: 28 by 28 pixels, as in training", f"{done}: what the network saw"


# Why --------------------------------------------------------------------------------------------------


def growth(why: Explanation) -> tuple[str, str]:
    """The sums in words."""
    positive = float(why.evidence[why.evidence > 0].sum())
    negative = float(why.evidence[why.evidence < 0].sum())
    ends = f"its score is {why.score:.1f}, that of an empty picture {why.empty_score:.1f}"
    return ends, f"pixels for it add {positive:.1f}, pixels against it take {-negative:.1f}"


def like(neighbours: Sequence[Neighbour], names: Sequence[str]) -> str:
    """What the nearest training digits are, in words."""
    counts = Counter(names[n.label] for n in neighbours).most_common()
    labels = ", ".join(f"{name} ({n} of them)" for name, n in counts)
    return f"the {len(neighbours)} training digits most like it: {labels}"


def caption(neighbour: Neighbour, names: Sequence[str]) -> str:
    """A neighbour's label, and how far it is."""
    return f"{names[neighbour.label]}, distance {neighbour.distance:.1f}"

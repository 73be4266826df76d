"""How a reading looks: as JSON, as one line with what is doubtful below it, and as bars."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from hellodl.cli.words import confidence, printable

if TYPE_CHECKING:
    from hellodl.reading.reader import Digit, Reading

COLOURS = {"digits": "green", "digit": "green", "unsure": "yellow", "not digits": "red", "not a digit": "red"}
BAR = 40  # characters of a full bar
EIGHTHS = " ▏▎▍▌▋▊▉"


def as_json(name: str, reading: Reading) -> str:
    """A reading as one line of JSON."""
    keys = ("digit", "confidence", "verdict", "box", "probabilities")
    fields = {
        "file": name,
        "text": reading.text,
        "verdict": reading.verdict,
        "digits": [{key: getattr(digit, key) for key in keys} for digit in reading.digits],
        "warnings": list(reading.warnings),
    }
    return json.dumps(fields)


def as_text(name: str, reading: Reading) -> str:
    """One line, `photo.jpg: 42  98.7 %`, and a line for each thing that is doubtful."""
    text = " / ".join(reading.text.split("\n")) or "no digits"
    words = [click.style(text, fg=COLOURS[reading.verdict], bold=True)]
    if reading.digits:
        words.append(confidence(min(digit.confidence for digit in reading.digits)))
        words += [] if reading.verdict == "digits" else [reading.verdict]
    doubts = [f"\n  {printable(warning)}" for warning in reading.warnings]
    return f"{printable(name)}: {'  '.join(words)}{''.join(doubts)}"


def bar(share: float, width: int = BAR, *, blocks: bool = True) -> str:
    """A bar of `width` characters for a share from 0 to 1: to an eighth of a character, or in #s."""
    if not blocks:
        return f"{'#' * round(share * width):<{width}}"
    whole, eighths = divmod(round(share * width * 8), 8)
    return f"{'█' * whole + EIGHTHS[eighths] * (eighths > 0):<{width}}"


def bars(digit: Digit, width: int = BAR, *, blocks: bool = True) -> list[str]:
    """The ten probabilities, a line each."""
    return [
        f"{i} {bar(probability, width, blocks=blocks)} {confidence(probability):>7}"
        for i, probability in enumerate(digit.probabilities)
    ]


def details(reading: Reading, *, blocks: bool) -> list[str]:
    """What there is to say about a picture on its own: one digit's ten bars, or a bar for each digit."""
    if len(reading.digits) == 1:
        (digit,) = reading.digits
        lines = bars(digit, blocks=blocks)
        lines[digit.digit] = click.style(lines[digit.digit], fg=COLOURS[digit.verdict], bold=True)
        return lines
    return [
        click.style(f"{d.digit} {bar(d.confidence, blocks=blocks)} {confidence(d.confidence):>7}", bold=True)
        + ("" if d.verdict == "digit" else click.style(f"  {d.verdict}", fg=COLOURS[d.verdict]))
        for d in reading.digits
    ]

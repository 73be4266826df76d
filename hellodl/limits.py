"""What a value may be, and in which words: a record's fields carry their limits, defaults and help."""

import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import MISSING, dataclass, field, fields
from itertools import pairwise
from typing import Any

MOST = 1 << 53  # whole numbers up to here are exact in JSON of every language
MAX_LAYERS = 100  # of a network
MAX_WEIGHTS = 1 << 24  # of a network with its biases: more is a mistake or a hostile file
LONGEST_TEXT = 1000  # characters


@dataclass(frozen=True)
class Limit:
    """A test that a value has to pass, and what it should have been, as it reads after "expected".

    `choices` are all values, where they can be listed.
    """

    accepts: Callable[[Any], bool]
    expected: str
    choices: tuple[str, ...] = ()


class OutOfLimitsError(ValueError):
    """A field holds what it may not: its name, the value, and what was expected."""

    def __init__(self, name: str, value: object, expected: str) -> None:
        super().__init__(f"{name}: is {value!r:.80}, expected {expected}")
        self.name, self.value, self.expected = name, value, expected


@dataclass(frozen=True)
class Checked:
    """A record whose fields keep to their limits; OutOfLimitsError says which does not."""

    def __post_init__(self) -> None:
        for each in fields(self):
            limit, value = each.metadata.get("limit"), getattr(self, each.name)
            if limit is not None and not limit.accepts(value):
                raise OutOfLimitsError(each.name, value, limit.expected)


def limited(limit: Limit, default: Any = MISSING, help: str = "", **more: object) -> Any:  # noqa: A002 - as click calls it
    """A dataclass field with its limit, its default and its help; `more` is kept beside them."""
    return field(default=default, metadata={"limit": limit, "help": help, **more})


def is_whole(value: object) -> bool:
    """Whether a value is a whole number; True is none."""
    return type(value) is int


def is_number(value: object) -> bool:
    """Whether a value is a finite number, as a float holds it: whole ones may be beyond."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


def whole(least: int = 0, most: int = MOST) -> Limit:
    """A whole number within bounds."""
    return Limit(lambda v: is_whole(v) and least <= v <= most, f"a whole number from {least} to {most}")


def number(least: float = -math.inf, most: float = math.inf, expected: str = "a number") -> Limit:
    """A finite number within bounds."""
    return Limit(lambda v: is_number(v) and least <= v <= most, expected)


def one_of(*names: str) -> Limit:
    """One of two or more words."""
    *most, last = names
    return Limit(lambda v: v in names, f"{', '.join(most)} or {last}", names)


def optional(limit: Limit) -> Limit:
    """The same, or None."""
    return Limit(lambda v: v is None or limit.accepts(v), limit.expected)


TEXT = Limit(lambda v: isinstance(v, str) and len(v) <= LONGEST_TEXT, "a short text")
SHARE = number(0, 1, "a share from 0 to 1")


def are_widths(widths: object) -> bool:
    """Whether a tuple has the widths of a network that is not too large, pixels and answers included."""
    if not (isinstance(widths, tuple) and 2 <= len(widths) <= MAX_LAYERS):
        return False
    return all(is_whole(width) and width > 0 for width in widths) and weight_count(widths) <= MAX_WEIGHTS


def weight_count(widths: Sequence[int]) -> int:
    """How many weights and biases a network of linear layers of these widths has."""
    return sum((n_in + 1) * n_out for n_in, n_out in pairwise(widths))

"""Variables on the command line: NAME=VALUE."""

from __future__ import annotations

import math
import unicodedata
from keyword import iskeyword
from typing import TYPE_CHECKING

import numpy as np

from hellodl.autograd import Tensor
from hellodl.errors import UsageError
from hellodl.graphs.formula import RESERVED

if TYPE_CHECKING:
    from collections.abc import Iterable


def read_values(values: Iterable[str], option: str = "--at") -> dict[str, Tensor]:
    """The variables given with an option; raises UsageError unless each has one finite number."""
    variables: dict[str, Tensor] = {}
    for text in values:
        name, equals, value = (part.strip() for part in text.partition("="))
        name = unicodedata.normalize("NFKC", name)  # as Python does in formulas
        if not equals or not name.isidentifier() or iskeyword(name):
            msg = f"{option} {text}: expected NAME=VALUE with a name of letters and digits, as in x=2"
            raise UsageError(msg)
        if name in RESERVED:
            msg = f"{option} {text}: {name} already has a meaning in formulas; choose another name"
            raise UsageError(msg)
        if name in variables:
            msg = f"{option} {text}: {name} was given a value before; give it one"
            raise UsageError(msg)
        variables[name] = Tensor(_finite_number(f"{option} {text}", value), np.float64)
    return variables


def _finite_number(what: str, value: str) -> float:
    """The value in NAME=VALUE; `what` stands for all of it in the error."""
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        msg = f"{what}: expected a finite number after the =, as in x=2"
        raise UsageError(msg)
    return number

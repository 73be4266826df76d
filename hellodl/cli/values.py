"""Variables on the command line: NAME=VALUE."""

import math
import unicodedata
from collections.abc import Iterable
from keyword import iskeyword

import numpy as np

from hellodl.autograd import Tensor
from hellodl.errors import UsageError
from hellodl.graphs.formula import RESERVED


def read_values(values: Iterable[str], option: str = "--at") -> dict[str, Tensor]:
    """The variables given with an option; raises UsageError unless each has one finite number."""
    variables: dict[str, Tensor] = {}
    for text in values:
        name, equals, value = (part.strip() for part in text.partition("="))
        name = unicodedata.normalize("NFKC", name)  # as Python does in formulas
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        wrong = ""
        if not equals or not name.isidentifier() or iskeyword(name):
            wrong = "expected NAME=VALUE with a name of letters and digits, as in x=2"
        elif name in RESERVED:
            wrong = f"{name} already has a meaning in formulas; choose another name"
        elif name in variables:
            wrong = f"{name} was given a value before; give it one"
        elif not math.isfinite(number):
            wrong = "expected a finite number after the =, as in x=2"
        if wrong:
            raise UsageError(f"{option} {text}: {wrong}")
        variables[name] = Tensor(number, np.float64)
    return variables

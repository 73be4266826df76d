"""From typed text to a graph: Python's parser makes a tree, a whitelist decides what may be in it.

Nothing is ever evaluated as Python: numbers become constants, names are looked up among the given
variables, and each operator or function adds to the graph. What the tables below lack is refused.
"""

import ast
import math
import operator
import re
import sys
import unicodedata
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from keyword import iskeyword

import numpy as np

from hellodl.autograd.tensor import Op, Tensor
from hellodl.errors import UsageError

_MOST_CHARACTERS = 1000
_MOST_LEVELS = 200  # of nesting; a sum of n terms has n - 1

_OPERATORS: dict[type[ast.operator], Callable[[Tensor, Tensor], Tensor]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}
FUNCTIONS = {
    name: Op.registry[name]
    for name in ("exp", "log", "sin", "cos", "tanh", "sigmoid", "relu", "gelu", "abs", "sqrt")
}
_OTHERS = {"ln": "log is the natural logarithm", "tan": "write sin(x)/cos(x)"}
_CONSTANTS = {"pi": math.pi, "e": math.e}
RESERVED = {*FUNCTIONS, *_CONSTANTS}

_ALLOWED = (
    f"a formula is made of numbers, names, + - * / ** ( ), pi, e and the functions {' '.join(FUNCTIONS)}"
)
_SLIPS = {  # other notations, looked for when a formula cannot be read, and what to write instead
    r"\^": "write ** for a power",
    "[\N{SUPERSCRIPT TWO}\N{SUPERSCRIPT THREE}]": "write ** for a power, as in x**2",
    "[\N{MULTIPLICATION SIGN}\N{MIDDLE DOT}\N{DOT OPERATOR}]": "write * to multiply",
    "\N{DIVISION SIGN}": "write / to divide",
    "[\N{MINUS SIGN}\N{EN DASH}]": "write - to subtract",
    "\N{SQUARE ROOT}": "write sqrt(…)",
    rf"\b({'|'.join(FUNCTIONS)})\b(?!\s*\()": "a function's argument goes in parentheses, as in sin(x)",
    "=": "leave out what is left of =, and give values with --at or --from",
    r"(?<![\w.])[\d.]++(e[-+]?\d++)?+\s*(?=[^\W\d]|\()": "write * to multiply, as in 2*x",
    r"\)\s*(?=[\w(])": "write * to multiply, as in (x+1)*(x+2)",
}


def formula(text: str, variables: Mapping[str, Tensor], option: str = "--at") -> Tensor:
    """The graph of a formula typed by somebody nobody has to trust, in float64 and not yet computed.

    Raises UsageError, saying where and what is allowed, if it holds anything but numbers, the given
    variables, + - * / ** ( ), pi, e and the functions above, or is too long or nested too deeply.
    """
    text = " ".join(text.split())
    if len(text) > _MOST_CHARACTERS:
        raise UsageError(f"formula: {len(text):,} characters, expected at most {_MOST_CHARACTERS:,}")
    reader = Reader(text, variables, option)
    try:
        with warnings.catch_warnings(action="ignore"):  # Python's parser has opinions about style
            tree = ast.parse(text, mode="eval")
    except SyntaxError as error:
        raise reader.unreadable(max(error.offset or len(text) + 1, 1)) from None
    except (ValueError, RecursionError, MemoryError):  # null bytes, or too much for the parser
        raise reader.unreadable(1) from None
    y = reader.read(tree.body)
    if overlooked := re.search(r"[^\w.+*/() -]", text):  # a comment, or a comma before a closing parenthesis
        raise reader.unreadable(overlooked.start() + 1)
    return y


def read_values(values: Iterable[str], option: str = "--at") -> dict[str, Tensor]:
    """Variables typed as NAME=VALUE with an option; raises UsageError unless each has one finite number."""
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
        elif "=" in value:
            wrong = f"give each variable its own, as in {option} x=2 {option} z=3"
        elif not math.isfinite(number):
            wrong = "expected a finite number after the =, as in x=2"
        if wrong:
            raise UsageError(f"{option} {text}: {wrong}")
        variables[name] = Tensor(number, np.float64)
    return variables


@dataclass(frozen=True)
class Reader:
    """Reads one formula, remembering its text for the errors."""

    text: str
    variables: Mapping[str, Tensor]
    option: str  # that gives them their values

    def read(self, node: ast.expr, level: int = 1) -> Tensor:
        """The graph of a part of the formula."""
        if level > _MOST_LEVELS:
            raise self.error(node, f"nested more than {_MOST_LEVELS} levels deep; make it simpler")
        match node:
            case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
                return self.number(node, number)
            case ast.Name(name):
                return self.variable(node, name)
            case ast.UnaryOp(ast.UAdd() | ast.USub() as sign, x):
                t = self.read(x, level + 1)
                return -t if isinstance(sign, ast.USub) else t
            case ast.BinOp(a, op, b) if type(op) in _OPERATORS:
                left, right = self.read(a, level + 1), self.read(b, level + 1)
                constant = isinstance(op, ast.Pow) and _is_constant(b)
                return left ** right.item() if constant else _OPERATORS[type(op)](left, right)
            case ast.Call(ast.Name(name), [x], []) if name in FUNCTIONS:
                return FUNCTIONS[name](self.read(x, level + 1))
            case ast.Call(ast.Name(name)) if name in FUNCTIONS:
                raise self.error(node, f"{name} takes one argument, as in {name}(x)")
            case ast.Call(ast.Name(name)):
                known = " ".join(FUNCTIONS)
                advice = _OTHERS.get(name, f"expected one of {known}; to multiply, write {name}*(…)")
                raise self.error(node, f"{name:.40} is no function, {advice}")
        raise self.unreadable(self.column(node))

    def number(self, node: ast.expr, number: float) -> Tensor:
        """A constant; one beyond float64 is refused."""
        if abs(number) > sys.float_info.max:
            raise self.error(node, "this number is too large; the largest is about 1.8e308")
        return Tensor(number, np.float64)

    def variable(self, node: ast.expr, name: str) -> Tensor:
        """A given variable, or one of the two constants."""
        if name in _CONSTANTS:
            return Tensor(_CONSTANTS[name], np.float64)
        if name in FUNCTIONS:
            raise self.error(node, f"{name} is a function; write {name}(…)")
        if name not in self.variables:
            or_call = ", or parentheses, as in sin(x)" * name.startswith(tuple(FUNCTIONS))
            raise self.error(node, f"{name:.40} has no value; add {self.option} {name:.40}=…{or_call}")
        return self.variables[name]

    def column(self, node: ast.expr) -> int:
        """Where a part starts, counted in characters from 1; Python counts bytes from 0."""
        return len(self.text.encode()[: node.col_offset].decode()) + 1

    def error(self, node: ast.expr, problem: str) -> UsageError:
        """The error for a part that is readable but wrong."""
        return UsageError(f"formula, column {self.column(node)}: {problem}")

    def unreadable(self, column: int) -> UsageError:
        """The error for text that is not a formula: the cure for a slip of notation, or what is allowed."""
        slips = ((re.search(pattern, self.text), cure) for pattern, cure in _SLIPS.items())
        found, advice = next(((slip, cure) for slip, cure in slips if slip), (None, _ALLOWED))
        column = found.start() + 1 if found else min(column, len(self.text) + 1)
        rest = self.text[column - 1 :]
        problem = f"cannot read {rest[:12]!r}" if rest else "something is missing here"
        return UsageError(f"formula, column {column}: {problem}; {advice}")


def _is_constant(part: ast.expr) -> bool:
    return all(node.id in RESERVED for node in ast.walk(part) if isinstance(node, ast.Name))

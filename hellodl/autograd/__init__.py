"""The autograd core, in reading order: tensor, ops, gradient, program, draw, check."""

from hellodl.autograd.gradient import grad
from hellodl.autograd.ops import concat, stack
from hellodl.autograd.program import Program
from hellodl.autograd.tensor import Tensor

__all__ = ["Program", "Tensor", "concat", "grad", "stack"]

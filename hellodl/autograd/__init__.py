"""The autograd core, in reading order: tensor, ops (products), views, gradient, program, draw, check."""

from hellodl.autograd.gradient import grad
from hellodl.autograd.program import Program
from hellodl.autograd.tensor import Tensor
from hellodl.autograd.views import concat, stack

__all__ = ["Program", "Tensor", "concat", "grad", "stack"]

"""The autograd core; read tensor, ops, views, gradient, program, check; plain and memory last or never."""

from hellodl.autograd.gradient import grad, hvp, jvp, vjp
from hellodl.autograd.ops import Elementwise
from hellodl.autograd.program import Program
from hellodl.autograd.tensor import Op, Tensor
from hellodl.autograd.views import concat, stack, where

__all__ = ["Elementwise", "Op", "Program", "Tensor", "concat", "grad", "hvp", "jvp", "stack", "vjp", "where"]

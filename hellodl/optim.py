"""Hill descent and its relatives: rules that move weights against the gradient; learning-rate schedules."""

import math
from collections.abc import Callable, Iterable
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hellodl.autograd import Tensor
from hellodl.system.lockstep import shared_zeros

Array = NDArray[np.float32]

FLUSHED, FLUSH_EVERY = np.float32(1e-20), 64
ALL = slice(None)


def flush(decaying: Array) -> None:
    """Set to 0, in place, what is lost beside 1e-20.

    The velocity of a weight without gradient shrinks for ever; below 1e-38 arithmetic is many times slower.
    """
    decaying += FLUSHED
    decaying -= FLUSHED


class Optimizer:
    """Holds parameters in one flat vector and their gradients in another, so that an update is a few passes.

    After construction each parameter's array is a view into `weights`: programs that read it are made later.
    `views(gradient)` is shaped like the parameters: a Program can write straight into it (then call
    `update`); `step` copies each parameter's `.grad` there first. Two processes may share an optimizer, each
    updating a part.

    `parameters` are leaves, all of the same dtype: raises TypeError if there are none, or others. One that is
    named twice, as of a layer used twice, is one. `lr`, the learning rate, may be changed between steps.
    """

    def __init__(self, parameters: Iterable[Tensor], lr: float) -> None:
        self.parameters, self.lr = _leaves(parameters), lr
        sizes = [p.size for p in self.parameters]
        self._parts = [slice(end - size, end) for size, end in zip(sizes, accumulate(sizes), strict=True)]
        self.count = np.zeros(1, np.float32)  # steps done; an array, like all that a rule remembers
        self.weights, self.gradient = self.zeros(), self.zeros()
        for parameter, view in zip(self.parameters, self.views(self.weights), strict=True):
            parameter.rebind(view)

    def zeros(self) -> Array:
        """A vector with a place for each weight, shared with processes that are forked later."""
        return shared_zeros(self._parts[-1].stop, self.parameters[0].dtype)

    def views(self, flat: Array) -> list[Array]:
        """A flat vector seen as arrays like the parameters, each in its parameter's memory order."""
        return [
            flat[part].reshape(p.shape, order="F" if p.value.flags.f_contiguous else "C", copy=False)
            for p, part in zip(self.parameters, self._parts, strict=True)
        ]

    def step(self) -> None:
        """Update the parameters that `backward()` reached from their `.grad`, which is used up.

        What was not reached since the last step stays as it is, whatever its momentum.
        """
        reached = []
        flat = self.views(self.weights), self.views(self.gradient), self._parts
        for parameter, weights, gradient, part in zip(self.parameters, *flat, strict=True):
            if not np.may_share_memory(parameter.value, weights):  # it was copied, or another optimizer came
                parameter.rebind(weights)
            if parameter.grad is not None:
                gradient[...] = parameter.grad.value
                parameter.grad = None
                reached.append(part)
        if reached:
            self.update(*reached)

    def zero_grad(self) -> None:
        """Forget what `backward()` left since the last step; what a step has used, it forgets itself."""
        for parameter in self.parameters:
            parameter.grad = None

    def update(self, *parts: slice) -> None:
        """Update the parameters, or parts of all weights, from `gradient`, which is used up."""
        self.count += 1
        for part in parts or [ALL]:
            self.descend(self.weights[part], self.gradient[part], part)
        for parameter in self.parameters:
            parameter.touch()

    def descend(self, w: Array, g: Array, part: slice) -> None:
        """Change weights `w`, given their gradient `g`, both in place; `part` says which of all they are."""
        raise NotImplementedError

    def state(self) -> dict[str, Array]:
        """What the rule remembers from step to step, by name; changing these arrays restores it."""
        return {"count": self.count}


def _leaves(parameters: Iterable[Tensor]) -> list[Tensor]:
    """Each of the parameters once. Raises TypeError unless they are leaves of one dtype."""
    found: list[Any] = [parameters] if hasattr(parameters, "parameters") else list(parameters)
    wrong = [x for x in found if getattr(x, "op", x) is not None]
    if wrong or not found:
        got = f"{wrong[0]!r:.80}" if wrong else "none"
        raise TypeError(f"an optimizer moves leaves, Tensor(0.5) or network.parameters(); it got {got}")
    if len({x.dtype for x in found}) > 1:
        raise TypeError("an optimizer moves leaves of one dtype; it got some of float32 and some of float64")
    return list(dict.fromkeys(found))


class SGD(Optimizer):
    """Hill descent: `w -= lr * g`, with momentum as PyTorch defines it (https://pytorch.org/docs, SGD).

    `momentum` is how much of the last step's direction is kept; 0 is plain hill descent. `nesterov` looks
    ahead along it (Sutskever et al. 2013). `weight_decay` adds this share of the weights to the gradient.
    """

    def __init__(
        self,
        parameters: Iterable[Tensor],
        lr: float = 0.1,
        momentum: float = 0.0,
        *,
        nesterov: bool = False,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, lr)
        self.momentum, self.nesterov, self.weight_decay = momentum, nesterov, weight_decay
        self.velocity = self.zeros() if momentum else None
        self._scratch = np.empty_like(self.weights) if weight_decay else None

    def descend(self, w: Array, g: Array, part: slice) -> None:
        """Do v = momentum * v + g; w -= lr * v, in place: five passes over them, two without momentum."""
        if self._scratch is not None:
            g += np.multiply(w, self.weight_decay, out=self._scratch[part])
        way = g
        if self.velocity is not None:
            v = self.velocity[part]
            if self.count[0] % FLUSH_EVERY == 0:
                flush(v)
            if self.nesterov:  # v holds momentum · velocity, which saves a pass
                v += g
                v *= self.momentum
                g += v
            else:
                v *= self.momentum
                way = np.add(v, g, out=v)
        w -= np.multiply(way, self.lr, out=g)

    def state(self) -> dict[str, Array]:
        """The number of steps and, with momentum, the velocity."""
        return super().state() | ({} if self.velocity is None else {"velocity": self.velocity})


class Adam(Optimizer):
    """Steps scaled by running means of the gradient and its square (Kingma & Ba 2015, arXiv:1412.6980).

    `betas` say how slowly the two means forget, `epsilon` keeps the division safe, `weight_decay` shrinks the
    weights by lr times this at each step (AdamW, arXiv:1711.05101).
    """

    def __init__(
        self,
        parameters: Iterable[Tensor],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        epsilon: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, lr)
        self.betas, self.epsilon, self.weight_decay = betas, epsilon, weight_decay
        self.mean, self.square = self.zeros(), self.zeros()
        self._scratch = np.empty_like(self.weights)

    def descend(self, w: Array, g: Array, part: slice) -> None:
        """Do w -= lr * (mean / (1 - b1**t)) / (√(square / (1 - b2**t)) + epsilon), in place."""
        (b1, b2), t = self.betas, float(self.count[0])
        mean, square, scratch = self.mean[part], self.square[part], self._scratch[part]
        if t % FLUSH_EVERY == 0:
            flush(mean)
            flush(square)
        w *= 1 - self.lr * self.weight_decay
        np.multiply(g, g, out=scratch)
        square *= b2
        square += np.multiply(scratch, 1 - b2, out=scratch)
        mean *= b1
        mean += np.multiply(g, 1 - b1, out=g)
        np.sqrt(square, out=scratch)
        scratch /= math.sqrt(1 - b2**t)
        scratch += self.epsilon
        np.divide(mean, scratch, out=g)
        g *= self.lr / (1 - b1**t)
        w -= g

    def state(self) -> dict[str, Array]:
        """The running means and the number of steps."""
        return super().state() | {"mean": self.mean, "square": self.square}


# What share of the learning rate to use after a share of the training, both from 0 to 1.
SCHEDULES: dict[str, Callable[[float], float]] = {
    "constant": lambda progress: 1.0,  # noqa: ARG005 - every schedule takes it
    "linear": lambda progress: 1 - progress,
    # Half a cosine (Loshchilov & Hutter 2017, arXiv:1608.03983).
    "cosine": lambda progress: 0.5 + 0.5 * math.cos(math.pi * progress),
    # The full rate for half of the training, then straight down to 0.
    "trapezoid": lambda progress: min(1.0, 2 * (1 - progress)),
}

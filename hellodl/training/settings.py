"""What a training run can be told, and the presets: sets of values for these settings and nothing more."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

from hellodl.errors import UsageError
from hellodl.nn import MAX_WEIGHTS, weight_count
from hellodl.optim import SCHEDULES
from hellodl.training.augment import KINDS

if TYPE_CHECKING:
    from collections.abc import Callable

RETIRED = {"label_smoothing": 0.0, "patience": 0}  # what version 0.1 could be told, and the value that is off


@dataclass(frozen=True)
class Settings:
    """All that decides what a run learns; the same settings give the same weights."""

    dataset: str = "mnist"
    hidden: tuple[int, ...] = (128, 64)
    """Widths of the hidden layers."""
    epochs: int = 5
    """How often the training set is gone through."""
    batch_size: int = 128
    """Images a step."""
    optimizer: str = "sgd"
    lr: float = 0.1
    """The learning rate: how far a step goes along the gradient."""
    momentum: float = 0.0
    """How much of the last step is kept (Nesterov's form); 0 is plain hill descent."""
    weight_decay: float = 0.0
    """Pulls the weights towards 0."""
    schedule: str = "constant"
    """How the learning rate falls: constant, linear or cosine."""
    warmup: float = 0.0
    """Share of the training in which the learning rate rises from 0."""
    average: float = 0.0
    """Keeps a running average of the weights with this decay a step, and uses it as the model; 0 is off."""
    augment: str = "none"
    drawn: int = 0
    """Pictures from a random pen that join every epoch: two digits to one sign that is none."""
    validation: int = 5000
    """Images held out of the training set."""
    seed: int = 0
    target_accuracy: float | None = None
    """Stop once the validation accuracy reaches this."""

    def __post_init__(self) -> None:
        for name, (is_good, expected) in _LIMITS.items():
            value = getattr(self, name)
            if not is_good(value):
                raise UsageError(f"--{name.replace('_', '-')}: is {value}, expected {expected}")
        if not self.validation and self.target_accuracy is not None:
            raise UsageError("--validation: is 0, but --target-accuracy needs images held out")

    def as_dict(self) -> dict[str, Any]:
        """Plain values for a checkpoint's metadata."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Settings:
        """Settings from a checkpoint's metadata; raises KeyError, TypeError or UsageError."""
        if used := [name for name, off in RETIRED.items() if values.get(name, off) != off]:
            raise UsageError(
                f"--{used[0].replace('_', '-')}: is {values[used[0]]!r:.40}, a setting that is no more"
            )
        return cls(**{f.name: values[f.name] for f in fields(cls)} | {"hidden": tuple(values["hidden"])})


def _is_whole(value: object) -> bool:
    return type(value) is int


def _is_number(value: object) -> bool:
    return type(value) in (int, float)


def _fits(widths: Any) -> bool:
    whole = len(widths) <= 98 and all(_is_whole(n) and n >= 1 for n in widths)
    return whole and weight_count([784, *widths, 10]) <= MAX_WEIGHTS


_SHARE = (lambda v: _is_number(v) and 0 <= v < 1, "0 up to, but not including, 1")
_COUNT = (lambda v: _is_whole(v) and v >= 0, "a whole number, 0 or more")
_LIMITS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "dataset": (lambda v: isinstance(v, str), "the name of a data set"),
    "optimizer": (lambda v: v in ("sgd", "adam"), "sgd or adam"),
    "schedule": (lambda v: v in (*SCHEDULES,), f"one of {', '.join(SCHEDULES)}"),
    "augment": (lambda v: v in (*KINDS,), f"one of {', '.join(KINDS)}"),
    "hidden": (_fits, f"widths like 128,64, with at most {MAX_WEIGHTS} weights in all"),
    "epochs": (lambda v: _is_whole(v) and 1 <= v <= 10_000, "a whole number from 1 to 10000"),
    "batch_size": (lambda v: _is_whole(v) and v >= 1, "a whole number, 1 or more"),
    "lr": (lambda v: _is_number(v) and 0 < v < math.inf, "a number above 0"),
    "momentum": _SHARE,
    "weight_decay": (lambda v: _is_number(v) and 0 <= v < math.inf, "0 or more"),
    "warmup": (lambda v: _is_number(v) and 0 <= v <= 1, "a share from 0 to 1"),
    "average": _SHARE,
    "validation": _COUNT,
    "drawn": (lambda v: _is_whole(v) and 0 <= v <= 45_000, "a whole number from 0 to 45000"),
    "seed": _COUNT,
    "target_accuracy": (
        lambda v: v is None or (_is_number(v) and 0 < v <= 1),
        "a share above 0 and at most 1, like 0.98",
    ),
}

PRESETS: dict[str, dict[str, Any]] = {
    # The chapter's own: plain hill descent.
    "hill": {"epochs": 10, "lr": 0.1, "batch_size": 64},
    # Chosen on the validation split: 98 % in the fewest seconds.
    "fast": {
        "epochs": 3,
        "lr": 0.3,
        "momentum": 0.85,
        "batch_size": 256,
        "schedule": "linear",
        "warmup": 0.2,
        "weight_decay": 5e-4,
        "augment": "shift",
    },
    # Chosen on the validation split: the most this network can do, in a minute or two.
    "best": {
        "epochs": 200,
        "lr": 0.05,
        "momentum": 0.9,
        "batch_size": 128,
        "schedule": "cosine",
        "warmup": 0.01,
        "weight_decay": 2e-4,
        "augment": "elastic",
    },
}

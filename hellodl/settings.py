"""What a training run can be told, and the presets: sets of values for these settings and nothing more."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

from hellodl.errors import UsageError


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
    label_smoothing: float = 0.0
    """Share of the target that is spread over all ten digits."""
    average: float = 0.0
    """Keeps a running average of the weights with this decay a step, and uses it as the model; 0 is off."""
    augment: str = "none"
    validation: int = 5000
    """Images held out of the training set."""
    seed: int = 0
    patience: int = 0
    """Stop after so many epochs without a better validation accuracy, and keep the best; 0 is off."""
    target_accuracy: float | None = None
    """Stop once the validation accuracy reaches this."""

    def __post_init__(self) -> None:
        for name, (is_good, expected) in _LIMITS.items():
            value = getattr(self, name)
            if not is_good(value):
                raise UsageError(f"--{name.replace('_', '-')}: is {value}, expected {expected}")
        if not self.validation and (self.patience or self.target_accuracy is not None):
            raise UsageError("--validation: is 0, but --patience and --target-accuracy need images held out")

    def as_dict(self) -> dict[str, Any]:
        """Plain values for a checkpoint's metadata."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Settings:
        """Settings from a checkpoint's metadata; raises KeyError, TypeError or UsageError."""
        return cls(**{f.name: values[f.name] for f in fields(cls)} | {"hidden": tuple(values["hidden"])})


_LIMITS: dict[str, tuple[Any, str]] = {
    "epochs": (lambda v: v >= 1, "at least 1"),
    "batch_size": (lambda v: v >= 1, "at least 1"),
    "lr": (lambda v: v > 0, "a number above 0"),
    "momentum": (lambda v: 0 <= v < 1, "0 up to, but not including, 1"),
    "weight_decay": (lambda v: v >= 0, "0 or more"),
    "warmup": (lambda v: 0 <= v <= 1, "a share from 0 to 1"),
    "label_smoothing": (lambda v: 0 <= v < 1, "0 up to, but not including, 1"),
    "average": (lambda v: 0 <= v < 1, "0 up to, but not including, 1"),
    "validation": (lambda v: v >= 0, "0 or more"),
    "seed": (lambda v: v >= 0, "0 or more"),
    "patience": (lambda v: v >= 0, "0 or more"),
    "target_accuracy": (lambda v: v is None or 0 < v <= 1, "a share above 0 and at most 1, like 0.98"),
    "hidden": (lambda v: all(1 <= n <= 1 << 16 for n in v), "widths from 1 to 65536, like 128,64"),
}

PRESETS: dict[str, dict[str, Any]] = {
    # The chapter's own: plain hill descent.
    "hill": {"epochs": 10, "lr": 0.1, "batch_size": 64},
    # Chosen on the validation split: 98 % in the fewest seconds.
    "fast": {
        "epochs": 5,
        "lr": 0.05,
        "momentum": 0.9,
        "batch_size": 128,
        "schedule": "linear",
        "warmup": 0.1,
    },
    # Chosen on the validation split: the most this network can do in ten minutes.
    "best": {
        "epochs": 300,
        "lr": 0.05,
        "momentum": 0.9,
        "batch_size": 128,
        "schedule": "linear",
        "augment": "elastic",
        "average": 0.999,
    },
}

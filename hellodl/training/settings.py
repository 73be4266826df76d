"""What a training run can be told, and the presets: sets of values for these settings and nothing more.

Each field carries its default, its limits and its help: the command line's options are made from them.
"""

import math
import shlex
from dataclasses import asdict, dataclass, fields
from functools import partial
from typing import Any, Self

from hellodl import limits
from hellodl.errors import UsageError
from hellodl.limits import SHARE, TEXT, Checked, Limit, limited, number, one_of, optional, whole

RETIRED = {"label_smoothing": 0.0, "average": 0.0, "patience": 0}  # known to version 0.1: off at these values
ADDED = {"clean", "also", "init", "upright"}  # unknown to version 0.1, which did what their defaults say
RUN, NETWORK, DESCENT, DATA = "Run", "Network", "Descent", "Data"  # groups of settings
run, network, descent, data = (partial(limited, group=group) for group in (RUN, NETWORK, DESCENT, DATA))

POSITIVE = number(math.ulp(0), expected="a number above 0")
BELOW_1 = number(0, math.nextafter(1, 0), "0 up to, but not including, 1")
TARGET = optional(number(math.ulp(0), 1, "a share above 0 and at most 1, like 0.98"))
WIDTHS = Limit(
    lambda v: isinstance(v, tuple) and limits.are_widths((784, *v, 10)),
    f"widths like 128,64, with at most {limits.MAX_WEIGHTS} weights in all",
)


@dataclass(frozen=True)
class Settings(Checked):
    """All that decides what a run learns; the same settings give the same weights."""

    # fmt: off
    epochs: int = run(whole(1, 10_000), 5, "How often to go through the training set.")
    target_accuracy: float | None = run(
        TARGET, None, "Stop once the validation accuracy reaches this, like 0.98.")
    seed: int = run(whole(), 0, "Where all random numbers come from.")
    hidden: tuple[int, ...] = network(WIDTHS, (128, 64), "Widths of the hidden layers.")
    init: str = network(
        TEXT, "", "Start from the weights in this file, .safetensors or .npz, instead of random ones.",
        metavar="FILE")
    optimizer: str = descent(
        one_of("sgd", "adam"), "sgd", "The rule that moves the weights; adam has a learning rate of 0.001.")
    lr: float = descent(POSITIVE, 0.1, "Learning rate: how far a step goes down the hill.")
    momentum: float = descent(
        BELOW_1, 0.0, "How much of the last step is kept (Nesterov); 0 is plain descent.")
    batch_size: int = descent(whole(1), 128, "Images a step.")
    schedule: str = descent(
        one_of("constant", "linear", "cosine", "trapezoid"), "constant", "How the learning rate falls.")
    warmup: float = descent(SHARE, 0.0, "Share of the run in which the learning rate rises from 0.")
    weight_decay: float = descent(number(0, expected="0 or more"), 0.0, "Pulls the weights towards 0.")
    dataset: str = data(
        Limit(TEXT.accepts, "the name of a data set"), "mnist",
        "What to learn from: a data set, or a folder of your own pictures, in smaller batches, more epochs.",
        metavar="NAME|FOLDER")
    also: str = data(
        TEXT, "",
        "A folder of your own pictures that joins the data set: sub-folders named 0 to 9, or a labels.csv.",
        metavar="FOLDER")
    validation: int = data(whole(), 5000, "Images held out of the training set; 0 trains on all.")
    augment: str = data(
        one_of("none", "shift", "affine", "elastic"), "none", "Distort the training images at random.")
    upright: str = data(
        one_of("no", "yes"), "no",
        "Turn slanted digits upright first, and even out their widths; no for things that are no digits.")
    clean: float = data(SHARE, 0.0, "Share of the run, its end, without distortion.")
    drawn: int = data(whole(0, 45_000), 0, "Pictures in other hands that join each epoch, to read real ones.")
    # fmt: on

    def __post_init__(self) -> None:
        try:
            super().__post_init__()
        except limits.OutOfLimitsError as error:
            option, value = error.name.replace("_", "-"), as_option(error.value)
            raise UsageError(f"--{option}: is {value:.80}, expected {error.expected}") from None
        if not self.validation and self.target_accuracy is not None:
            raise UsageError("--validation: is 0, but --target-accuracy needs images held out")

    def as_dict(self) -> dict[str, Any]:
        """Plain values for a checkpoint's metadata."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Settings from a checkpoint's metadata; raises KeyError, TypeError or UsageError."""
        if used := [name for name, off in RETIRED.items() if values.get(name, off) != off]:
            name = used[0].replace("_", "-")
            raise UsageError(f"--{name}: is {values[used[0]]!r:.40}, a setting that is no more")
        told = {f.name: values[f.name] for f in fields(cls) if f.name in values or f.name not in ADDED}
        return cls(**told | {"hidden": tuple(values["hidden"])})


# fmt: off
LONG = {"lr": 0.1, "momentum": 0.9, "batch_size": 128, "augment": "elastic", "upright": "yes",
        "validation": 2000}  # what runs of some length have in common
PRESETS: dict[str, dict[str, Any]] = {
    # The chapter's own: plain hill descent.
    "hill": {"epochs": 10, "lr": 0.1, "batch_size": 64},
    # Chosen on folds of the training set: 98 % in the fewest seconds.
    "fast": {"epochs": 2, "lr": 0.25, "momentum": 0.9, "batch_size": 256, "schedule": "linear",
             "warmup": 0.2, "weight_decay": 1e-3, "augment": "shift", "upright": "yes", "clean": 0.5},
    # Chosen on folds of the training set, as the next: 99.2 % within ten seconds.
    "good": LONG | {"epochs": 20, "schedule": "linear", "warmup": 0.05, "weight_decay": 4e-4},
    # The most this network can do in two minutes.
    "best": LONG | {"epochs": 210, "schedule": "trapezoid", "warmup": 0.01, "weight_decay": 2e-4},
}
# fmt: on
DEFAULT_PRESET = "fast"
LR_OF_ADAM = 0.001  # as its authors have it: its steps are scaled, and a preset's rate is SGD's
# Settings for as few images as people photograph.
FEW = {"batch_size": 32, "lr": 0.05, "augment": "affine", "clean": 0.0}
SEEN, MOST_EPOCHS = 20_000, 300  # images to be seen in all, however few there are, within so many epochs
HELD_OUT = 6  # of so many of them one is held out


def fitting(preset: str | None, given: dict[str, Any], images: int | None) -> dict[str, Any]:
    """A preset's values, or what fits better: to the optimizer given, to a folder of so many images."""
    from hellodl.datasets.catalogue import CATALOGUE, DIGITS

    values = dict(PRESETS[preset or DEFAULT_PRESET])
    source = CATALOGUE.get(given.get("dataset", ""))
    if source and source.classes != DIGITS:  # of clothes, the width says what they are
        values["upright"] = "no"
    if images is not None:
        values["validation"] = images // HELD_OUT
        if preset is None:
            values |= FEW | {"epochs": min(MOST_EPOCHS, math.ceil(SEEN / max(images, 1)))}
    if given.get("optimizer") == "adam":
        if given.get("momentum"):
            raise UsageError("--momentum: is for sgd; adam has means of its own")
        values |= {"lr": LR_OF_ADAM, "momentum": 0.0}
    return values | given


def as_option(value: object) -> str:
    """A setting's value as it is typed: 128,64 for (128, 64), 3 for 3.0."""
    if isinstance(value, tuple | list):
        return ",".join(map(str, value))
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def as_command(settings: dict[str, Any]) -> str:
    """The shortest command that trains with a checkpoint's settings: a preset, and what differs from it.

    "" where the settings are not known, or are no more.
    """
    try:
        told = Settings.from_dict(settings).as_dict()
    except (KeyError, TypeError, UsageError):
        return ""
    presets = {preset: Settings(**values).as_dict() for preset, values in PRESETS.items()}
    differing = {preset: [n for n in told if told[n] != values[n]] for preset, values in presets.items()}
    preset = min(differing, key=lambda preset: len(differing[preset]))
    words = ["hellodl", "train", "--preset", preset]
    for name in differing[preset]:
        words += [f"--{name.replace('_', '-')}", as_option(told[name])]
    return shlex.join(words)

"""What a checkpoint says about itself: how its network was made, how far to believe it, where it stands.

On disk it is one JSON object. Nothing in it is trusted: `read` makes typed records of it or refuses the file.
"""

import json
import platform
from dataclasses import asdict, dataclass, field, fields
from typing import Any, TypeVar

import numpy as np

from hellodl import limits
from hellodl.errors import ModelError
from hellodl.limits import SHARE, TEXT, Checked, Limit, OutOfLimitsError, limited, number, optional, whole
from hellodl.nn import PIXEL_DEVIATION, PIXEL_MEAN, DigitNet
from hellodl.version import __version__

Record = TypeVar("Record", bound=Checked)

FORMAT = 1
DIGITS = tuple("0123456789")
MAX_LOSS = 1000.0  # nats: e^-1000 is how likely such a network holds the truth to be
MOST_SETTINGS = 100
LEAST_DEVIATION = 0.001  # of pixels, as a share of full ink
COLDEST = 0.1  # temperature: of ten probabilities one is above 0.1, whose tenth power float32 still holds
EXTREME = 1000.0  # in size: no number that says how to read answers or pixels gets there
LOSS = number(0, MAX_LOSS, f"a loss from 0 to {MAX_LOSS:g}")
STROKE = number(0.5, 10, "a stroke width from 0.5 to 10")
AMOUNT = number(0, expected="a number, 0 or more")
CLASSES = Limit(lambda v: isinstance(v, tuple) and len(v) == 10 and all(map(TEXT.accepts, v)), "ten names")
WIDTHS = Limit(lambda v: limits.are_widths(v) and (v[0], v[-1]) == (784, 10), "[784, …, 10]")
VERSIONS = Limit(
    lambda v: isinstance(v, dict) and all(map(TEXT.accepts, [*v, *v.values()])), "names with versions"
)


@dataclass(frozen=True)
class Recipe(Checked):
    """How pictures of digits are prepared for a network: strokes thinner or thicker are brought to these.

    In pixels of MNIST's 20-pixel box; three quarters of MNIST's training digits lie in between (measured: the
    15th and the 90th percentile). `upright`: the network turns digits upright, see hellodl.upright.
    """

    thinnest: float = limited(STROKE, 1.95)
    thickest: float = limited(STROKE, 3.55)
    upright: bool = limited(Limit(lambda v: isinstance(v, bool), "true or false"), default=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.thinnest > self.thickest:
            raise OutOfLimitsError("thinnest", self.thinnest, f"at most thickest, {self.thickest:g}")


@dataclass(frozen=True)
class Calibration(Checked):
    """How far to believe a network, fitted on images held out: see hellodl.reading.doubt.

    `temperature` divides the logarithms of its probabilities. `familiar`: log-sum-exp of the scores below
    which a shape is unlike nearly all digits; None where that was not measured.
    """

    temperature: float = limited(number(COLDEST, EXTREME, "a number from 0.1 to 1000"), 1.0)
    familiar: float | None = limited(optional(number(-EXTREME, EXTREME, "a number within 1000")), None)


@dataclass(frozen=True)
class DataIdentity(Checked):
    """What a network was trained on: the data's name, the SHA-256 of its content, its classes' names."""

    name: str = limited(TEXT)
    sha256: str = limited(TEXT, "")
    classes: tuple[str, ...] = limited(CLASSES, DIGITS)


@dataclass(frozen=True)
class Epoch(Checked):
    """What one pass over the training set gave: mean losses in nats; None where no images were held out."""

    epoch: int = limited(whole(1))
    loss: float = limited(LOSS)
    validation_loss: float | None = limited(optional(LOSS), None)
    validation_accuracy: float | None = limited(optional(SHARE), None)


@dataclass(frozen=True)
class Results(Checked):
    """How the weights in the file do: on the images held out, and on the test set, scored once at the end."""

    validation_accuracy: float | None = limited(optional(SHARE), None)
    test_accuracy: float | None = limited(optional(SHARE), None)
    test_loss: float | None = limited(optional(LOSS), None)


@dataclass(frozen=True)
class Position(Checked):
    """Where a training stands: steps done, losses summed over the current epoch, seconds spent on steps."""

    step: int = limited(whole())
    loss_sum: float = limited(AMOUNT)
    train_seconds: float = limited(AMOUNT)


@dataclass(frozen=True)
class Machine(Checked):
    """What computed: the processor, and the kind of kernel that the BLAS library chose for it."""

    processor: str = limited(TEXT, "")
    kernel: str = limited(TEXT, "")


def _are_pixels(pixels: object) -> bool:
    if not (isinstance(pixels, tuple) and len(pixels) == 2):
        return False
    return all(limits.is_number(p) and abs(p) < EXTREME for p in pixels) and pixels[1] > LEAST_DEVIATION


def _are_settings(settings: object) -> bool:
    """Names with plain values, or short lists of whole numbers: hellodl.training.settings knows more."""
    return (
        isinstance(settings, dict)
        and len(settings) <= MOST_SETTINGS
        and all(TEXT.accepts(name) and _is_setting(value) for name, value in settings.items())
    )


def _is_setting(value: object) -> bool:
    if isinstance(value, list | tuple):
        return len(value) <= limits.MAX_LAYERS and all(map(limits.is_whole, value))
    return value is None or isinstance(value, bool) or TEXT.accepts(value) or limits.is_number(value)


SETTINGS = Limit(_are_settings, "names with plain values")


@dataclass(frozen=True)
class About(Checked):
    """All that a checkpoint says about itself. What it does not say is empty or None.

    `network`: widths of the layers. `pixels`: mean and deviation that pixels are scaled by, as shares of full
    ink. `settings`: what the training was told, as plain values. `threads`: processors it used.
    """

    network: tuple[int, ...] = limited(WIDTHS)
    pixels: tuple[float, float] = limited(
        Limit(_are_pixels, "their mean and deviation"), (PIXEL_MEAN, PIXEL_DEVIATION)
    )
    recipe: Recipe = Recipe()
    calibration: Calibration = Calibration()
    dataset: DataIdentity | None = None
    settings: dict[str, Any] = field(default_factory=dict, metadata={"limit": SETTINGS})
    history: tuple[Epoch, ...] = ()
    results: Results | None = None
    versions: dict[str, str] = field(default_factory=dict, metadata={"limit": VERSIONS})
    machine: Machine | None = None
    threads: int | None = limited(optional(whole(1, 1 << 20)), None)
    position: Position | None = None


def describe(model: DigitNet, **more: Any) -> About:
    """What every checkpoint says of a model: its widths, what it does with pixels, versions.

    `more` are fields of About.
    """
    versions = {"hellodl": __version__, "numpy": np.__version__, "python": platform.python_version()}
    told: dict[str, Any] = {"recipe": Recipe(upright=model.upright), "versions": versions}
    return About(model.widths, model.pixels, **told | more)


# A name in these that we do not know would change what answers mean, and is refused; in the others it is not.
COMPLETE: dict[str, type[Checked]] = {"recipe": Recipe, "calibration": Calibration}
RECORDS = COMPLETE | {"dataset": DataIdentity, "results": Results, "machine": Machine}
WORDS = {"network": "describes the network as", "pixels": "scales pixels by"}  # in place of "its … is"


def as_dict(about: About) -> dict[str, Any]:
    """Plain values for JSON; what is not known is left out. The position's parts lie beside the others."""
    told = asdict(about) | {"format": FORMAT}
    told |= told.pop("position") or {}
    told["calibration"] = {name: value for name, value in told["calibration"].items() if value is not None}
    return {name: value for name, value in told.items() if value not in (None, {}, ())}


def read(text: str | None, where: object) -> About:
    """The record of a text in JSON. Raises ModelError, beginning with `where`, if it is none or damaged."""
    try:
        told = json.loads(text or "")
        version, *_ = told["format"], told["network"], told["pixels"]
    except (KeyError, ValueError, TypeError):
        raise ModelError(f"{where}: has no hellodl metadata; is this a hellodl checkpoint?") from None
    if version != FORMAT:
        raise ModelError(
            f"{where}: is of format {version!r:.40}, expected {FORMAT}; is it from a newer hellodl?"
        )
    try:
        return _about(told)
    except OutOfLimitsError as error:
        what = WORDS.get(error.name, f"its {error.name:.80} is")
        problem = f"{what} {error.value!r:.80}, expected {error.expected}; the metadata is damaged"
        raise ModelError(f"{where}: {problem}") from None


def _about(told: dict[str, Any]) -> About:
    known: dict[str, Any] = {name: _frozen(told[name]) for name in ("network", "pixels")}
    known |= {name: told[name] for name in ("settings", "versions", "threads") if name in told}
    known |= {name: _record(kind, name, told[name]) for name, kind in RECORDS.items() if told.get(name)}
    history = told.get("history", [])
    if not isinstance(history, list):
        raise OutOfLimitsError("history", history, "a list of epochs")
    known["history"] = tuple(_record(Epoch, "history", epoch) for epoch in history)
    position = {each.name: told[each.name] for each in fields(Position) if each.name in told}
    if len(position) == len(fields(Position)):
        known["position"] = _record(Position, "", position)
    return About(**known)


def _record(kind: type[Record], place: str, told: object) -> Record:
    """A record of a kind, from parsed JSON that stands in this place."""
    known = [each.name for each in fields(kind)]
    if not isinstance(told, dict) or (place in COMPLETE and told.keys() - set(known)):
        raise OutOfLimitsError(place, told, f"a record with {', '.join(known)}")
    try:
        return kind(**{name: _frozen(value) for name, value in told.items() if name in known})
    except OutOfLimitsError as error:
        owner = f"{place}'s " if place else ""
        raise OutOfLimitsError(owner + error.name, error.value, error.expected) from None
    except TypeError:  # a field is missing
        raise OutOfLimitsError(place, told, f"a record with {', '.join(known)}") from None


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value

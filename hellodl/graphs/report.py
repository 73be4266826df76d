"""A report on a model: how it was made, how well it reads, what its layers do; as one HTML page.

The page has no script and asks nothing of any network; light and dark, for paper, phones, screen readers.
"""

import base64
import hashlib
import io
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from html import escape
from pathlib import Path
from string import Template
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hellodl.about import DIGITS
from hellodl.checkpoint import Checkpoint, Inspection, examine
from hellodl.datasets import Dataset
from hellodl.evaluation import CALIBRATION_SAYS, LOSS_SAYS, Evaluation, evaluate, silent_units
from hellodl.graphs import charts
from hellodl.graphs.picture import stylesheet
from hellodl.version import __version__

_WORST = 24  # mistakes that are shown
_LOSSES = """<figcaption>Training: the mean over an epoch, in which the weights still improve; where pictures
are distorted (augment), also over these, which are harder. Held out: at the epoch's end.</figcaption>"""
_RED, _BLUE = np.array([206, 44, 32]), np.array([9, 105, 218])


@dataclass(frozen=True)
class Report:
    """All that the page shows.

    `mistakes` (k, 28, 28): the pictures of the worst ones. `units` (n, 28, 28): the first layer's weights;
    `silent`: which of these units fire for none of the test images.
    """

    command: str
    model: Inspection
    train_seconds: float | None  # all steps together; None where the file does not say
    evaluation: Evaluation
    reliability: list[charts.Bin]
    map: charts.Map
    mistakes: NDArray[np.uint8]
    units: NDArray[np.float32]
    silent: list[int]

    def for_json(self) -> dict[str, Any]:
        """The numbers as plain data; pictures and weights are in the data set and the model."""
        return {key: value for key, value in asdict(self).items() if key not in {"mistakes", "units"}}


def report(path: Path, loaded: Checkpoint, data: Dataset, command: str) -> Report:
    """Gather all about a model loaded from `path` and its reading of a test set; raises as `evaluate` does.

    `command` is the one that repeats its training, "" where there is none.
    """
    model = loaded.model()
    evaluation = evaluate(model, data)
    return Report(
        command=command,
        model=examine(path, loaded),
        train_seconds=loaded.about.position.train_seconds if loaded.about.position else None,
        evaluation=evaluation,
        reliability=charts.reliability(model.predict(data.images), data.labels),
        map=charts.principal_axes(model.hidden(data.images), data.labels),
        mistakes=data.images[[mistake.index for mistake in evaluation.mistakes[:_WORST]]],
        units=loaded.weights["lc1.weight"].reshape(-1, 28, 28),
        silent=next(iter(silent_units(model, data.images)), []),
    )


def page(report: Report, meanings: dict[str, str]) -> str:
    """The report as HTML; `meanings` says what each setting is for."""
    files = Path(__file__).parent
    styles = f"{(files / 'page.css').read_text(encoding='utf-8')}\n{stylesheet()}\n"
    digest = base64.b64encode(hashlib.sha256(styles.encode()).digest()).decode()
    parts = {"hash": digest, "styles": styles, **_summary(report), **_drawings(report)}
    parts |= _making(report, meanings)
    return Template((files / "page.html").read_text(encoding="utf-8")).substitute(parts)


def _percent(share: float) -> str:
    """A share as 99.40 %, in one piece; only all is 100 %."""
    return f"{share if share == 1 else min(share, 0.9999):.2%}".replace("%", "&nbsp;%")


def _summary(report: Report) -> dict[str, str]:
    read, (low, high) = report.evaluation, report.evaluation.accuracy_interval
    classes = report.model.dataset.classes if report.model.dataset else DIGITS
    names = (name if name == str(i) else f"{i} {name}" for i, name in enumerate(classes))
    rows = (
        [name, *map(_percent, (row.precision, row.recall, row.f1)), f"{row.images:,}"]
        for name, row in zip(names, read.per_digit, strict=True)
    )
    return {
        "title": escape(f"How well {Path(report.model.model).name} reads digits"),
        "accuracy": _percent(read.accuracy),
        "images": f"{read.images:,}",
        "dataset": escape(read.dataset),
        "interval": f"{100 * low:.2f} to {_percent(high)}",
        "loss": f"{read.loss:.4f}: {LOSS_SAYS}",
        "calibration": f"{_percent(read.calibration_error)}: {CALIBRATION_SAYS}",
        "mistaken": f"{len(read.mistakes):,}",
        "digits": "".join(_table_row(row, number=True) for row in rows),
        "confused": _confused(report),
        "version": __version__,
    }


def _making(report: Report, meanings: dict[str, str]) -> dict[str, str]:
    """How the model was made, as far as its file says."""
    made = report.model
    shape = " → ".join(map(str, made.network))
    facts = {
        "file": made.model,
        "network": f"{shape}, {made.weights:,} weights, {made.biases:,} biases",
        "trained on": f"{made.dataset.name}, SHA-256 {made.dataset.sha256[:16]}…" if made.dataset else "",
        "processor": f"{made.machine.processor}, {made.machine.kernel}" if made.machine else "",
        "processors used": made.threads or "",
        "versions": ", ".join(f"{name} {version}" for name, version in made.versions.items()),
        "trained in": f"{report.train_seconds:.1f} s" if report.train_seconds else "",
        "size of the file": f"{made.bytes:,} bytes",
        "read for this page in": f"{report.evaluation.seconds:.2f} s",
    }
    plain = {n: ",".join(map(str, v)) if isinstance(v, list | tuple) else v for n, v in made.settings.items()}
    settings = ((n.replace("_", " "), v, meanings.get(n, "")) for n, v in plain.items() if v or v == 0)
    again = [*report.command.split(), "-o", "again.safetensors"]  # no model that is there is in the way
    words = " ".join(f"<span>{escape(word)}</span>" for word in again)
    command = f"<p>This repeats the run:</p><code>{words}</code>" if report.command else ""
    return {
        "command": command,
        "settings": "".join(map(_table_row, settings)),
        "circumstances": "".join(_table_row(fact) for fact in facts.items() if fact[1]),
    }


def _drawings(report: Report) -> dict[str, str]:
    confusion, units = report.evaluation.confusion, enumerate(report.units)
    return {
        "curves": _learning(report),
        "confusion": charts.confusion_matrix(confusion, f"Confusion matrix. {_confused(report)}"),
        "reliability": charts.reliability_chart(report.reliability),
        "map": charts.scatter(report.map),
        "dots": f"{len(report.map.labels):,}",
        "mistakes": _mistakes(report),
        "units": "".join(_unit(i, weights, silent=i in report.silent) for i, weights in units),
        "unit_count": f"{len(report.units):,}",
    }


def _learning(report: Report) -> str:
    """The charts of loss and accuracy by epoch, or why there are none."""
    history = report.model.history
    if not history:
        return "<p>The model's file holds no history.</p>"
    losses = [("series", "training", [(e.epoch, e.loss) for e in history])]
    held_out = [(e.epoch, e.validation_loss) for e in history if e.validation_loss is not None]
    accuracy = [(e.epoch, e.validation_accuracy) for e in history if e.validation_accuracy is not None]
    losses += [("other", "held out", held_out)] if held_out else []
    parts = [charts.curves("Loss by epoch", "loss", losses, "{:.3g}".format) + _LOSSES]
    if accuracy:
        parts.append(
            charts.curves("Accuracy by epoch", "accuracy", [("other", "held out", accuracy)], "{:.1%}".format)
        )
    return "".join(f"<figure>{part}</figure>" for part in parts)


def _mistakes(report: Report) -> str:
    figures = []
    for pixels, m in zip(report.mistakes, report.evaluation.mistakes, strict=False):
        words = f"{m.label} read as {m.predicted}"
        image = f'<img src="{_data_url(pixels)}" width="84" height="84" alt="test image {m.index}: {words}">'
        figures.append(f"<figure>{image}<figcaption>{words}, {_percent(m.confidence)}</figcaption></figure>")
    return "".join(figures) or "<p>No image was misread.</p>"


def _confused(report: Report) -> str:
    words = charts.confused(report.evaluation.confusion)
    return f"Most often misread: {words}." if words else "No image was misread."


def _table_row(cells: Iterable[object], *, number: bool = False) -> str:
    head, *rest = (str(cell) for cell in cells)
    kind = ' class="number"' if number else ""
    data = "".join(f"<td{kind}>{cell if number else escape(cell)}</td>" for cell in rest)
    return f'<tr><th scope="row">{escape(head)}</th>{data}</tr>'


def _unit(number: int, weights: NDArray[np.floating], *, silent: bool) -> str:
    """Weights (28, 28) as a picture: white is 0, red above, blue below, up to the unit's largest."""
    strength = np.abs(weights) / max(float(np.abs(weights).max()), 1e-30)
    colours = 255 - strength[..., None] * (255 - np.where(weights[..., None] > 0, _RED, _BLUE))
    words, kind = ("never fires", ' class="silent"') if silent else ("", "")
    image = f'<img src="{_data_url(np.rint(colours).astype(np.uint8))}" alt="weights of unit {number}">'
    return f"<figure{kind}>{image}<figcaption>{number} {words}</figcaption></figure>"


def _data_url(pixels: NDArray[np.uint8]) -> str:
    buffer = io.BytesIO()
    image = Image.fromarray(pixels)
    (image.quantize(64) if image.mode == "RGB" else image).save(buffer, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"

"""Writes hellodl/cli/README.md: the help text of every command, and the keys of what it prints as JSON.

.venv/bin/python scripts/tools/help_page.py
"""

from pathlib import Path

from click.testing import CliRunner

from hellodl.cli.main import COMMANDS, cli

PAGE = Path(__file__).parents[2] / "hellodl" / "cli" / "README.md"
WIDTH = 100  # columns
TITLE = """# Every command's help
Made by `.venv/bin/python scripts/tools/help_page.py`; a test holds it to what the commands say.
"""

KEYS = {
    "train": (
        "event, epoch, epochs, loss, validation_loss, validation_accuracy, seconds",
        "event, test_accuracy, test_loss, epochs, steps, train_seconds, model, threads, seconds",
    ),
    "evaluate": (
        (
            "model, dataset, images, correct, accuracy, accuracy_interval, loss, "
            "per_digit [digit, precision, recall, f1, images], confusion, calibration_error, "
            "mistakes [index, label, predicted, confidence], seconds"
        ),
    ),
    "evaluate FOLDER": (
        (
            "model, sets [name, pictures, single {count, of}, several {count, of}, characters {count, of}, "
            "doubted_right {count, of}, doubted_wrong {count, of}, wrong_sure {count, of}, "
            "refused {count, of}, calibration_error, unreadable], all, "
            "mistakes [file, label, text, verdict, warnings], seconds, errors [file, error]"
        ),
    ),
    "predict IMAGE…": (
        (
            "file, text, verdict, digits [digit, confidence, verdict, box, probabilities], warnings, "
            "marks [mark, box]"
        ),
        "file, error",
    ),
    "explain IMAGE…": (
        (
            "file, text, verdict, digits [digit, confidence, verdict, box, probabilities, score, "
            "empty_score, evidence, neighbours [index, label, distance]], warnings, marks"
        ),
    ),
    "download": ("dataset, folder, files [file, bytes, url], licence, attribution",),
    "inspect": (
        (
            "network, pixels, recipe {thinnest, thickest, upright}, calibration {temperature, familiar}, "
            "dataset {name, sha256, classes}, settings, "
            "history [epoch, loss, validation_loss, validation_accuracy], "
            "results {validation_accuracy, test_accuracy, test_loss}, versions, machine {processor, kernel}, "
            "threads, position {step, loss_sum, train_seconds}, model, bytes, weights, biases, "
            "tensors [name, shape, mean, deviation, min, max], resume {step, epochs}"
        ),
    ),
    "graph FORMULA --steps": (
        (
            "expression, value, gradients, nodes [id, label, is_leaf, value, gradient], "
            "edges [source, target, handed_down], steps [node, handed_down]"
        ),
    ),
    "descend FORMULA": ("expression, variables, descents [lr, momentum, outcome, points, values]",),
    "report": (
        (
            "command, model, train_seconds, evaluation, reliability [images, confidence, accuracy, "
            "accuracy_interval], map {shares, labels, points}, silent"
        ),
    ),
    "chapter": ("title, text, code, shown",),
    "export -o FILE.h --int8": ("file, format, bytes, weight_bytes, accuracy, float32",),
    "sweep": (
        (
            "event, done, settings, data, validation_accuracy, validation_loss, images, epochs, "
            "train_seconds, weights, error"
        ),
        "event, trainings, ranking [varied, settings, accuracies, mean, interval, seconds, failed], command",
    ),
}
LIKE_OTHERS = {"settings", "gradients", "versions", "varied", "variables", "all", "model", "evaluation"}
"""Records whose keys depend on what was asked, or are those of another command's."""
KEYS_SAY = """
## What --json prints
A record a line, with these keys; those of records within it in braces, of lists of records in brackets.
`all` is as one of `sets`; `model` and `evaluation` of a report are as `inspect` and `evaluate` print them.
What is not known is null.

| command | keys |
|---|---|
"""


def help_text(*words: str) -> str:
    """What `hellodl WORDS --help` prints."""
    return CliRunner().invoke(cli, [*words, "--help"], prog_name="hellodl", terminal_width=WIDTH).stdout


def page() -> str:
    """The page as it should be."""
    parts = [("hellodl", help_text()), *((f"hellodl {name}", help_text(name)) for name in COMMANDS)]
    return TITLE + "".join(f"\n## {name}\n```text\n{text}```\n" for name, text in parts) + table()


def table() -> str:
    """The section of the page."""
    rows = (f"| `{name}` | `{keys}` |\n" for name, records in KEYS.items() for keys in records)
    return KEYS_SAY + "".join(rows)


def keys_of(record: dict[str, object]) -> str:
    """A record's keys as they are written above."""
    return ", ".join(name + _within(name, value) for name, value in record.items())


def _within(name: str, value: object) -> str:
    if name not in LIKE_OTHERS and isinstance(value, dict):
        return f" {{{keys_of(value)}}}"
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return f" [{keys_of(value[0])}]"
    return ""


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")

"""Makes the model that ships with hellodl: hellodl/models/hellodl.safetensors, and a README beside it.

    python scripts/tools/make_model.py

Trains on MNIST and on the digits of handwriting fonts, so that it reads the test set and other hands.
"""

import argparse
import hashlib
import json
import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path

from hellodl import checkpoint
from hellodl.about import About
from hellodl.limits import weight_count
from hellodl.training.run import Run, train
from hellodl.training.settings import PRESETS, Settings

as_json = partial(json.dumps, sort_keys=True)
EVERY = 10  # epochs of its history are kept: to check a thousand takes 10 ms at every start
SETTINGS = Settings(**PRESETS["best"] | {"epochs": 600}, drawn=7_500, seed=3)

README = """# The model that ships with hellodl
`hellodl.safetensors`, used by `evaluate` and `predict` where there is no other model.

| | |
|---|---|
| made by | `python scripts/tools/make_model.py` |
| network | {network}, {parameters:,} parameters |
| data | MNIST, SHA-256 of its content {sha256} |
| settings | `{settings}` |
| processors | {threads} |
| accuracy on the {validation:,} images held out | {validation_accuracy:.2%} |
| accuracy on the test set | {test_accuracy:.2%} |
| versions | {versions} |
| SHA-256 of the file | {file_sha256} |

`judge.safetensors` says of ink in a picture whether it is a digit, a sign between digits, something else, or
a part of these; `printed.safetensors`, whether a pen drew it or a machine. Made by `make_judge.py` and
`make_printed.py` in `scripts/tools/`, from pages of `pages.py` there; the judge before these had fine pens
and close cuts.
"""


def main() -> None:
    """Train, take away what only a resume needs, write the model and its README."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--trained", type=Path, help="what `hellodl train` has made with the same settings")
    path = parser.parse_args().trained
    trained = trained_anew() if path is None else checkpoint.load(path)
    if as_json(trained.about.settings) != as_json(SETTINGS.as_dict()):
        raise SystemExit(f"{path}: made with {trained.about.settings}, expected {SETTINGS.as_dict()}")
    some = tuple(record for record in trained.about.history if record.epoch % EVERY == 0)
    about = replace(trained.about, position=None, history=some)
    checkpoint.save(checkpoint.SHIPPED, replace(trained, training={}, about=about))
    (checkpoint.SHIPPED.parent / "README.md").write_text(describe(about), encoding="utf-8")


def trained_anew() -> checkpoint.Checkpoint:
    """The model, trained in a folder that goes again."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / checkpoint.DEFAULT_NAME
        for record in train(SETTINGS, Run(output)):
            print(record, flush=True)
        return checkpoint.load(output)


def describe(about: About) -> str:
    """The README, from the checkpoint's own account."""
    if not (about.dataset and about.results):
        raise ValueError(about)
    return README.format(
        network="→".join(map(str, about.network)),
        parameters=weight_count(about.network),
        sha256=about.dataset.sha256,
        settings=json.dumps(about.settings),
        threads=about.threads,
        validation=about.settings["validation"],
        validation_accuracy=about.results.validation_accuracy,
        test_accuracy=about.results.test_accuracy,
        versions=", ".join(f"{name} {version}" for name, version in about.versions.items()),
        file_sha256=hashlib.sha256(checkpoint.SHIPPED.read_bytes()).hexdigest(),
    )


if __name__ == "__main__":
    main()

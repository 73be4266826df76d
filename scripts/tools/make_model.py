"""Makes the model that ships with hellodl: hellodl/models/hellodl.safetensors, and a README beside it.

    python scripts/tools/make_model.py

Trains on MNIST and on pictures from a random pen, so that it reads the test set and other people's hands.
"""

import hashlib
import json
import tempfile
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from hellodl import checkpoint
from hellodl.training.run import Run, train
from hellodl.training.settings import PRESETS, Settings

SETTINGS = Settings(**PRESETS["best"], drawn=12_000, seed=1)
ONLY_FOR_A_RESUME = ("step", "loss_sum", "train_seconds")

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
"""


def main() -> None:
    """Train, take away what only a resume needs, write the model and its README."""
    checkpoint.SHIPPED.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / checkpoint.DEFAULT_NAME
        for record in train(SETTINGS, Run(output)):
            print(record, flush=True)
        trained = checkpoint.load(output)
    about = {name: value for name, value in trained.about.items() if name not in ONLY_FOR_A_RESUME}
    checkpoint.save(checkpoint.SHIPPED, replace(trained, training={}, about=about))
    (checkpoint.SHIPPED.parent / "README.md").write_text(describe(about), encoding="utf-8")


def describe(about: dict) -> str:
    """The README, from the checkpoint's own account."""
    network = about["network"]
    return README.format(
        network="→".join(map(str, network)),
        parameters=sum((n_in + 1) * n_out for n_in, n_out in pairwise(network)),
        sha256=about["dataset"]["sha256"],
        settings=json.dumps(about["settings"]),
        threads=about["threads"],
        validation=about["settings"]["validation"],
        validation_accuracy=about["results"]["validation_accuracy"],
        test_accuracy=about["results"]["test_accuracy"],
        versions=", ".join(f"{name} {version}" for name, version in about["versions"].items()),
        file_sha256=hashlib.sha256(checkpoint.SHIPPED.read_bytes()).hexdigest(),
    )


if __name__ == "__main__":
    main()

"""What the commands share."""

import os
import subprocess
import sys

from hellodl.cli.common import DATASETS
from hellodl.datasets.catalogue import CATALOGUE


def test_the_data_sets_that_can_be_asked_for_are_those_of_the_catalogue():
    assert list(DATASETS) == list(CATALOGUE)


def test_a_terminal_without_arrows_gets_escapes_not_a_crash():
    environment = {**os.environ, "PYTHONIOENCODING": "latin-1"}
    command = [sys.executable, "-m", "hellodl", "train", "--help"]
    done = subprocess.run(command, env=environment, capture_output=True, encoding="latin-1", check=True)
    assert "\\u2192" in done.stdout

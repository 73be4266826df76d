"""What the commands share."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hellodl.cli.common import DATASETS
from hellodl.cli.words import confidence, printable
from hellodl.datasets.catalogue import CATALOGUE


def test_the_data_sets_that_can_be_asked_for_are_those_of_the_catalogue():
    assert list(DATASETS) == list(CATALOGUE)


def test_a_terminal_without_arrows_gets_them_spelled_out_not_a_crash():
    environment = {**os.environ, "PYTHONIOENCODING": "latin-1"}
    command = [sys.executable, "-m", "hellodl", "train", "--help"]
    done = subprocess.run(command, env=environment, capture_output=True, encoding="latin-1", check=True)
    assert "784->128->64->10" in done.stdout
    assert "\\u" not in done.stdout


def test_a_name_cannot_break_out_of_its_line():
    assert printable("a\nb\x1b[31m\u202e.png") == "a\\nb\\x1b[31m\\u202e.png"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_behind_stdout_is_told_in_one_line():
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "hellodl", "graph", "x*x", "--at", "x=2", "--json"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "hellodl: the output cannot be written: No space left on device\n"


@pytest.mark.skipif(os.name != "posix", reason="needs a shell")
def test_with_all_streams_closed_a_drawing_is_written_whole(tmp_path):
    """No file that is opened gets the number of a stream, and what is said to it."""
    command = f"exec {sys.executable} -m hellodl graph x*y --at x=2 --at y=3 -o {tmp_path}/x.svg <&- >&- 2>&-"
    subprocess.run(["sh", "-c", command], check=True)
    drawing = (tmp_path / "x.svg").read_text()
    assert drawing.startswith("<svg")
    assert drawing.rstrip().endswith("</svg>")


def test_no_probability_is_shown_as_certain():
    """In single precision 1 - 1e-9 is 1."""
    assert [confidence(p) for p in (0.0, 0.5, 0.97849, 0.9996, 1.0)] == [
        *("0.0 %", "50.0 %", "97.8 %", "99.9 %", "99.9 %")
    ]


def test_the_cache_can_be_cleared_and_says_what_that_freed(tmp_path):
    kept = tmp_path / "hellodl" / "mnist" / "decoded"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(bytes(3_000_000))
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path), "HOME": str(tmp_path)}
    command = [sys.executable, "-m", "hellodl", "download", "--clear-cache"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.endswith("hellodl: 3 MB freed\n") or sys.platform != "linux"
    again = subprocess.run([*command, "--json"], env=environment, capture_output=True, text=True, check=True)
    assert json.loads(again.stdout)["bytes"] == 0 or sys.platform != "linux"
    assert not kept.exists() or sys.platform != "linux"

"""The README says what is so: its commands and its Python run, its tables name what there is.

Blocks fenced as ```sh run from top to bottom, in one empty folder; what a test should not run, since it takes
long or needs a network, is fenced as ```console. scripts/hellodl stands for hellodl, and every .png or .jpg
that is named is there, with a digit drawn in it. Blocks fenced as ```python run as one program; a line that
prints has, at the end of its comment, what it prints.
"""

from __future__ import annotations

import os
import re
import runpy
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from hellodl import checkpoint
from hellodl.cli.main import COMMANDS
from hellodl.reading.reader import read

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)
PYTHON = "".join(re.findall(r"^```python\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL))
ROOT = Path(__file__).parent.parent


def script() -> str:
    """The lines of all blocks."""
    here = shlex.join([sys.executable, str(ROOT / "scripts")])
    return "".join(BLOCKS).replace("scripts/hellodl", "hellodl").replace(".venv/bin/python scripts", here)


def draw_digit(path: Path) -> None:
    """A zero, dark on light, in the middle of a page."""
    page = Image.new("L", (240, 320), 255)
    ImageDraw.Draw(page).ellipse((80, 90, 160, 220), outline=30, width=14)
    page.save(path)


@pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX shell")
def test_commands_in_the_readme_work(tmp_path: Path) -> None:
    """Every command exits with 0, one after the other, as a reader would type them."""
    for name in set(re.findall(r"[\w-]+\.(?:png|jpg)\b", script())):
        draw_digit(tmp_path / name)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    theirs = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
    done = subprocess.run(
        ["sh", "-exc", script()],  # -e stops at the first failure, -x shows which one it was
        cwd=tmp_path,
        env=theirs | {"PATH": path},
        capture_output=True,
        text=True,
        timeout=6000,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, done.stderr


def test_python_in_the_readme_prints_what_it_says(tmp_path: Path) -> None:
    """All blocks run as one program; a line printed is the end of its print's comment, … for what is cut."""
    done = subprocess.run(
        [sys.executable, "-c", PYTHON],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        encoding="utf-8",
        timeout=6000,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = [line.partition("  # ")[2] for line in PYTHON.splitlines() if line.startswith("print(")]
    printed = done.stdout.splitlines()
    assert len(printed) == len(told) > 5
    for line, comment in zip(printed, told, strict=True):
        said = comment.rpartition(": ")[2]
        assert line == said or line.startswith(said.removesuffix("…") if said.endswith("…") else said + "!")


@pytest.mark.parametrize("command", re.findall(r"`\.venv/bin/python (scripts/[^` ]*)", README))
def test_scripts_named_in_the_readme_start(command: str) -> None:
    """Those that run too long for a test say at least what they are for."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    words = [sys.executable, str(ROOT / command), "--help"]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert (done.returncode, "usage:" in done.stdout) == (0, True), done.stderr


MEASURED = r"\d[\d.,]* ?(?:%|(?:s|ms|µs|min|h|days|KB|MB|GFLOP/s|million/s)\b)"
COMMAND = r"`(?:time )?(?:\.venv/bin/python )?(scripts/[\w/.]+)(?: ([a-z]+)| tests|`)"


def sections_with_measurements() -> list[str]:
    """Those that have a table with a measured number in it, up to the end of the table."""
    found = []
    for section in re.split(r"^#+ ", README, flags=re.MULTILINE):
        lines = section.splitlines()
        measured = [i for i, line in enumerate(lines) if line[:1] == "|" and re.search(MEASURED, line)]
        if measured:
            found.append("\n".join(lines[: measured[0]]))
    return found


@pytest.mark.parametrize("section", sections_with_measurements(), ids=lambda s: s.partition("\n")[0][:40])
def test_each_table_of_measured_numbers_stands_below_its_command(section: str) -> None:
    """One that is there, and that says which number it makes."""
    commands = re.findall(COMMAND, section)
    assert commands
    for script, command in commands:
        assert (ROOT / script).exists()
        assert script != "scripts/hellodl" or command in COMMANDS


def test_all_files_named_in_the_readme_are_there() -> None:
    """Those of the repository, by their path in it."""
    named = re.findall(r"`((?:tests|scripts|hellodl|data)/[\w/.]+)`", README)
    assert len(named) > 20
    assert [path for path in named if not (ROOT / path).exists()] == []


def table_after(heading: str) -> str:
    """The first column of the first table in a section."""
    section = README.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return "\n".join(line.split("|")[1] for line in section.splitlines() if line.startswith("|"))


def test_the_table_of_commands_names_them_all() -> None:
    assert re.findall(r"`(.*?)`", table_after("What each command does")) == list(COMMANDS)


def test_the_page_of_help_texts_is_what_the_commands_say() -> None:
    """Made anew by scripts/tools/help_page.py."""
    maker = runpy.run_path(str(ROOT / "scripts" / "tools" / "help_page.py"))
    assert maker["PAGE"].read_text(encoding="utf-8") == maker["page"]()


def test_the_tour_of_the_house_names_every_folder() -> None:
    """All of the repository's folders, those of tests and pictures apart, and no other."""
    if not (ROOT / ".git").exists():
        pytest.skip("no git checkout")
    done = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    folders = {
        parent for line in done.stdout.splitlines() for parent in map(str, Path(line.strip('"')).parents)
    }
    top = {f.split("/")[0] for f in folders if f != "."}
    inner = {f for f in folders if f.count("/") == 1 and f.startswith(("hellodl/", "scripts/"))}
    assert set(re.findall(r"`(.*?)`", table_after("A tour of the house"))) == top | inner


def test_the_shipped_model_is_as_good_as_the_readme_says() -> None:
    """It can be made anew; then this number changes with it."""
    accuracy = checkpoint.load(checkpoint.SHIPPED).about.results.test_accuracy
    assert f"It reads {100 * accuracy:.2f} % of the test set" in README


def test_the_picture_that_the_readme_offers_is_read_rightly():
    """Its thin 1 leans, and was once taken for a slash."""
    reading = read(ROOT / ".github" / "number.png", checkpoint.load_model(checkpoint.SHIPPED))
    assert (reading.text, reading.digits[1].verdict) == ("0123", "digit")

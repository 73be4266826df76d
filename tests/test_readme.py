"""The README's commands work: its blocks fenced as ```sh run from top to bottom, in one empty folder.

What a test should not run, since it takes long or needs a network, is fenced as ```console. In ```sh blocks,
lines that begin with git, cd, pip or scripts/test are left out, scripts/hellodl stands for hellodl, and every
.png or .jpg that is named is there, with a digit drawn in it.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from hellodl import checkpoint

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)
SKIPPED = ("git ", "cd ", "pip ", "python -m pip ", "scripts/test")


def script() -> str:
    """The lines of all blocks that are to be run."""
    lines = [line for block in BLOCKS for line in block.splitlines() if not line.startswith(SKIPPED)]
    return "\n".join(lines).replace("scripts/hellodl", "hellodl")


def draw_digit(path: Path) -> None:
    """A zero, dark on light, in the middle of a page."""
    page = Image.new("L", (240, 320), 255)
    ImageDraw.Draw(page).ellipse((80, 90, 160, 220), outline=30, width=14)
    page.save(path)


@pytest.mark.skipif(not BLOCKS, reason="README has no ```sh block yet")
@pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX shell")
def test_commands_in_the_readme_work(tmp_path: Path) -> None:
    """Every command exits with 0, one after the other, as a reader would type them."""
    for name in set(re.findall(r"[\w-]+\.(?:png|jpg)\b", script())):
        draw_digit(tmp_path / name)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", "-exc", script()],  # -e stops at the first failure, -x shows which one it was
        cwd=tmp_path,
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, done.stderr


def test_the_shipped_model_is_as_good_as_the_readme_says() -> None:
    """It can be made anew; then this number changes with it."""
    accuracy = checkpoint.load(checkpoint.SHIPPED).about["results"]["test_accuracy"]
    assert f"It reads {100 * accuracy:.2f} % of the test set" in README

"""Draws README's pictures: a run as SVG, a number to read, and what `predict -o` and `explain -o` draw.

.venv/bin/python scripts/tools/readme_pictures.py .github

The number on paper is made of MNIST's test digits, unevenly lit.
"""

import io
import os
import pty
import re
import shutil
import subprocess
import sys
import tempfile
import termios
from pathlib import Path

import numpy as np
from PIL import Image
from rich.console import Console
from rich.text import Text

from hellodl import datasets

NUMBER = (3, 2, 1, 30)  # indices in MNIST's test set: 0, 1, 2, 3; its first 3, curled like an 8, is doubted
SIDE, PAPER, INK = 112, 225, 45  # pixels of a digit; greys of paper and ink
SHADOW = 90  # how much darker the right edge is
TERMINAL = (40, 80)  # lines and columns
WIDTH = 1016  # pixels of the PNGs: half of what hellodl draws


def screen(command: list[str], folder: str) -> str:
    """What a terminal shows in the end, with its colours: blocks that were drawn anew, as they were last."""
    terminal, side = pty.openpty()
    termios.tcsetwinsize(side, TERMINAL)
    environment = {**os.environ, "TERM": "xterm-256color", "HELLODL_COMMAND": "hellodl"}
    with subprocess.Popen(command, cwd=folder, stdout=side, stderr=side, env=environment):
        os.close(side)
        shown = b""
        while chunk := read(terminal):
            shown += chunk
    lines = [""]
    for part in re.split(r"(\x1b\[\d+A|\r\x1b\[J|\n)", shown.decode().replace("\r\n", "\n")):
        if up := re.fullmatch(r"\x1b\[(\d+)A", part):
            del lines[-int(up[1]) :]
        elif part == "\r\x1b[J":
            lines[-1] = ""
        elif part == "\n":
            lines.append("")
        else:
            lines[-1] += part
    return "\n".join(lines)


def read(terminal: int) -> bytes:
    """Some output, or none once the program has ended."""
    try:
        return os.read(terminal, 4096)
    except OSError:
        return b""


def hellodl(*arguments: str) -> list[str]:
    """The command as this Python runs it."""
    return [sys.executable, "-m", "hellodl", *arguments]


def draw_number(path: Path, indices: tuple[int, ...]) -> None:
    """Digits of MNIST's test set on a sheet of paper, a shadow over its right side."""
    digits = [
        Image.fromarray(image).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
        for image in datasets.load("mnist", "test").images[list(indices)]
    ]
    ink = np.zeros((2 * SIDE, SIDE * (len(digits) + 1)))
    for i, digit in enumerate(digits):
        top = SIDE // 2 + (i % 2) * SIDE // 8
        ink[top : top + SIDE, SIDE // 2 + i * SIDE :][:, :SIDE] = np.asarray(digit) / 255
    light = PAPER - SHADOW * np.linspace(0, 1, ink.shape[1]) ** 2
    grain = np.random.default_rng(0).normal(0, 3, ink.shape)
    Image.fromarray((light * (1 - ink) + INK * ink + grain).clip(0, 255).astype(np.uint8)).save(path)


def draw_run(path: Path, folder: str) -> None:
    """A training run and a reading, as they stand in the terminal."""
    console = Console(record=True, width=TERMINAL[1], file=io.StringIO())
    for arguments in (["train"], ["predict", "number.png"]):
        console.print(Text("$ hellodl " + " ".join(arguments), "bold cyan"))
        console.print(Text.from_ansi(screen(hellodl(*arguments), folder)))
    svg = console.export_svg(title="hellodl")
    svg = re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL)  # rich would fetch them from the web
    path.write_text(svg, encoding="utf-8")


def main() -> None:
    """Draw all three."""
    out = Path(sys.argv[1]).absolute()
    with tempfile.TemporaryDirectory() as folder:
        draw_number(Path(folder) / "number.png", NUMBER)
        shutil.copy(Path(folder) / "number.png", out)  # for readers to try
        draw_number(Path(folder) / "three.png", NUMBER[-1:])
        for command, picture in (("predict", "number.png"), ("explain", "three.png")):
            drawn = out / f"{command}.png"
            drawn.unlink(missing_ok=True)
            subprocess.run(hellodl(command, picture, "-o", str(drawn)), cwd=folder, check=True)
            with Image.open(drawn) as image:
                size = WIDTH, round(image.height * WIDTH / image.width)
                image.resize(size, Image.Resampling.LANCZOS).save(drawn, optimize=True)
        draw_run(out / "train.svg", folder)


if __name__ == "__main__":
    main()

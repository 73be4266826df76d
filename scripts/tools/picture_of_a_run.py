"""Draws README's picture of a run: trains in a terminal of its own and saves what is on the screen as SVG.

python scripts/tools/picture_of_a_run.py .github/train.svg
"""

import io
import os
import pty
import re
import subprocess
import sys
import tempfile
import termios
from pathlib import Path

from PIL import Image
from rich.console import Console
from rich.text import Text

from hellodl import datasets

COMMANDS = (["train"], ["predict", "seven.png"])


def screen(command: list[str], folder: str) -> str:
    """What a terminal of 80 columns shows in the end, with its colours."""
    terminal, side = pty.openpty()
    termios.tcsetwinsize(side, (40, 80))
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "80"}
    with subprocess.Popen(command, cwd=folder, stdout=side, stderr=subprocess.DEVNULL, env=environment):
        os.close(side)
        shown = b""
        while chunk := read(terminal):
            shown += chunk
    return shown.decode().replace("\r\n", "\n")


def read(terminal: int) -> bytes:
    """Some output, or none once the program has ended."""
    try:
        return os.read(terminal, 4096)
    except OSError:
        return b""


def draw_seven(path: Path) -> None:
    """The first picture of the test set, dark on light."""
    Image.fromarray(255 - datasets.load("mnist", "test").images[0]).resize((280, 280)).save(path)


def main() -> None:
    """Run the commands and save the picture."""
    console = Console(record=True, width=80, file=io.StringIO())
    with tempfile.TemporaryDirectory() as folder:
        draw_seven(Path(folder) / "seven.png")
        for arguments in COMMANDS:
            console.print(Text("$ hellodl " + " ".join(arguments), "bold cyan"))
            console.print(Text.from_ansi(screen([sys.executable, "-m", "hellodl", *arguments], folder)))
    # The fonts rich names would be fetched from the web.
    svg = re.sub(
        r"@font-face \{.*?\}", "", console.export_svg(title="hellodl"), flags=re.DOTALL
    )  # no web fonts
    Path(sys.argv[1]).write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    main()

"""Writes hellodl/cli/README.md: the help text of every command, as a terminal of 100 columns shows it.

.venv/bin/python scripts/tools/help_page.py
"""

from pathlib import Path

from click.testing import CliRunner

from hellodl.cli.main import COMMANDS, cli

PAGE = Path(__file__).parents[2] / "hellodl" / "cli" / "README.md"
WIDTH = 100  # columns
HEAD = """# Every command's help
Made by `.venv/bin/python scripts/tools/help_page.py`; a test holds it to what the commands say.
"""


def help_text(*words: str) -> str:
    """What `hellodl WORDS --help` prints."""
    return CliRunner().invoke(cli, [*words, "--help"], prog_name="hellodl", terminal_width=WIDTH).stdout


def page() -> str:
    """The page as it should be."""
    parts = [("hellodl", help_text()), *((f"hellodl {name}", help_text(name)) for name in COMMANDS)]
    return HEAD + "".join(f"\n## {name}\n```text\n{text}```\n" for name, text in parts)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")

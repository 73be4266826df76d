"""A block of lines at the bottom of a terminal that is drawn anew in its place."""

from __future__ import annotations

import os
import stat
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

_UP, _ERASE = "\x1b[{}A", "\r\x1b[J"  # cursor up so many lines; to column 0, erase from here to the end


def is_lively() -> bool:
    """Whether something may move on stderr: on a terminal that knows how, with nobody else writing there.

    Behind a pipe from stdout may be a `tee`, which writes to the same terminal when it likes.
    """
    if not sys.stderr.isatty() or os.environ.get("TERM", "") in ("dumb", "unknown"):
        return False
    try:
        return sys.stdout.isatty() or not stat.S_ISFIFO(os.fstat(sys.stdout.fileno()).st_mode)
    except (OSError, ValueError):
        return True


class Block:
    """Lines on stderr. The cursor rests behind the last one, so that what others say begins below."""

    def __init__(self) -> None:
        self._height = 0

    def draw(self, lines: Sequence[str]) -> None:
        """Put these lines in the place of the last ones; none of them may be wider than the terminal."""
        home = _UP.format(self._height - 1) if self._height > 1 else ""
        self._height = len(lines)
        context = click.get_current_context(silent=True)
        text = "\n".join(lines)
        if context is not None and context.color is False:
            text = click.unstyle(text)
        with suppress(OSError):  # whoever read our stderr may have gone
            click.echo(f"{home}{_ERASE}{text}", err=True, nl=False, color=True)

    def clear(self) -> None:
        """Take the lines away."""
        if self._height:
            self.draw([])

    def leave(self) -> None:
        """Let the lines stand: somebody else has written below them."""
        self._height = 0

"""The streams that commands talk through: of what is written nothing gets lost, or it is told."""

import io
import os
import select
import sys
from pathlib import Path
from typing import Any

from hellodl.cli.words import PLAIN


class OutputError(OSError):
    """Standard output cannot be written."""


class Output(io.FileIO):
    """Standard output or error, below its buffer. What cannot be written is told once; all after it is lost.

    Of standard error it is not told: that nobody reads our remarks is no reason to stop.
    """

    def __init__(self, name: str, descriptor: int) -> None:
        super().__init__(descriptor, "w", closefd=False)
        self._told = name == "stderr"
        self._works = True

    def write(self, data: Any, /) -> int:
        """Write some of these bytes, at least one; waits where a pipe is full."""
        try:
            while self._works:
                if written := super().write(data):
                    return written
                select.select([], [self], [])
        except OSError as error:
            self._works = False
            if not self._told:
                raise OutputError(error.errno, error.strerror) from None
        return len(data)


def prepare_streams() -> None:
    """Let none of the streams be missing, stop at a character, or drop what does not fit in a pipe or disk.

    Streams that were closed for us (`2>&-`) lead nowhere, or the next file opened would get their number.
    """
    for name in ("stdin", "stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            mode = "r" if name == "stdin" else "w"
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115 - to stay open
        elif name != "stdin" and isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=PLAIN)  # an arrow must not crash a terminal that has none
            is_original = stream is getattr(sys, f"__{name}__")
            if is_original and isinstance(getattr(stream.buffer, "raw", stream.buffer), io.FileIO):
                setattr(sys, name, _over(Output(name, stream.fileno()), stream))


def _over(raw: Output, stream: io.TextIOWrapper) -> io.TextIOWrapper:
    """A stream of text like another one, over a buffer: without (PYTHONUNBUFFERED) short writes get lost."""
    by_line = stream.line_buffering or stream.write_through
    return io.TextIOWrapper(io.BufferedWriter(raw), stream.encoding, PLAIN, line_buffering=by_line)

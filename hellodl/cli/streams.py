"""The streams that commands talk through: of what is written nothing gets lost, or it is told."""

import io
import os
import select
import sys
from pathlib import Path
from typing import Any

from hellodl.cli.words import PLAIN


class OutputError(OSError):
    """An output cannot be written."""


class Output(io.FileIO):
    """What lies below the buffer of an output. What cannot be written is told once; all after it is lost."""

    works = True
    silent = False  # nor is it told once

    def write(self, data: Any, /) -> int:
        """Write some of these bytes, at least one; waits where a pipe is full."""
        try:
            while self.works:
                if written := super().write(data):
                    return written
                select.select([], [self], [])
        except OSError as error:
            self.works = False
            if not self.silent:
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
                setattr(sys, name, _over(Output(stream.fileno(), "w", closefd=False), stream))


def _over(raw: Output, stream: io.TextIOWrapper) -> io.TextIOWrapper:
    """A stream of text like another one, over a buffer: without (PYTHONUNBUFFERED) short writes get lost."""
    raw.silent = stream is sys.stderr  # that nobody reads our remarks is no reason to stop
    by_line = stream.line_buffering or stream.write_through
    return io.TextIOWrapper(io.BufferedWriter(raw), stream.encoding, PLAIN, line_buffering=by_line)

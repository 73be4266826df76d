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
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115 - to stay open
        elif mode == "w" and isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=PLAIN)  # an arrow must not crash a terminal that has none
            raw = getattr(stream.buffer, "raw", stream.buffer)  # PYTHONUNBUFFERED puts no buffer above it
            if stream in (sys.__stdout__, sys.__stderr__) and isinstance(raw, io.FileIO):
                output = Output(raw.fileno(), "w", closefd=False)
                output.silent = name == "stderr"  # that nobody reads our remarks is no reason to stop
                by_line, buffer = stream.line_buffering or stream.write_through, io.BufferedWriter(output)
                setattr(sys, name, io.TextIOWrapper(buffer, stream.encoding, PLAIN, line_buffering=by_line))

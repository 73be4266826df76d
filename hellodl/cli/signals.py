"""Ctrl-C and SIGTERM as requests that a run looks at between steps."""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType


class Stop:
    """Remembers that Ctrl-C was pressed or the system asked us to end; the second time it ends at once."""

    def __init__(self) -> None:
        self.signal: int | None = None

    def __call__(self, number: int, _frame: FrameType | None) -> None:
        """Note a signal."""
        if self.signal is not None:
            raise KeyboardInterrupt
        self.signal = number
        with suppress(OSError):  # whoever read our stderr may have had the same Ctrl-C
            os.write(2, b"\nhellodl: finishing this step and saving (again to leave at once)\n")

    def requested(self) -> bool:
        """Whether a signal came."""
        return self.signal is not None

    @property
    def exit_code(self) -> int:
        """What a shell expects of a program that a signal ended: 130 for Ctrl-C, 143 for SIGTERM."""
        return 128 + (self.signal or signal.SIGINT)


@contextmanager
def stop_on_signals() -> Iterator[Stop]:
    """Inside, Ctrl-C and SIGTERM are noted; the loop looks between steps."""
    stop = Stop()
    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

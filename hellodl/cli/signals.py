"""Ctrl-C, SIGTERM, SIGHUP: the first ends the command, or the step; none disturbs it while it tidies up."""

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Timer
from types import FrameType

_NUMBERS = {signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)}  # Windows has two
_PATIENCE = 3.0  # seconds to tidy up in; a signal after that ends the process at once
_SOON = 0.05  # seconds after which an interruption that Python has swallowed is tried again


class Signals:
    """What becomes of signals. `signal` is the first that came, None so far.

    The first raises KeyboardInterrupt, once: whatever a storm of others hits then, it is no traceback and no
    half removed file. Within `deferring`, the first is noted only, and the second raises.
    """

    def __init__(self) -> None:
        self.signal: int | None = None
        self._raised_at: float | None = None
        self._defers = False
        self._hook = sys.unraisablehook

    def __call__(self, number: int, _frame: FrameType | None) -> None:
        """Hear a signal."""
        first, self.signal = self.signal is None, self.signal or number
        if self._raised_at is not None:
            if time.monotonic() - self._raised_at > _PATIENCE:
                os._exit(self.exit_code)
            return
        if first:
            noted = b"hellodl: stopping where nothing is lost (again to leave at once)\n" * self._defers
            with suppress(OSError):  # whoever read our stderr may have had the same Ctrl-C
                os.write(2, b"\n" * os.isatty(2) + noted)  # a terminal shows ^C where it stands
            if self._defers:
                return
        self._raised_at = time.monotonic()
        raise KeyboardInterrupt

    def requested(self) -> bool:
        """Whether a signal came."""
        return self.signal is not None

    @property
    def exit_code(self) -> int:
        """What a shell expects of a program that a signal ended: 130 for Ctrl-C, 143 for SIGTERM."""
        return 128 + (self.signal or signal.SIGINT)

    @contextmanager
    def heard(self) -> Iterator[None]:
        """Inside, signals come here, but for those that our parent told us to ignore."""
        self.signal = self._raised_at = None
        handlers = {number: signal.getsignal(number) for number in _NUMBERS}
        hook, sys.unraisablehook = sys.unraisablehook, self._try_again
        self._hook = hook
        try:
            for number, handler in handlers.items():
                if handler is not signal.SIG_IGN:
                    signal.signal(number, self)
            yield
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
            sys.unraisablehook = hook

    @contextmanager
    def deferring(self) -> Iterator[None]:
        """Inside, the first signal is a request, for the work to look at."""
        self._defers = True
        try:
            yield
        finally:
            self._defers = False
            if self.signal is not None and self._raised_at is None:
                self._raised_at = time.monotonic()  # the end has begun

    def _try_again(self, unraisable: "sys.UnraisableHookArgs") -> None:
        """Python cannot raise everywhere, for example where it removes an object: raise a moment later."""
        if unraisable.exc_type is not KeyboardInterrupt:
            self._hook(unraisable)
        elif self.signal is not None:
            self._raised_at = None
            Timer(_SOON, signal.raise_signal, [self.signal]).start()


SIGNALS = Signals()
"""Those of this process: `main` hears them, a command may look."""

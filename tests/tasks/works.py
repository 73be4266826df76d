"""Work for workers: functions known by their names, as every task needs."""

import os
import signal
import time
from pathlib import Path

from hellodl.errors import DataError


def square(shared, number):
    return shared + number * number


def slow_square(shared, number):
    time.sleep(0.02)
    return os.getpid(), number * number


def dies_once(folder, number):
    """The worker is killed when it gets number 5 for the first time."""
    mark = Path(folder) / "died"
    if number == 5 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def deadly(shared, number):
    """Whoever gets number 5 dies."""
    if number == 5:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def waits_for_3(shared, number):
    """Number 3 takes longer than all others."""
    time.sleep(0.5 if number == 3 else 0.0)
    return number


def fails(shared, number):
    if number == 2:
        raise DataError("the data: are bad")
    return number

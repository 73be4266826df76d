"""For tests of places that may not be read: root, as which containers run tests, may read everything."""

import ctypes
import os
import shutil
import sys
from contextlib import contextmanager

import pytest

CAPABILITIES = 0x20080522  # version 3 of Linux's structures
OVERRIDES = 0b110  # CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH
IS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0

needs_modes = pytest.mark.skipif(
    os.name != "posix" or (IS_ROOT and not (sys.platform == "linux" and shutil.which("setpriv"))),
    reason="nobody is refused here",
)

OBEDIENT = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if IS_ROOT else []
"""Begins the command of a program that obeys the modes of files."""


@contextmanager
def obedient():
    """Inside, this thread obeys the modes of files."""
    if not IS_ROOT:
        yield
        return
    libc, header = ctypes.CDLL(None, use_errno=True), (ctypes.c_uint32 * 2)(CAPABILITIES, 0)
    sets = (ctypes.c_uint32 * 6)()  # effective, permitted, inheritable; the same again for the upper 32
    assert libc.capget(header, sets) == 0
    before = sets[0]
    sets[0] = before & ~OVERRIDES
    assert libc.capset(header, sets) == 0
    try:
        yield
    finally:
        sets[0] = before
        assert libc.capset(header, sets) == 0

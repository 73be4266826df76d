"""How things are said: commands as they were typed, numbers, and names that cannot harm a terminal."""

import codecs
import os
import shlex
import shutil
import sys
from functools import cache
from pathlib import Path

NAME = "hellodl"
TYPED = "HELLODL_COMMAND"  # scripts/hellodl says in this variable how it was called


@cache
def command_name() -> str:
    """What to type to call this program again: hellodl, scripts/hellodl, python -m hellodl."""
    if typed := os.environ.get(TYPED):
        return typed if os.name == "nt" else shlex.quote(typed)
    program = Path(sys.argv[0])
    if program.name == "__main__.py" and program.parent.name == NAME:
        return shlex.join(sys.orig_argv[: len(sys.orig_argv) - len(sys.argv) + 1])
    found = Path(shutil.which(NAME) or NAME).with_suffix("")  # what the name alone would start
    if program.stem != NAME or not program.is_absolute() or program.with_suffix("") == found:
        return NAME
    return shlex.quote(str(program))


def as_typed(message: str) -> str:
    """A message whose commands, which are written `hellodl …`, can be copied into this very terminal."""
    return message.replace(f"`{NAME} ", f"`{command_name()} ")


def printable(text: object) -> str:
    """Text with control characters shown as escapes, so that a file's name cannot drive the terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(text))


def counted(number: int, what: str) -> str:
    """A number of things: 1 epoch, 2,000 epochs."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def percent(share: float, digits: int = 2) -> str:
    """A share as 97.86 %; only all is 100 %, however close."""
    rounded = round(100 * share, digits)
    return f"{rounded if share == 1 else min(rounded, 100 - 10**-digits):.{digits}f} %"


def confidence(probability: float) -> str:
    """A probability as 97.8 %; never 100 %, also where a float holds no more nines."""
    return percent(min(probability, 0.999), 1)


# Where the output has no such characters --------------------------------------------------------------

PLAIN = "hellodl.plain"  # the name under which Python knows `_spell_out`
_SPELLED_OUT = {
    "→": "->",
    "…": "...",
    "≤": "<=",
    **dict(zip("×–−·•●↑µ′━─│├└▀▄░▒▓█▏▎▍▌▋▊▉", "x--.oO^u'=-||`\",.+*#   ####", strict=True)),
    **{chr(0x2800 + dots): " '.:"[(dots & 0x1B > 0) + 2 * (dots & 0xE4 > 0)] for dots in range(256)},
}  # the last are of braille: dots in the upper half, in the lower one, in both


def _spell_out(error: UnicodeError) -> tuple[str, int]:
    """What to write instead of characters that the output's encoding lacks."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    missing = error.object[error.start : error.end]
    known = (_SPELLED_OUT.get(c) or c.encode("ascii", "backslashreplace").decode() for c in missing)
    return "".join(known), error.end


codecs.register_error(PLAIN, _spell_out)

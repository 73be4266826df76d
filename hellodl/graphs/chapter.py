"""The chapter, live: chapter.md has its text and Python, as typed at a prompt, with what the chapter prints.

The standard library's doctest runs that and compares. Beside it a course through the source: course.md.
"""

import doctest
import math
import re
from collections.abc import Iterator
from importlib import resources
from typing import NamedTuple

from hellodl.errors import HellodlError
from hellodl.system.processors import one_blas_thread

_LINES_A_MINUTE = 20  # of source, for somebody who reads every word


class Section(NamedTuple):
    """A section: its title; its whole text; the code in it that was run, and the lines that this showed."""

    title: str
    text: str
    code: str
    shown: list[str]


def walk() -> Iterator[Section]:
    """The chapter, section by section. Raises HellodlError where it is not as the chapter says."""
    one_blas_thread()  # two would wait for each other on a busy machine
    names: dict[str, object] = {}
    for section in _text("chapter.md").split("\n## ")[1:]:
        title, _, text = section.partition("\n")
        test = doctest.DocTestParser().get_doctest(text, names, title, "chapter.md", 0)
        try:
            doctest.DebugRunner(verbose=False).run(test, clear_globs=False)
        except doctest.DocTestFailure as failure:
            typed, wanted = failure.example.source.strip(), failure.example.want.strip()
            raise HellodlError(
                f"chapter: {typed} is {failure.got.strip()}, but the chapter says {wanted}"
            ) from None
        except doctest.UnexpectedException as error:
            raise error.exc_info[1] from None
        names = test.globs
        code = "".join(example.source for example in test.examples)
        shown = [line for example in test.examples for line in example.want.splitlines()]
        yield Section(title, text.strip(), code, shown)


def course() -> str:
    """Where to go from there: a reading order with folder and minutes, a glossary, exercises; Markdown."""
    home = resources.files("hellodl")

    def with_minutes(row: re.Match[str]) -> str:
        lines = len((home / row[2]).read_text(encoding="utf-8").splitlines())
        return f"{row[1]} {math.ceil(lines / _LINES_A_MINUTE)} min |"

    text = _text("course.md").replace("FOLDER", str(home), 1)
    return re.sub(r"^(\| `(\S+\.py)` \|) \|", with_minutes, text, flags=re.MULTILINE)


def _text(name: str) -> str:
    return (resources.files("hellodl.graphs") / name).read_text(encoding="utf-8")

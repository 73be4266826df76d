"""`hellodl chapter`: the chapter, computed before your eyes; and a course through the source."""

import re

import click

from hellodl.cli import common
from hellodl.cli.words import as_typed
from hellodl.errors import UsageError


@common.command(("chapter", "the lesson"), ("chapter --course", "where to go from there"))
@click.option("--course", is_flag=True, help="In which order to read the source, a glossary, ten exercises.")
@common.json_option
def chapter(*, course: bool, as_json: bool) -> None:
    """Walk through the chapter on autograd, computed and checked now.

    Its formulas, numbers and drawings, with the Python that makes them.
    """
    from rich.markdown import Markdown
    from rich.syntax import Syntax
    from rich.text import Text

    from hellodl.graphs import chapter as lesson

    if course and as_json:
        raise UsageError("chapter: --course is a page to read, which has no --json")
    out, code = common.console(), Syntax("", "pycon", theme="ansi_light", background_color="default")
    if course:  # what is to be copied, commands and code, is never broken
        for i, part in enumerate(re.split(r"^ {4}`(.+)`$", as_typed(lesson.course()), flags=re.MULTILINE)):
            out.print(f"    {part}" if i % 2 else Markdown(part), soft_wrap=bool(i % 2))
        return
    for number, section in enumerate(lesson.walk(), 1):
        if as_json:
            common.print_json(section._asdict())
            continue
        out.print(Text(f"{number}. {section.title}", "bold"))
        for part in section.text.split("\n\n"):
            if part.startswith(">>>"):
                out.print(code.highlight(part), soft_wrap=True)
            else:
                out.print(Text(as_typed(" ".join(part.split()))))

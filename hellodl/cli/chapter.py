"""`hellodl chapter`: the chapter, computed before your eyes; and a course through the source."""

from __future__ import annotations

import click

from hellodl.cli.common import console, json_option, options, print_json
from hellodl.cli.help import Command


@click.command(
    cls=Command, examples=(("chapter", "the lesson"), ("chapter --course", "where to go from there"))
)
@click.option("--course", is_flag=True, help="In which order to read the source, a glossary, ten exercises.")
@options(json_option)
def chapter(*, course: bool, as_json: bool) -> None:
    """Walk through the chapter on autograd: each formula, number and drawing of it, made and checked now."""
    from rich.markdown import Markdown
    from rich.syntax import Syntax
    from rich.text import Text

    from hellodl.graphs.chapter import course as lessons
    from hellodl.graphs.chapter import walk

    out = console()
    if course:
        out.print(Markdown(lessons()))
        return
    for number, section in enumerate(walk(), 1):
        if as_json:
            print_json(section._asdict())
            continue
        out.print(Text(f"{number}. {section.title}", "bold"))
        out.print(Text(f"{section.text}\n"))
        out.print(
            Syntax(section.code, "python", theme="ansi_light", background_color="default", word_wrap=True)
        )
        out.print(Text("\n" + "\n".join(section.shown) + "\n", "green"), soft_wrap=True)

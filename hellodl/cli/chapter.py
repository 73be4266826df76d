"""`hellodl chapter`: the chapter, computed before your eyes; and a course through the source."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from hellodl.cli import common

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console, RenderableType


@common.command(("chapter", "the lesson"), ("chapter --course", "where to go from there"))
@click.option("--course", is_flag=True, help="In which order to read the source, a glossary, ten exercises.")
@common.json_option
def chapter(*, course: bool, as_json: bool) -> None:
    """Walk through the chapter on autograd, computed and checked now.

    Each formula, number and drawing of it, with the Python that makes it.
    """
    from rich.markdown import Markdown

    from hellodl.graphs import chapter as lesson

    if course:
        common.console().print(Markdown(lesson.course()))
    elif as_json:
        for section in lesson.walk():
            common.print_json(section._asdict())
    else:
        common.show(told, wrap=False)


def told(_out: Console) -> Iterator[RenderableType]:
    """The lesson, section by section."""
    from rich.markdown import Markdown
    from rich.syntax import Syntax
    from rich.text import Text

    from hellodl.graphs.chapter import walk

    for number, section in enumerate(walk(), 1):
        yield Text(f"{number}. {section.title}", "bold")
        yield Markdown(f"{section.text}\n")
        yield Syntax(section.code, "python", theme="ansi_light", background_color="default", word_wrap=True)
        yield Text("\n" + "\n".join(section.shown) + "\n", "green")

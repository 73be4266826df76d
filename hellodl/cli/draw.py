"""`hellodl draw`: a page to draw digits on, with the trained network in it."""

from __future__ import annotations

import webbrowser
from typing import TYPE_CHECKING

import click

from hellodl.cli.common import FILE, model_option, open_model, options, quiet_option, say
from hellodl.cli.help import Command
from hellodl.cli.words import percent
from hellodl.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


@click.command(
    cls=Command,
    examples=(
        ("draw --open", "make digits.html and open it in the browser"),
        ("draw -m shipped -o page.html", "with the model that ships"),
    ),
)
@click.option(
    "-o", "--output", type=FILE, default="digits.html", show_default=True, help="Write the page here."
)
@click.option("--open", "show", is_flag=True, help="Open it in the browser.")
@options(model_option, quiet_option)
def draw(output: Path, model: Path | None, *, show: bool, quiet: bool) -> None:
    """Make a page to draw digits on: one HTML file with the network in it, which works offline.

    It reads as you draw, shows the network's inside at work, and lets you break it.
    """
    from hellodl.export.draw import page
    from hellodl.system.files import write_atomically

    if output.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"{output}: a page is written as .html; name the file so")
    _, loaded = open_model(model, quiet=quiet)
    accuracy = loaded.about.results.test_accuracy if loaded.about.results else None
    about = f"this network reads {percent(accuracy)} of its test set" if accuracy else ""
    content = page(loaded.model(), about)
    write_atomically(output, content)
    say(f"page: {output}, {len(content):,} bytes", quiet=quiet)
    if show and not webbrowser.open(output.resolve().as_uri()):
        say("no browser was found to open it in", quiet=quiet)

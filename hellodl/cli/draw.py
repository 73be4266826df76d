"""`hellodl draw`: a page to draw digits on, with the trained network in it."""

from contextlib import suppress
from pathlib import Path

import click

from hellodl.cli import common
from hellodl.cli.drawing import HTML, check_drawing, write_drawing
from hellodl.cli.words import percent
from hellodl.errors import HellodlError


@common.command(
    ("draw --open", "make digits.html and open it in the browser"),
    ("draw -m shipped -o page.html", "with the model that ships"),
)
@common.output_option(help="Write the page here.", default="digits.html", show_default=True)
@click.option("--open", "open_it", is_flag=True, help="Open it in the browser.")
@common.model_option
@common.quiet_option
def draw(output: Path, model: Path | None, *, open_it: bool, quiet: bool) -> None:
    """Make a page to draw digits on, with the network in it.

    One HTML file, which works offline: it reads as you draw, shows the network's inside at work, and lets you
    break it.
    """
    import webbrowser  # takes 10 ms, in which the other commands' help would wait

    from hellodl import datasets
    from hellodl.evaluation import silent_units
    from hellodl.export.draw import page

    check_drawing(output, HTML, ".htm")
    talk = common.Talk(quiet=quiet)
    loaded = common.open_model(model, talk)[1]
    accuracy = loaded.about.results.test_accuracy if loaded.about.results else None
    words = f"this network reads {percent(accuracy)} of its test set" if accuracy else ""
    silent: list[list[int]] = []
    with suppress(HellodlError):  # without test images it is not known which these are
        silent = silent_units(loaded.model(), datasets.load(common.dataset_of(loaded), "test").images)
    content = page(loaded.model(), words, silent)
    write_drawing(output, content.decode(), talk, "page")
    if open_it and not webbrowser.open(output.resolve().as_uri()):
        talk.say("no browser was found to open it in")

"""`hellodl download`: fetches a data set, verifies it, and says whom to credit."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from hellodl.datasets import folders
from hellodl.datasets.catalogue import CATALOGUE, MNIST, Source
from hellodl.datasets.download import Downloader, Fetched, no_progress


@click.command()
@click.argument("dataset", type=click.Choice(list(CATALOGUE)), default=MNIST.name)
@click.option(
    "--mirror", "mirrors", metavar="URL", multiple=True, help="Try this address first; may be repeated."
)
@click.option("--force", is_flag=True, help="Fetch files again that are there already.")
@click.option(
    "--data-dir", type=click.Path(path_type=Path), metavar="DIR", help="Put the files into DIR/DATASET."
)
@click.option("-q", "--quiet", is_flag=True, help="Say nothing on stderr unless it fails.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def download(
    dataset: str, mirrors: tuple[str, ...], data_dir: Path | None, *, force: bool, quiet: bool, as_json: bool
) -> None:
    """Fetch DATASET and verify it by its checksums (default: mnist).

    Without --data-dir the files go where the other commands find them: into $HELLODL_DATA if it is set, else
    into the user's cache folder. Intact files are kept, and so is the MNIST that comes with hellodl. Prints
    the folder.
    """
    source = CATALOGUE[dataset]
    place = folders.destination(dataset, data_dir)
    say = _ignore if quiet else _say
    show = _bar if sys.stderr.isatty() and not quiet else no_progress
    downloader = Downloader(mirrors, force=force, repair=not place.users, progress=show, notify=say)
    files = downloader.fetch(source, place.folder)
    fetched = sum(file.url is not None for file in files)
    say(f"{source.title}: {fetched} files fetched, {len(files) - fetched} already there, all verified")
    say(f"Licence: {source.licence}. Credit: {source.attribution}.")
    click.echo(json.dumps(_record(source, place.folder, files)) if as_json else str(place.folder))


def _record(source: Source, folder: Path, files: tuple[Fetched, ...]) -> dict[str, object]:
    return {
        "dataset": source.name,
        "folder": str(folder),
        "files": [{"file": f.path.name, "bytes": f.size, "url": f.url} for f in files],
        "licence": source.licence,
        "attribution": source.attribution,
    }


def _say(message: str) -> None:
    click.echo(message, err=True)


def _ignore(_message: str) -> None:
    """What --quiet says."""


@contextmanager
def _bar(name: str, size: int | None) -> Iterator[Callable[[int], object]]:
    """A progress bar for one file."""
    from tqdm import tqdm  # not needed off a terminal

    with tqdm(total=size, desc=name, unit="B", unit_scale=True, leave=False) as bar:
        yield bar.update

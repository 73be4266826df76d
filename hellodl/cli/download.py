"""`hellodl download`: fetches a data set, verifies it, and says whom to credit."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import click

from hellodl.cli.common import DATASETS, FILE, json_option, print_json, quiet_option, say
from hellodl.cli.help import Command
from hellodl.cli.words import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from hellodl.datasets.catalogue import Source
    from hellodl.datasets.download import Fetched


@click.command(
    cls=Command,
    examples=(
        ("download fashion-mnist", "then: train --dataset fashion-mnist"),
        ("download qmnist --data-dir data", "into the folder data/qmnist"),
        ("download --clear-cache", "free what was kept"),
    ),
)
@click.argument("dataset", type=click.Choice(DATASETS), default=DATASETS[0])
@click.option(
    "--mirror", "mirrors", metavar="URL", multiple=True, help="Try this address first; may be repeated."
)
@click.option("--force", is_flag=True, help="Fetch files again that are there already.")
@click.option("--data-dir", type=FILE, metavar="DIR", help="Put the files into DIR/DATASET.")
@click.option("--clear-cache", is_flag=True, help="Remove all that was kept in the cache folder, and stop.")
@quiet_option
@json_option
def download(
    dataset: str,
    mirrors: tuple[str, ...],
    data_dir: Path | None,
    *,
    force: bool,
    clear_cache: bool,
    quiet: bool,
    as_json: bool,
) -> None:
    """Fetch DATASET and verify it by its checksums (default: mnist).

    Without --data-dir the files go where the other commands find them: into $HELLODL_DATA if it is set, else
    into the user's cache folder. Intact files are kept, and so is the MNIST that comes with hellodl. Prints
    the folder.
    """
    from hellodl.datasets import folders
    from hellodl.datasets.catalogue import CATALOGUE
    from hellodl.datasets.download import Downloader, no_progress

    if clear_cache:
        _clear_cache(as_json=as_json)
        return
    source = CATALOGUE[dataset]
    place = folders.destination(dataset, data_dir)
    remark = partial(say, quiet=quiet)
    show = _bar if sys.stderr.isatty() and not quiet else no_progress
    downloader = Downloader(mirrors, force=force, repair=not place.users, progress=show, notify=remark)
    files = downloader.fetch(source, place.folder)
    fetched = sum(file.url is not None for file in files)
    remark(f"{source.title}: {fetched} files fetched, {len(files) - fetched} already there, all verified")
    remark(f"Licence: {source.licence}. Credit: {source.attribution}.")
    if as_json:
        print_json(_record(source, place.folder, files))
    else:
        click.echo(place.folder)


def _clear_cache(*, as_json: bool) -> None:
    """Empty the cache folder and say how much that freed."""
    from hellodl.datasets import folders

    freed, folder = folders.clear_cache(), folders.cache_folder()
    if as_json:
        print_json({"folder": str(folder), "freed": freed})
    else:
        click.echo(f"{printable(folder or 'no cache folder')}: {freed / 1e6:,.0f} MB freed")


def _record(source: Source, folder: Path, files: tuple[Fetched, ...]) -> dict[str, object]:
    return {
        "dataset": source.name,
        "folder": str(folder),
        "files": [{"file": f.path.name, "bytes": f.size, "url": f.url} for f in files],
        "licence": source.licence,
        "attribution": source.attribution,
    }


@contextmanager
def _bar(name: str, size: int | None) -> Iterator[Callable[[int], object]]:
    """A progress bar for one file."""
    from tqdm import tqdm  # not needed off a terminal

    with tqdm(total=size, desc=name, unit="B", unit_scale=True, leave=False) as bar:
        yield bar.update

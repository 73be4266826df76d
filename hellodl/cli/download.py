"""`hellodl download`: fetches a data set, verifies it, and says whom to credit."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from hellodl.cli import common
from hellodl.cli.words import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from hellodl.datasets.catalogue import Source
    from hellodl.datasets.download import Fetched


@common.command(
    ("download fashion-mnist", "then: train --dataset fashion-mnist"),
    ("download qmnist --data-dir data", "into the folder data/qmnist"),
    ("download --clear-cache", "free what was kept"),
)
@click.argument(
    "dataset", type=click.Choice(common.DATASETS), metavar="[DATASET]", default=common.DATASETS[0]
)
@click.option(
    "--mirror", "mirrors", metavar="URL", multiple=True, help="Try this address first; may be repeated."
)
@click.option("--force", is_flag=True, help="Fetch files again that are there already.")
@common.file_option("--data-dir", metavar="FOLDER", help="Put the files into FOLDER/DATASET.")
@click.option("--clear-cache", is_flag=True, help="Remove all that was kept in the cache folder, and exit.")
@common.talking
def download(
    dataset: str,
    mirrors: tuple[str, ...],
    data_dir: Path | None,
    talk: common.Talk,
    *,
    force: bool,
    clear_cache: bool,
) -> None:
    """Fetch a data set and verify it by its checksums.

    DATASET is mnist (the default), fashion-mnist, kmnist, emnist-digits or qmnist. Without --data-dir the
    files go where the other commands find them: into $HELLODL_DATA if it is set, else into the user's cache
    folder. Intact files are kept, and so is the MNIST that comes with hellodl. Prints the folder.
    """
    from hellodl.datasets import folders
    from hellodl.datasets.catalogue import CATALOGUE
    from hellodl.datasets.download import Downloader, no_progress

    if clear_cache:
        folder, freed = str(folders.cache_folder() or "no cache folder"), folders.clear_cache()
        talk.tell({"folder": folder, "bytes": freed}, [f"{printable(folder)}: {freed / 1e6:,.0f} MB freed"])
        return
    source = CATALOGUE[dataset]
    place = folders.destination(dataset, data_dir)
    show = _bar if sys.stderr.isatty() and not talk.quiet else no_progress
    downloader = Downloader(mirrors, force=force, repair=not place.users, progress=show, notify=talk.say)
    files = downloader.fetch(source, place.folder)
    _tell(source, place.folder, files, talk)


def _tell(source: Source, folder: Path, files: tuple[Fetched, ...], talk: common.Talk) -> None:
    fetched = sum(file.url is not None for file in files)
    talk.say(f"{source.title}: {fetched} files fetched, {len(files) - fetched} already there, all verified")
    talk.say(f"Licence: {source.licence}. Credit: {source.attribution}.")
    record = {
        "dataset": source.name,
        "folder": str(folder),
        "files": [{"file": f.path.name, "bytes": f.path.stat().st_size, "url": f.url} for f in files],
        "licence": source.licence,
        "attribution": source.attribution,
    }
    talk.tell(record, [str(folder)])


@contextmanager
def _bar(name: str, size: int | None) -> Iterator[Callable[[int], object]]:
    from tqdm import tqdm  # not needed off a terminal

    with tqdm(total=size, desc=name, unit="B", unit_scale=True, leave=False) as bar:
        yield bar.update

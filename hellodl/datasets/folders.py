"""Where data sets lie: the folders that are searched, in order."""

import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from hellodl.datasets.catalogue import CATALOGUE, File, Source
from hellodl.errors import DataError
from hellodl.system.files import kind_at

DECODED = "decoded"  # in the cache folder, beside one for each data set
_PACKAGE = Path(__file__).parents[1]


@dataclass(frozen=True)
class Found:
    """A folder that holds a data set. In a folder of the user's own (`users`) the data may be any."""

    folder: Path
    users: bool

    def path_of(self, file: File) -> Path | None:
        """Where `file` lies here, None if it does not. Raises DataError where we may not look.

        Users may keep it decompressed, or under its old name with a dot before "idx".
        """
        names = [file.name]
        if self.users:
            names += [name.removesuffix(".gz") for name in names]
            names += [name.replace("-idx", ".idx") for name in names]
        try:
            for path in (self.folder / name for name in names):
                with suppress(FileNotFoundError, NotADirectoryError):
                    path.stat()
                    return path
        except (OSError, ValueError) as error:
            problem = getattr(error, "strerror", None) or error
            raise DataError(f"{self.folder}: {problem}, expected a folder that can be read") from error
        return None


def cache_folder() -> Path | None:
    """Where hellodl keeps what it can fetch or make again; None for a user who has no home."""
    import platformdirs

    try:
        return Path(platformdirs.user_cache_dir("hellodl"))
    except RuntimeError:
        return None


def clear_cache() -> int:
    """Remove all that hellodl keeps in the user's cache folder; how many bytes that was.

    What else lies there stays: its place may be set to anywhere. Raises DataError if something cannot be
    removed.
    """
    folder, freed = cache_folder(), 0
    if folder is None:
        return 0
    try:
        for kept in (folder / name for name in (DECODED, *CATALOGUE)):
            if kind_at(kept) in {"folder", "hidden"}:
                freed += sum(path.lstat().st_size for path in kept.rglob("*") if not path.is_dir())
                shutil.rmtree(kept)
        with suppress(OSError):  # it is not there, or not empty
            folder.rmdir()
    except OSError as error:
        raise DataError(f"{error.filename or folder}: cannot be removed: {error.strerror}") from error
    return freed


def shipped_folder() -> Path:
    """The data that comes with hellodl: inside an installed package, beside it in a checkout."""
    inside = _PACKAGE / "data"
    return inside if inside.is_dir() else _PACKAGE.parent / "data"


def candidates(name: str, data_dir: Path | None = None) -> list[Found]:
    """The folders where the data set `name` may lie, best first; with `data_dir`, that one alone."""
    if data_dir is not None:
        return [Found(data_dir / name, users=True), Found(data_dir, users=True)]
    bases = filter(None, (shipped_folder(), cache_folder()))
    shipped_and_cached = [Found(base / name, users=False) for base in bases]
    if from_environment := os.environ.get("HELLODL_DATA"):
        return candidates(name, Path(from_environment)) + shipped_and_cached
    return shipped_and_cached


def destination(name: str, data_dir: Path | None = None) -> Found:
    """The folder that a download of the data set `name` fills. Raises DataError if there is none."""
    first, *others = candidates(name, data_dir)
    if first.users or first.folder.is_dir():
        return first
    if not others:
        raise DataError(f"{name}: no home folder to keep it in; name a folder with --data-dir DIR")
    return others[-1]


def locate(source: Source, split: tuple[File, ...], data_dir: Path | None = None) -> tuple[Path, Path, bool]:
    """Paths of a split's images and labels, and whether they lie in a folder of the user's own.

    Raises DataError if no folder has them, or if the first that has one lacks the other.
    """
    places = candidates(source.name, data_dir)
    found = next((place for place in places if any(map(place.path_of, split))), None)
    advice = f"`hellodl download {source.name}{f' --data-dir {data_dir}' if data_dir else ''}` fetches it"
    if found is None:
        looked = ", ".join(str(place.folder) for place in places)
        raise DataError(f"{source.name}: {split[0].name} is in none of {looked}; {advice}")
    images, labels = map(found.path_of, split)
    if images is None or labels is None:
        missing = split[labels is None]
        raise DataError(f"{found.folder}: {missing.name} is missing, expected images and labels; {advice}")
    return images, labels, found.users

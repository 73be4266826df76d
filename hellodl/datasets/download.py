"""Fetches data sets: mirrors in order, checksums always, and never a half-written file.

Nothing a server says is believed: files are stored under the catalogue's names, take no more bytes than
expected, and get their place in the folder only after their checksum was found right.
"""

import hashlib
import shutil
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from io import BufferedIOBase
from pathlib import Path

from hellodl.datasets import idx
from hellodl.datasets.catalogue import Archive, File, Source
from hellodl.datasets.web import PIECE, MirrorFailure, received
from hellodl.errors import DataError, UsageError
from hellodl.system.files import alone_in, kind_at, replacing, temporary_of

PAUSES = (0.0, 0.5, 2.0)  # seconds before each round through the mirrors
_LARGEST = 2**30  # bytes, for files whose size nobody publishes

# Opens a display for a file's name and size (None: unknown); hands out what to call with the bytes that came.
Progress = Callable[[str, int | None], AbstractContextManager[Callable[[int], object]]]


def no_progress(_name: str, _size: int | None) -> AbstractContextManager[Callable[[int], object]]:
    """The display that shows nothing."""
    return nullcontext(lambda _count: None)


@dataclass(frozen=True)
class Fetched:
    """A file of a data set on disk; `url` is where it came from, None if it was there already."""

    path: Path
    url: str | None = None


@dataclass(frozen=True)
class Downloader:
    """How to download: which mirrors to try before the catalogue's, what to replace, whom to tell.

    `force` fetches files that are there already. `repair` replaces damaged ones without being forced to:
    right for hellodl's own folders, wrong for a user's, where a file of the same name may be other data.
    """

    mirrors: tuple[str, ...] = ()
    force: bool = False
    repair: bool = False
    progress: Progress = no_progress
    notify: Callable[[str], object] = lambda _message: None

    def fetch(self, source: Source, folder: Path) -> tuple[Fetched, ...]:
        """Make `folder` hold the data set's four files, each verified; returns them in the catalogue's order.

        Two downloads into one folder take turns. Raises UsageError for a mirror that is no http(s) address,
        DataError if no mirror delivers, the folder cannot be written, or it holds other data.
        """
        for mirror in self.mirrors:
            if not mirror.lower().startswith(("https://", "http://")):
                raise UsageError(f"mirror {mirror!r} is no address, expected https://… or http://…")
        try:
            with (
                _made(folder),
                alone_in(folder, lambda: self.notify(f"{folder}: waiting for another download to end")),
            ):
                for file in filter(None, (*source.files, source.archive)):
                    temporary_of(folder / file.name).unlink(missing_ok=True)  # a killed download left it
                if source.archive is not None:
                    return self._fetch_archive(source, source.archive, folder)
                return tuple(self._fetch_file(file, source, folder) for file in source.files)
        except OSError as error:
            problem = error.strerror or str(error)
            raise DataError(f"{error.filename or folder}: {problem}, expected a folder to write") from error

    def _fetch_file(self, file: File, source: Source, folder: Path) -> Fetched:
        path = folder / file.name
        if self._may_stay(file, path):
            return Fetched(path)
        urls = [f"{mirror.rstrip('/')}/{file.name}" for mirror in self.mirrors + source.mirrors]
        return Fetched(path, self._try_mirrors(urls, file, path))

    def _fetch_archive(self, source: Source, archive: Archive, folder: Path) -> tuple[Fetched, ...]:
        paths = [folder / file.name for file in source.files]
        good = [self._may_stay(file, path) for file, path in zip(source.files, paths, strict=True)]
        if all(good):
            return tuple(map(Fetched, paths))
        bundle = self._fetch_file(archive, source, folder)
        try:
            with zipfile.ZipFile(bundle.path) as members:
                for path in paths:  # under our own names: the zip file's names and paths are never used
                    with members.open(archive.prefix + path.name) as member, replacing(path) as copy:
                        shutil.copyfileobj(member, copy, PIECE)
        except (zipfile.BadZipFile, KeyError) as error:
            expected = "expected a zip file with the data set's members"
            raise DataError(f"{bundle.path}: {error}, {expected}") from error
        if bundle.url is not None:
            bundle.path.unlink()
        return tuple(Fetched(path, bundle.url or bundle.path.as_uri()) for path in paths)

    def _may_stay(self, file: File, path: Path) -> bool:
        """Whether it is there already, and good. Raises DataError for a file that is not ours to replace."""
        if self.force or not path.exists():
            return False
        if _is_good(path, file):
            return True
        if not self.repair:
            raise DataError(f"{path}: this is not the published file of that name; --force replaces it")
        self.notify(f"{path}: damaged, fetching it again")
        return False

    def _try_mirrors(self, urls: Sequence[str], file: File, path: Path) -> str:
        """Fetch `file` from the first address that delivers; those that failed by chance get more tries."""
        waiting, reasons = list(urls), dict[str, str]()
        for pause in PAUSES:
            time.sleep(pause if waiting else 0)
            for url in list(waiting):
                try:
                    with replacing(path) as temporary:
                        self._receive(url, file, temporary)
                    return url
                except MirrorFailure as failure:
                    if reasons.get(url) != str(failure):
                        self.notify(f"{url}: {failure}")
                    reasons[url] = str(failure)
                    if not failure.by_chance:
                        waiting.remove(url)
        tried = "; ".join(f"{url}: {reason}" for url, reason in reasons.items())
        raise DataError(f"{file.name}: no mirror delivered it ({tried}); try later or give --mirror URL")

    def _receive(self, url: str, file: File, temporary: BufferedIOBase) -> None:
        """Fetch one file from one address and verify it; raises MirrorFailure."""
        limit = file.size or _LARGEST
        with self.progress(file.name, file.size) as advance:
            for piece in received(url):
                temporary.write(piece)
                advance(len(piece))
                if temporary.tell() > limit:
                    raise MirrorFailure(f"sent more than the {limit:,} bytes expected", by_chance=False)
        size = temporary.tell()
        temporary.seek(0)
        if idx.looks_like_page(temporary.read(PIECE)):
            raise MirrorFailure("sent a web page instead of the file", by_chance=False)
        if file.size is not None and size < file.size:
            raise MirrorFailure(f"broke off after {size:,} of {file.size:,} bytes", by_chance=True)
        if file.checksum is None or not _matches(temporary, file.checksum):
            raise MirrorFailure(f"sent other content, expected {file.checksum}", by_chance=False)


@contextmanager
def _made(folder: Path) -> Iterator[None]:
    """Make a folder for what the body puts there; if the body fails and it stays empty, it goes again."""
    new = [path for path in (folder, *folder.parents) if kind_at(path) == "nothing"]
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield
    except BaseException:
        with suppress(OSError):  # not empty: what has arrived is good
            for path in new:
                path.rmdir()
        raise


def _matches(stream: BufferedIOBase, checksum: str) -> bool:
    """Whether the bytes of `stream` have this checksum ("sha256:…" or "md5:…")."""
    algorithm, _, expected = checksum.partition(":")
    stream.seek(0)
    return hashlib.file_digest(stream, algorithm).hexdigest() == expected


def _is_good(path: Path, file: File) -> bool:
    """Whether the file on disk is the published one; without a published checksum, whether it is sound."""
    if file.checksum is not None:
        with path.open("rb") as stream:
            return _matches(stream, file.checksum)
    try:
        idx.read(path, idx.kind_of(file.name))
    except DataError:
        return False
    return True

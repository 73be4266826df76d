"""Pictures read by the workers of a Dask cluster: names go out in groups, lines come back in order."""

from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import chain, islice
from pathlib import Path
from typing import TypeAlias

import click

from hellodl import checkpoint
from hellodl.cli import predict_view
from hellodl.cli.pictures import accepted
from hellodl.errors import DataError, PictureError, UsageError
from hellodl.reading.formats import pictures_at
from hellodl.reading.several import groups, read_group
from hellodl.system.processors import one_blas_thread
from hellodl.tasks.run import in_order

# The model file, whether ink is light, whether lines are JSON.
Job: TypeAlias = tuple[bytes, bool | None, bool]
Groups: TypeAlias = list[list[str]]

GROUPS = 16  # groups a task: 1,024 small pictures or 16 photographs, some tenths of a second or seconds
_AHEAD = 64  # tasks that may wait for an earlier one: 65,536 lines at most
_PATIENCE = 20.0  # seconds for a server to send something
_MOST_BYTES = 1 << 28  # of a picture that is fetched


def read(
    address: str | None, images: Sequence[str], listed: Path | None, model: Path, **how: bool | None
) -> None:
    """Print a line for each picture, in order; the exit code is 5 where one could not be read.

    Paths and URLs have to be readable by the workers; memory stays flat. Raises HellodlError for a cluster
    that cannot be used.
    """
    if address is None:
        raise UsageError("--names: is for many pictures on a --cluster; name a few pictures as they are")
    as_json = bool(how["as_json"])
    names = chain(chain.from_iterable(map(pictures_at, images)), names_in(listed) if listed else ())
    answers = _answers(address, names, (model.read_bytes(), how["invert"], as_json))
    for _name, line in accepted(answers, as_json=as_json):
        click.echo(line)


def names_in(path: Path) -> Iterator[str]:
    """The lines of a file, or of standard input for "-". Raises DataError if it cannot be read."""
    try:
        with click.open_file(str(path), encoding="utf-8", errors="surrogateescape") as lines:
            yield from filter(None, (line.rstrip("\r\n") for line in lines))
    except OSError as error:
        raise DataError(
            f"{path}: cannot be read: {error.strerror or error}; expected names, one a line"
        ) from None


def _answers(address: str, names: Iterable[str], job: Job) -> Generator[tuple[str, str | PictureError]]:
    """Each name with its line, or with why there is none, in order; names are taken as they are needed."""
    from hellodl.tasks.cluster import ClusterWorkers

    under_way: deque[list[str]] = deque()

    def tasks() -> Iterator[Groups]:
        waiting = ([str(name) for name in group] for group in groups(names))
        while task := list(islice(waiting, GROUPS)):
            under_way.append(list(chain(*task)))
            yield task

    with ClusterWorkers(_read_groups, job, address) as workers:
        for done in in_order(workers, tasks(), _AHEAD):
            task = under_way.popleft()
            lost: list[str | PictureError] = [PictureError(f"{name}: {done.lost}") for name in task]
            yield from zip(task, lost if done.lost else done.result, strict=True)


# In a worker ------------------------------------------------------------------------------------------


def _read_groups(job: Job, task: Groups) -> list[str | PictureError]:
    """A line for each picture, or why there is none: the same as where they are read without a cluster."""
    content, invert, as_json = job
    model = _model(content)
    digits = predict_view.names_of(model.classes)
    answers: list[str | PictureError] = []
    for names in task:
        sources = [_fetched(name) for name in names]
        good = [source for source in sources if not isinstance(source, PictureError)]
        readings = iter(read_group([*good], model, invert=invert))
        for name, source in zip(names, sources, strict=True):
            answer = source if isinstance(source, PictureError) else next(readings)
            if isinstance(answer, PictureError):
                answers.append(PictureError(str(answer).replace("bytes:", f"{name}:", 1)))
            else:
                answers.append(predict_view.told(name, answer, digits, as_json=as_json))
    return answers


def _fetched(name: str) -> str | bytes | PictureError:
    """A file's name as it is; of an address, what is there, or why that could not be had."""
    if not name.startswith(("http://", "https://")):
        return name
    import urllib.request

    try:
        with urllib.request.urlopen(name, timeout=_PATIENCE) as answer:  # noqa: S310 - http and https alone
            content: bytes = answer.read(_MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        return PictureError(f"{name}: cannot be fetched: {error}")
    if len(content) > _MOST_BYTES:
        return PictureError(f"{name}: has more than {_MOST_BYTES:,} bytes, expected a picture")
    return content


@lru_cache(maxsize=1)
def _model(content: bytes) -> checkpoint.TrainedNet:
    """The model, kept for the next group."""
    import tempfile

    one_blas_thread()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / checkpoint.DEFAULT_NAME
        path.write_bytes(content)
        return checkpoint.load(path).model()

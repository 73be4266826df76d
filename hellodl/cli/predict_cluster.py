"""Pictures read by the workers of a Dask cluster: names go out in groups, lines come back in order."""

import json
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import chain, islice
from pathlib import Path
from typing import TypeAlias

import click

from hellodl import checkpoint
from hellodl.cli import predict_view
from hellodl.cli.common import Talk
from hellodl.cli.pictures import STDIN, accepted, named
from hellodl.errors import PictureError, UsageError
from hellodl.reading.opening import ADDRESSES, MOST_BYTES
from hellodl.reading.several import groups, read_group
from hellodl.system.processors import one_blas_thread
from hellodl.tasks.run import in_order

# The model file, the folder that paths start from, whether ink is light, whether lines are JSON.
Job: TypeAlias = tuple[bytes, str, bool | None, bool]
Groups: TypeAlias = list[list[str]]

GROUPS = 16  # groups a task: 1,024 small pictures or 16 photographs, some tenths of a second or seconds
_AHEAD = 64  # tasks that may wait for an earlier one: 65,536 lines at most
_PATIENCE = 20.0  # seconds for a server to send something


def sendable(images: Sequence[str], listed: Path | None, *, deep: bool, drawing: bool) -> Iterator[str]:
    """The names meant, as they are needed. Raises UsageError for what workers cannot do, or for none."""
    if drawing:
        raise UsageError("--cluster: its workers draw nothing; leave out --output and --show-steps")
    if STDIN in images:
        raise UsageError("-: standard input is here, not where the workers of --cluster are; name files")
    return named(images, listed, deep=deep)


def read(address: str, pictures: Iterable[str], model: Path, talk: Talk, *, invert: bool | None) -> None:
    """Print a line for each picture, in order; the exit code is 5 where one could not be read.

    Paths and URLs have to be readable by the workers; memory stays flat. Raises HellodlError for a cluster
    that cannot be used.
    """
    answers = _answers(address, pictures, (model.read_bytes(), str(Path.cwd()), invert, talk.as_json))
    for _name, line in accepted(answers, as_json=talk.as_json):
        click.echo(line)


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
    content, folder, invert, as_json = job
    model = _model(content)
    digits = predict_view.names_of(model.classes)
    answers: list[str | PictureError] = []
    for names in task:
        sources = [_fetched(name, folder) for name in names]
        good = [source for source in sources if not isinstance(source, PictureError)]
        readings = iter(read_group([*good], model, invert=invert))
        for name, source in zip(names, sources, strict=True):
            if isinstance(source, PictureError):
                answers.append(source)
            elif isinstance(answer := next(readings), PictureError):
                why = str(answer).removeprefix("bytes" if isinstance(source, bytes) else source)
                answers.append(PictureError(name + why))
            elif as_json:
                answers.append(json.dumps({"file": name} | answer.for_json()))
            else:
                answers.append(predict_view.as_text(name, answer, digits))
    return answers


def _fetched(name: str, folder: str) -> str | bytes | PictureError:
    """The path of a file; of an address, what is there, or why that could not be had."""
    if not name.startswith(ADDRESSES):
        return str(Path(folder, name))
    import urllib.request

    try:
        with urllib.request.urlopen(name, timeout=_PATIENCE) as answer:  # noqa: S310 - http and https alone
            return bytes(answer.read(MOST_BYTES + 1))  # more is refused when it is opened
    except (OSError, ValueError) as error:
        return PictureError(f"{name}: cannot be fetched: {error}")


@lru_cache(maxsize=1)
def _model(content: bytes) -> checkpoint.TrainedNet:
    import tempfile

    one_blas_thread()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / checkpoint.DEFAULT_NAME
        path.write_bytes(content)
        return checkpoint.load(path).model()

"""Reads any number of pictures, in order, in as many threads as pay, with flat memory.

Threads, not processes: what takes long in a picture runs outside Python's lock, what is short is done for
many small pictures in one call, and in one thread: a second would double the time, waiting for that lock. A
picture's time and memory are bounded where it is opened.
"""

import ctypes
import os
import sys
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import replace
from functools import partial
from itertools import chain, islice
from typing import TypeVar

import numpy as np

from hellodl.errors import PictureError
from hellodl.reading.doubt import Model
from hellodl.reading.load import Picture, Source, load_picture
from hellodl.reading.opening import memory
from hellodl.reading.reader import read_all
from hellodl.reading.readings import Reading
from hellodl.system.processors import available_cpus

Answers = list[Reading | PictureError]
T = TypeVar("T")

MOST_THREADS = 4  # more would wait for Python's lock
GROUP, GROUP_BYTES = 64, 256_000  # small pictures are read together, photographs alone
QUICK = 0.002  # seconds a picture: while less is taken, one thread reads; one like MNIST takes a tenth
AHEAD = 2  # groups a thread that wait to be read, or to be taken
AT_ONCE = 2**20  # values of pixels in memory after which pictures are read: small files may hold many
MMAP_THRESHOLD, GIVEN_BACK = -3, 2**22  # of mallopt(3): what is larger is not kept for a thread's next use
READING = 30  # bytes that reading takes for each pixel
NO_PIXELS = np.empty((0, 0), np.uint8)


def read_each(
    sources: Iterable[Source], model: Model, *, invert: bool | None = None, steps: bool = False
) -> Generator[Reading | PictureError]:
    """The reading of each source, in order, or why there is none.

    Without `steps` readings have lost their pixels and ink; with it pictures are read one after the other.
    Sources are taken as they are needed, in this thread. To stop early close the generator: it waits for no
    picture. Other errors than PictureError are raised. Probabilities may differ by 1e-6 from those of a
    picture read alone: a product with more rows adds up in another order.
    """
    waiting = ([source] for source in sources) if steps else groups(sources)
    first = list(islice(waiting, 2))
    read = partial(read_group, model=model, invert=invert, steps=steps)
    alone = len(first) < 2 or steps or available_cpus() == 1
    waiting = chain(first, waiting)
    for group in waiting:
        started = time.perf_counter()
        answers = read(group)
        seconds = time.perf_counter() - started
        yield from answers
        if not alone and seconds > QUICK * len(group):
            yield from _in_threads(read, waiting)


def _in_threads(
    read: Callable[[list[Source]], Answers], waiting: Iterator[list[Source]]
) -> Generator[Reading | PictureError]:
    """What `read` says of each group, in order; a few groups are read ahead of what is asked for."""
    from concurrent.futures import Future, ThreadPoolExecutor

    if sys.platform == "linux":  # else each thread's heap keeps some 40 MB
        getattr(ctypes.CDLL(None), "mallopt", lambda *_: 0)(MMAP_THRESHOLD, GIVEN_BACK)
    threads = min(available_cpus(), MOST_THREADS)
    pool = ThreadPoolExecutor(threads, "hellodl-reading")
    under_way: deque[Future[Answers]] = deque()
    try:
        while True:
            room = threads * AHEAD - len(under_way)
            under_way += [pool.submit(read, group) for group in islice(waiting, room)]
            if not under_way:
                return
            yield from under_way.popleft().result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def groups(sources: Iterable[Source]) -> Iterator[list[Source]]:
    """Sources in groups of about equal work, as far as the sizes of files tell."""
    return _batches(sources, _bytes_of, GROUP_BYTES)


def _batches(items: Iterable[T], size_of: Callable[[T], int], most: int) -> Iterator[list[T]]:
    """At most GROUP items at a time, fewer as soon as their sizes add up to more than `most`."""
    batch: list[T] = []
    size = 0
    for item in items:
        batch.append(item)
        size += size_of(item)
        if len(batch) == GROUP or size > most:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _bytes_of(source: Source) -> int:
    """The size of a file or of bytes; of what has no size, enough to be read alone."""
    if isinstance(source, (str, os.PathLike)):
        try:
            return os.stat(source).st_size  # noqa: PTH116 - a Path would take longer to make than to ask
        except (OSError, ValueError):
            return 0
    return len(source) if isinstance(source, (bytes, bytearray)) else GROUP_BYTES + 1


def read_group(group: list[Source], model: Model, *, invert: bool | None, steps: bool = False) -> Answers:
    """The readings of a group, or why there are none; see `read_each`."""
    answers: Answers = []
    for loaded in _batches(map(_loaded, group), lambda one: getattr(one, "pixels", NO_PIXELS).size, AT_ONCE):
        pictures = [picture for picture in loaded if isinstance(picture, Picture)]
        with memory(READING * sum(picture.height * picture.width for picture in pictures)):
            read = iter(read_all(pictures, model, invert=invert))
        readings = read if steps else map(_without_pixels, read)
        answers += [picture if isinstance(picture, PictureError) else next(readings) for picture in loaded]
    return answers


def _loaded(source: Source) -> Picture | PictureError:
    try:
        return load_picture(source)
    except PictureError as error:
        return error


def _without_pixels(reading: Reading) -> Reading:
    """What is left of a reading that waits for its turn among many."""
    return replace(reading, picture=replace(reading.picture, pixels=NO_PIXELS), ink=None)

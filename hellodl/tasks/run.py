"""Hands out tasks to workers, a few at a time, and hands back what they give: as it comes, or in order."""

from collections.abc import Callable, Generator, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

Work: TypeAlias = Callable[[Any, Any], Any]
"""What is done: a function, known by its name in its module, of what all tasks share and of one task."""


@dataclass(frozen=True)
class Done:
    """The end of a task: which one (from 0), and its result; or else why there is none."""

    index: int
    result: Any = None
    lost: str = ""


class Workers(AbstractContextManager["Workers"], Protocol):
    """Who does the work, until the end of the `with` block."""

    def has_room(self) -> bool:
        """Whether another task would be begun soon."""

    def begin(self, index: int, task: Any) -> None:
        """Take on a task."""

    def next_done(self) -> Done:
        """Wait for the end of one of the tasks under way. Raises what the work raised."""


def as_done(workers: Workers, tasks: Iterable[Any], ahead: int) -> Generator[Done]:
    """The ends of all tasks, as they come; none begins `ahead` or more places after the oldest unfinished."""
    coming = enumerate(tasks)
    first = next(coming, None)
    under_way: set[int] = set()
    while first or under_way:
        while first and workers.has_room() and first[0] < min(under_way, default=first[0]) + ahead:
            workers.begin(*first)
            under_way.add(first[0])
            first = next(coming, None)
        done = workers.next_done()
        under_way.remove(done.index)
        yield done


def in_order(workers: Workers, tasks: Iterable[Any], ahead: int) -> Generator[Done]:
    """The ends of all tasks in the tasks' order; at most `ahead` wait for an earlier one's."""
    waiting: dict[int, Done] = {}
    index = 0
    for done in as_done(workers, tasks, ahead):
        waiting[done.index] = done
        while index in waiting:
            yield waiting.pop(index)
            index += 1

"""A whole sweep: which trainings are still to be done, who does them, and what came out so far."""

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hellodl.errors import UsageError
from hellodl.sweep.grid import MOST_RUNS, Point
from hellodl.sweep.ranking import Row, row_of
from hellodl.sweep.trial import Trial, journal, key_of, load_data, run_trial
from hellodl.tasks.run import Work, Workers, as_done

Hire = Callable[[Work, object], Workers]


@dataclass(frozen=True)
class Sweep:
    """What is compared: combinations of settings, each with every seed; and where the results are kept."""

    points: list[Point]
    seeds: range
    output: Path
    data_dir: Path | None = None

    @property
    def trainings(self) -> int:
        """How many there are in all."""
        return len(self.points) * len(self.seeds)

    @property
    def sources(self) -> set[tuple[str, str]]:
        """What is learned from: a data set, and a folder beside it or none."""
        return {(point.settings.dataset, point.settings.also) for point in self.points}


class Standing:
    """How a sweep stands: the trainings that are done, of this time and of earlier ones."""

    def __init__(self, sweep: Sweep, data: dict[tuple[str, str], str], held: dict[str, Trial]) -> None:
        self.sweep, self._data, self._trials = sweep, data, held
        # A seed after the other: who stops half-way has compared them all with fewer seeds.
        told = [point.told(seed) for seed in sweep.seeds for point in sweep.points]
        self.missing = [settings for settings in told if self._key(settings) not in held]
        self.done = sweep.trainings - len(self.missing)  # trainings that have ended

    def add(self, trial: Trial) -> None:
        """Another training has ended."""
        self._trials[key_of(trial.settings, trial.data)] = trial
        self.done += 1

    def rows(self) -> list[Row]:
        """A row for each combination that has trials, the best first; those with failures come last."""
        rows = []
        for point in self.sweep.points:
            keys = [self._key(point.told(seed)) for seed in self.sweep.seeds]
            if found := [self._trials[key] for key in keys if key in self._trials]:
                rows.append(row_of(point, found))
        return sorted(rows, key=lambda row: (len(row.failed), -(row.mean or 0)))

    def data_of(self, settings: dict[str, Any]) -> str:
        """The SHA-256 of what a training learns from."""
        return self._data[settings["dataset"], settings["also"]]

    def _key(self, settings: dict[str, Any]) -> str:
        return key_of(settings, self.data_of(settings))


@contextmanager
def sweeping(sweep: Sweep, hire: Hire) -> Iterator[tuple[Standing, Generator[Trial]]]:
    """How a sweep stands, and the trainings that are still missing, each as it ends and is written down.

    `hire` gets the work and what all of it shares and returns the workers. Raises DataError if a data set is
    not here, UsageError if nothing is held out to compare by, or if the file holds something else.
    """
    if any(point.settings.validation == 0 for point in sweep.points):
        raise UsageError("--validation: is 0, but a sweep compares by images held out")
    if sweep.trainings > MOST_RUNS:
        raise UsageError(f"these are {sweep.trainings:,} trainings, expected at most {MOST_RUNS:,}")
    data_dir = None if sweep.data_dir is None else str(sweep.data_dir.resolve())
    data = {source: load_data(*source, data_dir).sha256 for source in sweep.sources}
    with journal(sweep.output) as (held, write):
        standing = Standing(sweep, data, held)

        def trials() -> Generator[Trial]:
            if not standing.missing:
                return
            with hire(run_trial, data_dir) as workers:
                for done in as_done(workers, standing.missing, len(standing.missing)):
                    if done.lost:  # not written: it is tried again next time
                        settings = standing.missing[done.index]
                        trial = Trial(settings, standing.data_of(settings), error=done.lost)
                    else:
                        trial = Trial(**done.result)
                        write(trial)
                    standing.add(trial)
                    yield trial

        yield standing, trials()

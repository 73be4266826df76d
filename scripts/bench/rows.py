"""The rows that bench.py can measure, each a function from a Bench to lines of the table."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

HERE = Path(__file__).resolve().parent
MNIST = HERE.parents[1] / "data" / "mnist"
SCRIPT = Path(sys.executable).with_name("hellodl")
HELLODL = [str(SCRIPT)] if SCRIPT.exists() else [sys.executable, "-m", "hellodl"]
ONE_CPU = "os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])"
ON_ONE_CPU = [sys.executable, "-c", f"import os, sys; {ONE_CPU}; os.execvp(sys.argv[1], sys.argv[1:])"]

# The peers' recipe; hill has the plainest values for all that is not named.
RECIPE = "--preset hill --lr 0.05 --momentum 0.9 --schedule linear --warmup 0.0855"
BATCH_SIZES = (16, 32, 64, 128, 256, 512, 1024)
SET_SIZES = (6_000, 12_000, 30_000, 60_000)
NOISE = 1.05  # how much dearer an image may seem by chance


class FailedError(Exception):
    """A program that was to be measured ended with an error."""


@dataclass(frozen=True)
class Limit:
    """What a number is to reach: at least or at most a bound."""

    sign: str
    bound: float

    def holds(self, value: float) -> bool:
        """Whether a number is within it."""
        return value >= self.bound if self.sign == "≥" else value <= self.bound


@dataclass(frozen=True)
class Result:
    """One line of the table; None and "" where nothing is compared, aimed at or measured."""

    row: str
    command: str
    unit: str = ""
    ours: float | None = None
    against: str = ""
    theirs: float | None = None
    ratio: float | None = None
    target: str = ""
    met: bool | None = None
    note: str = ""


def absolute(row: str, command: str, unit: str, ours: float, limit: Limit, note: str = "") -> Result:
    """A number of ours and its limit."""
    target = f"{limit.sign} {limit.bound:g} {unit}"
    return Result(row, command, unit, ours, target=target, met=limit.holds(ours), note=note)


def relative(
    row: str, command: str, unit: str, medians: list[float], against: str, limit: Limit | None
) -> Result:
    """Ours and theirs, and the limit of their ratio."""
    ours, theirs = medians
    ratio = ours / theirs
    target, met = (f"{limit.sign} {limit.bound:g} ×", limit.holds(ratio)) if limit else ("", None)
    return Result(row, command, unit, ours, against, theirs, ratio, target, met)


@dataclass(frozen=True)
class Bench:
    """How to measure: how often, with which peers, and which Python has a peer's module."""

    rounds: int
    seeds: int
    peers: Path
    pythons: dict[str, str]

    def in_turns(self, *measures: Callable[[], float]) -> list[float]:
        """The median of each measure, taken in turns; a first round warms up and is not counted."""
        taken = [[measure() for measure in measures] for _ in range(self.rounds + 1)]
        return [median(column) for column in zip(*taken[1:], strict=True)]

    def python(self, module: str) -> str:
        """The Python that is to have a module."""
        return self.pythons.get(module, sys.executable)

    def version(self, module: str) -> str | None:
        """The version of a peer's module, None if it is not installed."""
        code = f"import importlib.metadata as m; print(m.version({module!r}))"
        try:
            return run([self.python(module), "-c", code]).output.strip()
        except FailedError:
            return None

    def probe(self, name: str, argument: str) -> dict[str, float]:
        """What a probe of probes.py prints."""
        probe = [sys.executable, str(HERE / "probes.py"), name, argument]
        found: dict[str, float] = json.loads(run([*probe, "--rounds", str(self.rounds)]).output)
        return found


# Running programs ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ended:
    """A program that has ended: what it printed, and what it took."""

    output: str
    seconds: float
    peak_bytes: int


def run(command: list[str], **environment: str) -> Ended:
    """Run a program to its end, its output going to a pipe. Raises FailedError."""
    with tempfile.TemporaryFile("w+") as complaints:
        started = time.perf_counter()
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=complaints, text=True, env=os.environ | environment
        )
        with process:
            output = process.stdout.read() if process.stdout else ""
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - started
            process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            complaints.seek(0)
            last = (complaints.read().splitlines() or ["no message"])[-1]
            raise FailedError(f"{shlex.join(command)}: exit code {process.returncode}: {last}")
    return Ended(output, seconds, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024))


def peak_bytes() -> float:
    """The most that `hellodl train` and its second process hold together, what they share counted once.

    Looked at every 5 ms, where Linux tells; elsewhere what the first process holds.
    """
    command = [*HELLODL, "train", "--force"]
    if not Path("/proc/self/smaps_rollup").exists():
        return run(command).peak_bytes
    most = 0
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None:
            most = max(most, held_by(process.pid))
            time.sleep(0.005)
    return most


def held_by(pid: int) -> int:
    """Bytes that a process and its children hold; pages that several share count as a share of each."""
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    except OSError:  # it has ended
        return 0
    found = re.search(r"^Pss: +(\d+) kB", rollup, re.MULTILINE)
    return 1024 * int(found[1] if found else 0) + sum(held_by(int(child)) for child in children)


def lasting(*command: str) -> Callable[[], float]:
    """A measure of how long a program takes, from its start to its end."""
    return lambda: run([*command]).seconds


def trained(*options: str, before: Iterable[str] = ()) -> list[dict[str, Any]]:
    """What `hellodl train --json` prints."""
    output = run([*before, *HELLODL, "train", "--json", *options]).output
    return [json.loads(line) for line in output.splitlines()]


def epoch(*options: str, batch: int = 128, epochs: int = 5, before: Iterable[str] = ()) -> float:
    """Seconds of an epoch of plain training, the median of a run's."""
    sizes = ["--batch-size", str(batch), "--epochs", str(epochs)]
    records = trained(*RECIPE.split(), "--validation", "0", *sizes, *options, before=before)
    return median(float(record["seconds"]) for record in records if record["event"] == "epoch")


def peer_epoch(python: str, script: Path) -> float:
    """Seconds of an epoch, as a peer prints it."""
    line = run([python, str(script)], MNIST_DIR=str(MNIST)).output
    found = re.search(r"epoch ([\d.]+)s", line)
    if found is None:
        raise FailedError(f"{script}: printed {line!r}, expected its epoch in seconds")
    return float(found[1])


@contextmanager
def busy_processes() -> Iterator[None]:
    """Inside, one process a processor does nothing, as hard as it can."""
    crowd = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(cpus())]
    try:
        yield
    finally:
        for process in crowd:
            process.kill()
            process.wait()


def cpus() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


# Rows ---------------------------------------------------------------------------------------------------


def epoch_against(row: str, module: str, script: str, limit: Limit, bench: Bench) -> list[Result]:
    """An epoch of plain training at batch 128, ours and a peer's."""
    command = "hellodl train --batch-size 128 --validation 0 … (an epoch)"
    if bench.version(module) is None:
        return [Result(row, command, "s", against=script, note="not installed")]
    medians = bench.in_turns(epoch, lambda: peer_epoch(bench.python(module), bench.peers / script))
    return [relative(row, command, "s", medians, script, limit)]


def started_against(row: str, options: str, module: str, limit: Limit, bench: Bench) -> list[Result]:
    """A whole command, from cold start to end, and the import of a module."""
    command, against = f"hellodl {options}", f"import {module}"
    if bench.version(module) is None:
        return [Result(row, command, "s", against=against, note="not installed")]
    medians = bench.in_turns(
        lasting(*HELLODL, *options.split()), lasting(bench.python(module), "-c", against)
    )
    return [relative(row, command, "s", medians, against, limit)]


def predict(bench: Bench) -> list[Result]:
    """Reading one picture of a digit with a model trained here."""
    bench.probe("digit", "digit.png")
    run([*HELLODL, "train", "--epochs", "1", "--force"])
    return started_against("predict", "predict digit.png", "torch", Limit("≤", 0.35), bench)


def rate(row: str, batch: str, least: float, bench: Bench) -> list[Result]:
    """The arithmetic rate of training steps and of a matrix product."""
    found = bench.probe("rate", batch)
    medians = [found["ours"] / 1e9, found["theirs"] / 1e9]
    command = f"training steps, batch {found['batch']}, threads: {found['threads']}"
    return [relative(row, command, "GFLOP/s", medians, "2048³ float32 product", Limit("≥", least))]


def accuracy(bench: Bench) -> list[Result]:
    """The test accuracy of many seeds: the median and the worst."""
    if not bench.seeds:
        return []
    runs = [trained("--seed", str(seed))[-1] for seed in range(bench.seeds)]
    found = [100 * run["test_accuracy"] for run in runs]
    note = f"seeds 0 to {bench.seeds - 1}: " + " ".join(f"{value:.2f}" for value in found)
    command = f"hellodl train --seed N, {bench.seeds} seeds: "
    return [
        absolute("accuracy", command + "median", "%", median(found), Limit("≥", 98.2), note),
        absolute("accuracy", command + "worst", "%", min(found), Limit("≥", 98.0)),
    ]


def memory(bench: Bench) -> list[Result]:
    """The most memory that the whole command holds."""
    (peak,) = bench.in_turns(peak_bytes)
    return [absolute("memory", "hellodl train (peak memory)", "MB", peak / 1e6, Limit("≤", 170))]


def allocation(bench: Bench) -> list[Result]:
    """The most memory that a training step takes and gives back."""
    found = [bench.probe("allocation", batch) for batch in ("fast", "128")]
    return [
        absolute("allocation", f"training step, batch {f['batch']}", "KB", f["ours"] / 1e3, Limit("≤", 20))
        for f in found
    ]


def busy(bench: Bench) -> list[Result]:
    """An epoch beside other work, and in quiet."""

    def beside() -> float:
        with busy_processes():
            return epoch()

    medians = bench.in_turns(beside, epoch)
    command = f"an epoch beside {cpus()} busy processes"
    return [relative("busy", command, "s", medians, "in quiet", Limit("≤", 1.6))]


def one_cpu(bench: Bench) -> list[Result]:
    """An epoch on one processor of many, with threads chosen for us and with one thread."""
    if not hasattr(os, "sched_setaffinity"):
        return [Result("one-cpu", "an epoch on 1 CPU", "s", note="this system cannot restrict a process")]
    medians = bench.in_turns(
        *(partial(epoch, "--threads", threads, before=ON_ONE_CPU) for threads in ("auto", "1"))
    )
    command = "an epoch on 1 CPU, --threads auto"
    return [relative("one-cpu", command, "s", medians, "--threads 1", Limit("≤", 1.2))]


def evaluate(bench: Bench) -> list[Result]:
    """Reading the test set."""
    run([*HELLODL, "train", "--epochs", "1", "--force"])
    found = bench.probe("evaluation", "hellodl.safetensors")
    ours, theirs = found["ours"], found["theirs"]
    command, against = "model.predict(10,000 images)", "2048³ float32 product"
    return [relative("evaluate", command, "images/s", [ours, theirs], against, Limit("≥", 0.6))]


def batch_sizes(bench: Bench) -> list[Result]:
    """An epoch of 60,000 images in batches of different sizes."""
    medians = bench.in_turns(*(partial(epoch, batch=size, epochs=3) for size in BATCH_SIZES))
    at_128 = medians[BATCH_SIZES.index(128)]
    return [
        relative("batch-size", f"an epoch at batch {size}", "s", [ours, at_128], "batch 128", None)
        for size, ours in zip(BATCH_SIZES, medians, strict=True)
    ]


def set_sizes(bench: Bench) -> list[Result]:
    """What an image costs in training sets of different sizes: never more than in the next smaller one."""
    for size in SET_SIZES:
        bench.probe("subset", str(size))
    medians = bench.in_turns(
        *(partial(epoch, "--data-dir", str(size), epochs=300_000 // size) for size in SET_SIZES)
    )
    costs = [1e6 * s / (size // 128 * 128) for s, size in zip(medians, SET_SIZES, strict=True)]
    return [
        relative(
            "set-size",
            f"an epoch of {size:,} images: {seconds:.3f} s",
            "µs/image",
            [costs[i], costs[max(i - 1, 0)]],
            f"{SET_SIZES[max(i - 1, 0)]:,} images",
            Limit("≤", NOISE) if i else None,
        )
        for i, (size, seconds) in enumerate(zip(SET_SIZES, medians, strict=True))
    ]


ROWS: dict[str, Callable[[Bench], list[Result]]] = {
    "epoch-torch": partial(epoch_against, "epoch-torch", "torch", "torch_eager.py", Limit("≤", 0.30)),
    "epoch-jax": partial(epoch_against, "epoch-jax", "jax", "jax_scan.py", Limit("≤", 0.65)),
    "epoch-numpy": partial(epoch_against, "epoch-numpy", "numpy", "numpy_plain.py", Limit("≤", 0.55)),
    "rate-128": partial(rate, "rate-128", "128", 0.48),
    "rate-256": partial(rate, "rate-256", "256", 0.58),
    "rate-512": partial(rate, "rate-512", "512", 0.58),
    "command": partial(started_against, "command", "train", "torch", Limit("≤", 0.65)),
    "accuracy": accuracy,
    "predict": predict,
    "help": partial(started_against, "help", "--help", "numpy", Limit("≤", 1.3)),
    "memory": memory,
    "allocation": allocation,
    "busy": busy,
    "one-cpu": one_cpu,
    "evaluate": evaluate,
    "batch-size": batch_sizes,
    "set-size": set_sizes,
}

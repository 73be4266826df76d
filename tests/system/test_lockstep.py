import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from hellodl.errors import HellodlError
from hellodl.system import lockstep
from hellodl.system.lockstep import AHEAD, Relay, beside, in_lockstep, shared_zeros

pytestmark = pytest.mark.skipif(lockstep.PROCESSES == 1, reason="no second process on this system")


def test_two_processes_take_turns_on_an_array_they_share():
    """Each adds to what the other has just written, 3,000 times: no step is lost, done twice or too early."""
    numbers = shared_zeros(2, np.int64)

    def other(meet):
        while True:
            meet()
            numbers[1] = numbers[0] + 1
            meet()

    with in_lockstep(other) as meet:
        for step in range(3000):
            assert numbers.tolist() == [2 * step - (step > 0), 2 * step]
            numbers[0] = numbers[1] + 1
            meet()
            meet()
            assert numbers.tolist() == [2 * step + 1, 2 * step + 2]


def test_the_second_process_ends_with_the_body():
    pids = shared_zeros(1, np.int64)

    def other(meet):
        pids[0] = os.getpid()
        meet()
        meet()  # never

    with in_lockstep(other) as meet:
        meet()
        os.kill(int(pids[0]), 0)  # is there
    with pytest.raises(ProcessLookupError):
        os.kill(int(pids[0]), 0)


def test_a_second_process_that_dies_is_noticed(monkeypatch):
    """Not waited for until the end of time."""
    monkeypatch.setattr(lockstep, "CHECK_EVERY", 0.01)
    with (
        pytest.raises(HellodlError, match="process that helped was ended; --threads 1"),
        in_lockstep(lambda _meet: os.kill(os.getpid(), signal.SIGKILL)) as meet,
    ):
        meet()


def test_a_second_process_that_stands_still_is_waited_for(monkeypatch):
    """Stopped by a debugger, a laptop's lid or a scheduler, it is not dead: the work goes on where it was."""
    monkeypatch.setattr(lockstep, "CHECK_EVERY", 0.01)  # looked at some fifty times meanwhile
    numbers = shared_zeros(2, np.int64)

    def other(meet):
        numbers[0] = os.getpid()
        meet()
        meet()
        numbers[1] = 42
        meet()

    with in_lockstep(other) as meet:
        meet()
        os.kill(int(numbers[0]), signal.SIGSTOP)
        threading.Timer(0.5, os.kill, (int(numbers[0]), signal.SIGCONT)).start()
        meet()
        meet()
        assert numbers[1] == 42


def test_where_nobody_hears_of_ended_processes_the_body_still_ends():
    """Some supervisors start programs with SIGCHLD ignored: then there is nothing to wait for."""
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        with in_lockstep(lambda meet: meet()) as meet:
            meet()
        with (
            pytest.raises(HellodlError, match="process that helped was ended"),
            in_lockstep(lambda _meet: os.kill(os.getpid(), signal.SIGKILL)) as meet,
        ):
            meet()
    finally:
        signal.signal(signal.SIGCHLD, before)


def test_where_no_process_is_to_be_had_the_body_does_not_begin(monkeypatch):
    def refuse():
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(lockstep.os, "fork", refuse)
    with pytest.raises(BlockingIOError), in_lockstep(pytest.fail):
        pytest.fail("the body began")


def test_arrays_come_in_the_order_in_which_they_were_filled():
    """A thousand, through four places: none is lost, taken twice, or changed while it is read."""
    relay = Relay((2, 3), np.int64)

    def other(check):
        for number in range(200):
            relay.fill(number, lambda array, number=number: array.fill(number), check)

    with beside(other) as check:
        for number in range(200):
            relay.take(
                number, lambda array, number=number: np.testing.assert_array_equal(array, number), check
            )


def test_no_more_is_filled_than_there_is_room_for():
    relay, filled = Relay((1,), np.int64), shared_zeros(1, np.int64)

    def count(array):
        filled[0] += 1
        array[0] = filled[0]

    def other(check):
        for number in range(1000):
            relay.fill(number, count, check)

    with beside(other) as check:
        for taken in range(1, 200):
            relay.take(
                taken - 1, lambda array, taken=taken: np.testing.assert_array_equal(array, taken), check
            )
            assert filled[0] <= taken + AHEAD


def test_who_waits_for_an_array_notices_that_nobody_fills_it(monkeypatch):
    monkeypatch.setattr(lockstep, "CHECK_EVERY", 0.01)
    relay = Relay((1,), np.int64)
    with (
        pytest.raises(HellodlError, match="process that helped was ended; --threads 1"),
        beside(lambda _check: os.kill(os.getpid(), signal.SIGKILL)) as check,
    ):
        relay.take(0, pytest.fail, check)


STORY = """
import os, sys, time
from hellodl.system.lockstep import in_lockstep

def other(meet):
    meet()
    meet()

held = open(sys.argv[1], "w")
with in_lockstep(other) as meet:
    meet()
    os.write(1, b"met\\n")
    time.sleep(60)
"""


def test_a_killed_process_leaves_nothing_behind(tmp_path):
    """Its second process holds no pipe open after it, ignores what a terminal sends, and ends by itself."""
    command = [sys.executable, "-c", STORY, str(tmp_path / "held")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdout.readline() == b"met\n"
        (child,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        assert list(Path(f"/proc/{child}/fd").iterdir()) == []
        os.kill(int(child), signal.SIGINT)
        os.kill(int(child), signal.SIGTERM)
        process.kill()
        started = time.monotonic()
        assert process.stdout.read() == b""
    while Path(f"/proc/{child}/cmdline").exists() and Path(f"/proc/{child}/cmdline").read_bytes():
        assert time.monotonic() < started + 120
        time.sleep(0.05)

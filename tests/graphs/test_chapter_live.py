"""The chapter, live, is the chapter; the course's files are there, and its exercises have their answers."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys

import pytest
from click.testing import CliRunner

from hellodl.cli.chapter import chapter
from hellodl.cli.main import COMMANDS
from hellodl.errors import HellodlError
from hellodl.graphs import chapter as lesson
from hellodl.graphs.chapter import SECTIONS, course, walk

EXERCISES = re.findall(r"^ +`hellodl (.+)` # (.+)$", course(), re.MULTILINE)


@pytest.fixture(scope="module")
def sections():
    return list(walk())


def test_every_number_of_the_chapter_is_there(sections):
    """What the chapter prints, the size of its drawing, the network's weights."""
    shown = [line for section in sections for line in section.shown]
    numbers = {"y = 33.0", "dy/dx = 40.0", "dy/dz = 2.0", "nodes = 13", "edges = 16", "weights = 109184"}
    assert numbers <= set(shown)
    shown = "\n".join(shown)
    assert "not computed yet" in shown
    assert "+12  │  └─ x=2" in re.sub(r"(│  )+", "│  ", shown)


def test_what_differs_from_the_chapter_stops_the_lesson(monkeypatch):
    """A wrong sum is found, and the error says which number it is."""
    monkeypatch.setattr(lesson, "grad", lambda y, *xs: (0, 3) if len(xs) > 1 else 0)
    with pytest.raises(HellodlError, match="but the chapter says"):
        list(walk())


def test_the_command_tells_every_section_with_its_code(sections, monkeypatch):
    """Title, text, code and results; with --json an object a section."""
    monkeypatch.setattr(lesson, "walk", lambda: iter(sections))
    output = CliRunner().invoke(chapter, catch_exceptions=False).stdout
    for section in sections:
        assert section.title in output
        assert section.code.splitlines()[0] in output
        assert all(line in output for line in section.shown)
        assert "Same" not in section.code
    records = CliRunner().invoke(chapter, ["--json"], catch_exceptions=False).stdout.splitlines()
    assert [json.loads(line)["title"] for line in records] == [section.title for section in sections]
    assert len(records) == len(SECTIONS)


def test_the_course_names_files_that_are_there_with_minutes():
    """A core that is read in an hour and a half; commands that exist."""
    minutes = [int(m) for m in re.findall(r"^\| `\S+\.py` \| (\d+) min \|", course(), re.MULTILINE)]
    assert len(minutes) == len(re.findall(r"`\S+\.py`", course())) == 12
    assert all(minute <= 45 for minute in minutes)
    assert "a course through hellodl" in CliRunner().invoke(chapter, ["--course"]).stdout.lower()
    assert len(EXERCISES) == 10
    assert {command.split()[0] for command, _ in EXERCISES} <= set(COMMANDS)


@pytest.mark.slow
def test_the_exercises_have_their_answers(tmp_path):
    """Typed one after the other in an empty folder, each shows what is written beside it."""
    for command, answer in EXERCISES:
        done = subprocess.run(
            [sys.executable, "-m", "hellodl", *shlex.split(command)],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )
        assert done.returncode == 0, (command, done.stderr)
        assert answer in " ".join((done.stdout + done.stderr).split()), command

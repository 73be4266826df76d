"""The chapter, live, is the chapter; the course's files are there, and its exercises have their answers."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

import hellodl
from hellodl import Tensor
from hellodl.cli.chapter import chapter
from hellodl.cli.main import COMMANDS, cli
from hellodl.errors import HellodlError
from hellodl.graphs.chapter import course, walk

EXERCISES = re.findall(r"^ {4}`hellodl (.+)`\nLook for: (.+)$", course(), re.MULTILINE)


@pytest.fixture(scope="module")
def sections():
    return list(walk())


def test_every_number_of_the_chapter_is_there(sections):
    """What the chapter prints, the size of its drawing, the network's weights."""
    shown = [line for section in sections for line in section.shown]
    assert {"33.0", "40.0 2.0", "(13, 16)", "109184", "202", "[40.0, 36.0, 18.0]"} <= set(shown)
    shown = "\n".join(shown)
    assert "not computed yet" in shown
    assert "+12  │ └ x=2" in re.sub(r"(│ )+", "│ ", shown)


def test_what_differs_from_the_chapter_stops_the_lesson(monkeypatch):
    """A wrong gradient is found, and the error says which one it is."""
    monkeypatch.setattr("hellodl.grad", lambda y, *xs: Tensor([0.5, 0.0, 0.3]), raising=False)
    with pytest.raises(HellodlError, match=r"\(p \* w\).* is \[.*, but the chapter says \[0.5, 0.0, 0.25\]"):
        list(walk())
    monkeypatch.setattr("hellodl.nn.DigitNet", None)
    with pytest.raises(TypeError):
        list(walk())


def test_the_command_tells_every_section_with_its_code(sections):
    """Title, text, code and results; with --json an object a section."""
    output = "".join(CliRunner().invoke(chapter, catch_exceptions=False).stdout.split())
    for section in sections:
        for words in (section.title, *section.code.splitlines(), *section.shown):
            assert "".join(words.split()) in output
    records = CliRunner().invoke(chapter, ["--json"], catch_exceptions=False).stdout.splitlines()
    assert [json.loads(line)["title"] for line in records] == [section.title for section in sections]
    assert len(records) == 9


def test_the_course_names_files_that_are_there_with_minutes():
    """A core that is read in an hour and a half, and where it is; commands that exist, each in one line."""
    minutes = [int(m) for m in re.findall(r"^\| `\S+\.py` \| (\d+) min \|", course(), re.MULTILINE)]
    assert len(minutes) == len(re.findall(r"^\| `\S+\.py`", course(), re.MULTILINE)) == 13
    assert all(minute <= 45 for minute in minutes)
    assert "a course through hellodl" in CliRunner().invoke(chapter, ["--course"]).stdout.lower()
    assert str(Path(hellodl.__file__).parent) in course()
    assert len(EXERCISES) == 10
    assert {command.split()[0] for command, _ in EXERCISES} <= set(COMMANDS)


def test_what_is_to_be_copied_is_not_broken():
    """Commands and code, at any width."""
    told = "".join(CliRunner().invoke(chapter, words).stdout for words in ([], ["--course"]))
    lines = {line.strip() for line in told.splitlines()}
    assert {f"hellodl {command}" for command, _ in EXERCISES} <= lines
    assert {
        line for section in walk() for line in section.text.splitlines() if line.startswith(">>>")
    } <= lines


@pytest.mark.slow
def test_the_exercises_have_their_answers(tmp_path, monkeypatch):
    """Typed one after the other in an empty folder, each shows what is written below it."""
    monkeypatch.chdir(tmp_path)
    for command, answer in EXERCISES:
        done = CliRunner().invoke(cli, shlex.split(command), catch_exceptions=False)
        assert done.exit_code == 0, (command, done.output)
        told = " ".join(done.output.split())
        for words in re.findall("`(.+?)`", answer):
            assert words in told, command

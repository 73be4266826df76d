"""What a person reads who asks for help or mistypes, and what a shell completes."""

import os
import shlex
import sys
from pathlib import Path

import click
import pytest
import tiny
from click.testing import CliRunner

from hellodl.cli import words
from hellodl.cli.common import Command
from hellodl.cli.main import COMMANDS, cli


def command_of(name):
    return cli.get_command(click.Context(cli), name) if name else cli


def help_of(name, width=80):
    done = CliRunner().invoke(cli, [*name.split(), "--help"], prog_name="hellodl", terminal_width=width)
    assert done.exit_code == 0
    return done.stdout


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_help_fits_the_terminal_and_says_all(name, width):
    """No line is too long, none shows markup, and each option is there with its words."""
    text = help_of(name, width)
    assert max(map(len, text.splitlines())) <= width
    assert not {"\\b", "\b", "``", "..."} & {text[i : i + n] for i in range(len(text)) for n in (1, 2, 3)} - {
        "..."
    }
    flat = " ".join(text.split())
    for option in command_of(name).params:
        if isinstance(option, click.Option):
            assert all(flag in flat for flag in option.opts), option
            assert " ".join(option.help.split()) in flat, option


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_examples_in_help_are_commands_that_exist(name):
    command = command_of(name)
    assert isinstance(command, Command)
    assert command.examples, "no examples"
    for line, what in command.examples:
        asked, *rest = shlex.split(line)
        assert what
        assert name in ("", asked)
        flags = {flag for p in command_of(asked).params for flag in (*p.opts, *p.secondary_opts)}
        assert {word for word in rest if word.startswith("-") and word != "-"} <= flags, line


def test_the_list_of_commands_says_what_each_does():
    text = " ".join(help_of("").split())
    for name in COMMANDS:
        assert f"{name} {' '.join(command_of(name).help.split(chr(10) * 2)[0].split())}" in text


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("trian", "hellodl: no such command 'trian'. Did you mean 'train'? `{} --help` tells what there is"),
        ("train --epoch 3", "hellodl: no such option '--epoch'. Did you mean"),
        (
            "train --epochs x",
            "hellodl: invalid value for '--epochs': 'x' is not a valid integer; `{} train --help`",
        ),
        (
            "train --threads AUTO",
            "hellodl: invalid value for '--threads': 'AUTO' is neither auto nor 1",
        ),
        ("train --hidden 0", "hellodl: --hidden: is 0, expected widths like 128,64"),
        ("train --lr 0", "hellodl: --lr: is 0, expected a number above 0"),
        ("evaluate -m ''", "hellodl: invalid value for '-m' / '--model': is empty, expected a name;"),
        ("evaluate ''", "hellodl: invalid value for 'FOLDER…': is empty, expected a name;"),
        ("predict a.png ''", "hellodl: invalid value for 'IMAGE…': is empty, expected a name;"),
        (
            "train --resume shipped",
            "hellodl: --resume: the model that ships is complete; --init shipped",
        ),
        ("train --lr", "hellodl: option '--lr' requires an argument; `{} train --help`"),
        ("inspect one two", "hellodl: got unexpected extra argument"),
        ("predict", "hellodl: which picture? Try `{} predict image.png`"),
    ],
)
def test_what_is_mistyped_gets_one_line_and_exit_code_2(typed, said, tmp_path):
    done = tiny.hellodl(*shlex.split(typed), cwd=tmp_path)
    message = done.stderr.decode()
    assert (done.returncode, done.stdout, message.count("\n")) == (2, b"", 1)
    assert message.startswith(said.format(f"{shlex.quote(sys.executable)} -m hellodl")), message


# What was typed ---------------------------------------------------------------------------------------


@pytest.fixture
def typed(monkeypatch):
    """What `command_name` says after a program was started with these words."""

    def typed(*argv, orig=(), script="", path=""):
        monkeypatch.setattr(sys, "argv", list(argv))
        monkeypatch.setattr(sys, "orig_argv", [*orig, *argv[1:]])
        monkeypatch.setenv(words.TYPED, script)
        monkeypatch.setenv("PATH", str(path))
        words.command_name.cache_clear()
        return words.command_name()

    yield typed
    words.command_name.cache_clear()


def test_advice_names_the_command_as_it_was_typed(typed, tmp_path):
    program = tmp_path / "hellodl"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert typed("/x/hellodl/__main__.py", "train", orig=("python3", "-m", "hellodl")) == "python3 -m hellodl"
    assert typed("/x/hellodl", "train", script="scripts/hellodl") == "scripts/hellodl"
    assert typed("/x/hellodl", "train", script="../my scripts/hellodl") == "'../my scripts/hellodl'"
    assert typed("/somewhere/pytest", "train") == "hellodl"
    assert typed("/x/bin/hellodl", "train", path=tmp_path) == "/x/bin/hellodl"
    if os.name == "posix":
        assert typed(str(program), "train", path=tmp_path) == "hellodl"


def test_advice_in_errors_can_be_copied(tmp_path):
    """Also that of parts which know nothing of the command line."""
    done = tiny.hellodl("evaluate", "-m", "none", cwd=tmp_path, **{words.TYPED: "scripts/hellodl"})
    assert "`scripts/hellodl train -o none`" in done.stderr.decode()


# Completion -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "kinds"),
    [
        ("predict pic", {"file"}),
        ("explain pic", {"file"}),
        ("predict -m mod", {"file"}),
        ("predict -o pic", {"file"}),
        ("inspect mod", {"file"}),
        ("train --preset ", {"plain"}),
        ("tr", {"plain"}),
    ],
)
def test_shells_complete_file_names_and_words(line, kinds, tmp_path):
    words = ["hellodl", *line.split(" ")]
    asked = {"COMP_WORDS": " ".join(words), "COMP_CWORD": str(len(words) - 1)}
    done = tiny.hellodl(cwd=tmp_path, _HELLODL_COMPLETE="bash_complete", **asked)
    answers = done.stdout.decode().split()
    assert {answer.partition(",")[0] for answer in answers} == kinds


def test_the_completion_script_is_for_hellodl_however_it_was_asked_for(tmp_path):
    done = tiny.hellodl(cwd=tmp_path, _HELLODL_COMPLETE="bash_source", **{words.TYPED: "scripts/hellodl"})
    script = done.stdout.decode()
    assert "_HELLODL_COMPLETE=bash_complete" in script
    assert script.rstrip().endswith("hellodl;") or " hellodl\n" in script
    assert Path("scripts/hellodl").name in script

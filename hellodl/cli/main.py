"""The `hellodl` command: collects the commands and turns errors into one line and an exit code."""

from __future__ import annotations

import errno
import importlib
import io
import os
import sys
from contextlib import suppress
from pathlib import Path

import click

from hellodl.cli.common import printable
from hellodl.errors import HellodlError
from hellodl.version import __version__

COMMANDS = ("train", "evaluate", "predict", "explain", "download", "inspect", "graph", "export")

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


class Commands(click.Group):
    """Imports a command's file only when that command is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """The commands in the order people use them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command of that name, from the file of that name."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(importlib.import_module(f"hellodl.cli.{cmd_name}"), cmd_name)
        return command


@click.command(cls=Commands, context_settings=CONTEXT)
@click.version_option(__version__, prog_name="hellodl")
def cli() -> None:
    r"""Teach a computer to read handwritten digits.

    \b
    hellodl train                 learn from MNIST; writes hellodl.safetensors
    hellodl evaluate              how good is it?
    hellodl predict image.png     read your own picture
    """


def main() -> None:
    """Run the command line and exit with its code."""
    _replace_closed_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # an arrow must not crash a terminal that has none
    try:
        code = cli.main(prog_name="hellodl", standalone_mode=False) or 0
    except HellodlError as error:
        code = complain(str(error), error.exit_code)
    except click.ClickException as error:
        code = error.exit_code
        with suppress(OSError):  # as in `complain`
            error.show()
    except (click.Abort, KeyboardInterrupt):
        code = complain("interrupted", 130)
    except BrokenPipeError:  # the reader of our output has gone, as `| head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        code = complain(f"the output cannot be written: {error.strerror}", 1)
    sys.exit(code)


def _replace_closed_streams() -> None:
    """Let streams that were closed for us (`2>&-`) lead nowhere, or the next file opened got their number."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115 - to stay open


def complain(message: str, code: int) -> int:
    """One line on stderr."""
    with suppress(OSError):  # whoever read our stderr may have gone
        click.echo(f"hellodl: {printable(message)}", err=True)
    return code

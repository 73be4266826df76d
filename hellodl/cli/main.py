"""The `hellodl` command: collects the commands and turns errors into one line and an exit code."""

import errno
import importlib
import os
import re
import sys
import warnings
from typing import Any

import click

from hellodl.cli.common import Command, say
from hellodl.cli.signals import SIGNALS
from hellodl.cli.streams import OutputError, prepare_streams
from hellodl.cli.words import NAME, command_name
from hellodl.errors import HellodlError, Interrupted
from hellodl.system.kernels import choose_kernel
from hellodl.version import __version__

COMMANDS = (
    *("train", "evaluate", "predict", "explain", "download", "inspect", "graph"),
    *("descend", "report", "chapter", "export", "sweep", "draw"),
)

_FORMULA_SLIPS = {  # what click makes of a mistyped formula and its variables, and the cure
    "option '-[^-]": 'a formula that starts with a minus goes in parentheses, "(-x)"',
    r"arguments? \([^=]+\);": 'a formula goes in quotes, as in "x + z"',
    r"arguments? \(.*=|option '--(at|from)'": "each value has its --at x=2 (graph) or --from x=2 (descend)",
}
_COMPLETION = "_HELLODL_COMPLETE"  # the variable by which a shell asks for completions


class Commands(Command, click.Group):
    """Imports a command's file only when that command is asked for."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """The commands in the order people use them."""
        return list(COMMANDS)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, from the file of that name."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(importlib.import_module(f"hellodl.cli.{cmd_name}"), cmd_name)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """As click does, which would print an empty line for an interruption."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise click.Abort from None

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The commands, then the options."""
        self.format_commands(ctx, formatter)
        super().format_options(ctx, formatter)


@click.command(
    cls=Commands,
    commands=dict.fromkeys(COMMANDS),  # among which click looks for the nearest to one mistyped
    examples=(
        ("train", "learn from MNIST"),
        ("evaluate", "how good is it?"),
        ("predict image.png", "read your own picture"),
    ),
)
@click.version_option(__version__, prog_name="hellodl")
@click.pass_context
def cli(context: click.Context) -> None:
    """Teach a computer to read handwritten digits."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        context.color = False


def main() -> None:
    """Run the command line and exit with its code."""
    prepare_streams()
    choose_kernel()  # before any command loads NumPy
    warnings.filterwarnings("ignore", module="PIL")  # what it says of odd files is nobody's mistake here
    with SIGNALS.heard():
        try:
            code = _attempt()
        except (click.Abort, KeyboardInterrupt, RuntimeError) as error:  # of which there is one at most
            wrapped = isinstance(error.__cause__, KeyboardInterrupt)  # by Python 3.11, as it makes a class
            if not (wrapped or isinstance(error, (click.Abort, KeyboardInterrupt))):
                raise
            code = _complain("interrupted", SIGNALS.exit_code)
    sys.exit(code)


def _attempt() -> int:
    """Run the command; the exit code. What went wrong is one line on stderr, unless it is a bug of ours."""
    name = NAME if os.environ.get(_COMPLETION) else command_name()  # a shell completes `hellodl` alone
    code = 1
    try:
        code = cli.main(prog_name=name, complete_var=_COMPLETION, standalone_mode=False) or 0
        sys.stdout.flush()
    except HellodlError as error:
        is_stopped = isinstance(error, Interrupted)
        code = _complain(str(error), SIGNALS.exit_code if is_stopped else error.exit_code)
    except click.exceptions.NoArgsIsHelpError as error:
        code = error.exit_code
        error.show()
    except click.ClickException as error:
        code = _complain(_in_a_line(error), error.exit_code)
    except MemoryError as error:  # NumPy's says how much
        code = _complain(f"there is not enough memory{f': {error}' if str(error) else ''}", 1)
    except ImportError as error:  # for want of memory, as a rule; what is ours is there
        if "hellodl" in str(error.name):
            raise
        reason = str(error.__cause__ or error).partition("\n")[0]
        code = _complain(f"a library cannot be loaded: {reason}", 1)
    except OutputError as error:
        if error.errno != errno.EPIPE:  # the reader has gone, as `| head` does
            code = _complain(f"the output cannot be written: {error.strerror}", 1)
    return code


def _in_a_line(error: click.ClickException) -> str:
    message = " ".join(error.format_message().split()).rstrip(".")
    message = re.sub(r"'\[([^]']+)]'", r"'\1'", message)  # an argument is called so, without brackets
    message = message[:1].lower() + message[1:] + ("" if message.endswith("?") else ";")
    context = getattr(error, "ctx", None)
    if context and context.info_name in ("graph", "descend"):
        message += "".join(f" {cure};" for slip, cure in _FORMULA_SLIPS.items() if re.search(slip, message))
    words = context.command_path.removeprefix(context.find_root().info_name) if context else ""
    return f"{message} `{NAME}{words} --help` tells what there is"


def _complain(message: str, code: int) -> int:
    say(f"{NAME}: {message}", prose="`" not in message)  # a command is to be copied
    return code

"""Help texts: options in groups, and examples that can be copied into this terminal."""

from __future__ import annotations

from typing import Any

import click

from hellodl.cli.words import command_name

_CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
_OTHERS = "Options"  # the heading of options that are in no group
_GAP = 2  # columns before an example, and between it and what it does


class Command(click.Command):
    """A command whose help ends with examples: pairs of what to type after `hellodl`, and what that does."""

    def __init__(self, *args: Any, examples: tuple[tuple[str, str], ...] = (), **kwargs: Any) -> None:
        super().__init__(*args, **{"context_settings": _CONTEXT, **kwargs})
        self.examples = examples

    def get_short_help_str(self, _limit: int = 0) -> str:
        """What the list of commands says: the first paragraph, whole."""
        return " ".join((self.help or "").split("\n\n")[0].split())

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The options by group, in the order in which groups first appear."""
        groups: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            if isinstance(param, click.Option) and (record := param.get_help_record(ctx)) is not None:
                groups.setdefault(getattr(param, "group", _OTHERS), []).append(record)
        groups[_OTHERS] = groups.pop(_OTHERS)  # last; --help is always there
        for group, records in groups.items():
            with formatter.section(group):
                formatter.write_dl(records)

    def format_epilog(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The examples, each with what it does: beside it where all fit on a line, else below it."""
        if not self.examples:
            return
        lines = [(f"{command_name()} {line}", what) for line, what in self.examples]
        column = max(len(line) for line, _ in lines)
        fits = all(column + len(what) + 2 * _GAP <= formatter.width for _, what in lines)
        with formatter.section("Examples"):
            for line, what in lines:
                words = f"{line:<{column + _GAP}}{what}" if fits else f"{line}\n{' ' * 3 * _GAP}{what}"
                formatter.write(f"{' ' * _GAP}{words}\n")

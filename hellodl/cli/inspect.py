"""`hellodl inspect`: what a checkpoint holds and how it was made."""

from dataclasses import asdict
from pathlib import Path

from hellodl.cli import common


@common.command(
    ("inspect", "your model, else the one that ships"),
    ("inspect best.safetensors --json", "for scripts: one JSON object"),
)
@common.model_argument
@common.talking
def inspect(model: Path | None, talk: common.Talk) -> None:
    """Show what a checkpoint holds and how it was made."""
    from hellodl.checkpoint import examine

    path, loaded = common.open_model(model, talk)
    result = examine(path, loaded)
    if talk.as_json:
        common.print_json(asdict(result))
    else:
        from hellodl.cli.inspect_view import report

        common.show(report(result))

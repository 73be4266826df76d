"""The rules of the house: who may import whom, what is forbidden, what is documented, how long things get."""

from __future__ import annotations

import ast
import builtins
import importlib
import re
import subprocess
import sys
import tomllib
from collections import Counter
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest

import hellodl
from hellodl.cli.main import COMMANDS, cli

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent
SOURCES = sorted(Path(hellodl.__file__).parent.rglob("*.py"))

# Each file or folder may import those on earlier lines. The files at the root (in the line of `about`) may
# import each other too, as those of a folder do; nowhere is there a circle.
LAYERS = (
    {"errors", "version"},
    {"system"},
    {"tasks"},
    {"datasets"},
    {"autograd"},
    {"about", "axes", "checkpoint", "evaluation", "explaining", "limits", "nn", "optim", "predicting"}
    | {"upright"},
    {"graphs"},
    {"reading"},
    {"export"},
    {"training"},
    {"sweep"},
    {"cli"},
    {"__main__"},
)
TERMINAL = {"click", "rich", "tqdm"}


@cache
def tree(source: Path) -> ast.Module:
    return ast.parse(source.read_text(encoding="utf-8"), source.name)


def place(source: Path) -> str:
    return source.relative_to(Path(hellodl.__file__).parent).as_posix()


def imports(source: Path) -> Iterator[str]:
    """The dotted names that a file imports anywhere in it, also for type checkers alone."""
    for node in ast.walk(tree(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{place(source)}:{node.lineno}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def layer(module: str) -> int:
    found = [number for number, modules in enumerate(LAYERS) if module in modules]
    assert found, f"hellodl.{module} has no place in LAYERS yet"
    return found[0]


def part(dotted: str) -> str:
    """`nn` for `hellodl.nn.Linear`: the part of the package that a name belongs to."""
    return dotted.split(".")[1]


@pytest.mark.parametrize("source", SOURCES, ids=place)
def test_imports_go_one_way(source: Path) -> None:
    """No file imports from a later layer."""
    me = place(source).removesuffix(".py").split("/")[0]
    if me == "__init__":
        pytest.skip("the public names come from everywhere")
    ours = {part(name) for name in imports(source) if name.startswith("hellodl.")} - {me}
    wrong = {other for other in ours if layer(other) > layer(me)}
    assert not wrong, f"{place(source)} imports {wrong}, which come later than {me}"


def file_of(dotted: str) -> Path | None:
    """The file that an imported name comes from: a module's own, or the one it is taken out of."""
    path = Path(hellodl.__file__).parent.joinpath(*dotted.split(".")[1:])
    places = path.with_suffix(".py"), path / "__init__.py", path.parent.with_suffix(".py")
    return next((file for file in places if file.exists()), None)


def circles() -> list[str]:
    """Files that import each other in a circle, also for type checkers alone, one for each way back."""
    arrows = {
        source: {file for name in imports(source) if name.startswith("hellodl.") and (file := file_of(name))}
        for source in SOURCES
    }
    found, done = [], set()

    def walk(file: Path, way: list[Path]) -> None:
        if file in way:
            found.append(" ↔ ".join(sorted(map(place, way[way.index(file) :]))))
        elif file not in done:
            for other in sorted(arrows[file] - {file}):
                walk(other, [*way, file])
            done.add(file)

    for source in SOURCES:
        walk(source, [])
    return found


def test_no_files_import_each_other_in_a_circle() -> None:
    """From any file the way of imports leads down and never back."""
    assert not circles()


@pytest.mark.parametrize("source", [s for s in SOURCES if not place(s).startswith("cli/")], ids=place)
def test_only_the_command_line_knows_of_terminals(source: Path) -> None:
    """Click, rich and tqdm are imported nowhere outside cli/."""
    assert not TERMINAL & {name.split(".")[0] for name in imports(source)}


@pytest.mark.parametrize("source", SOURCES, ids=place)
def test_nothing_that_is_read_can_run_code(source: Path) -> None:
    """No pickle under any of its names, no eval, exec or compile, no shell."""
    unpicklers = {"pickle", "_pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
    assert not unpicklers & {name.split(".")[0] for name in imports(source)}
    for node in ast.walk(tree(source)):
        if isinstance(node, ast.Call):
            where = f"{place(source)}:{node.lineno}"
            called = node.func.id if isinstance(node.func, ast.Name) else ""
            assert called not in {"eval", "exec", "compile", "__import__"}, f"{where}: {called}"
            words = {word.arg for word in node.keywords}
            assert not words & {"allow_pickle", "shell"}, f"{where}: {words}"


@pytest.mark.parametrize("source", SOURCES, ids=place)
def test_every_exception_to_a_rule_carries_its_reason(source: Path) -> None:
    """`# noqa: RULE - why` and `# type: ignore[rule] # why`."""
    reason = r"# (noqa: [A-Z]+\d+(, [A-Z]+\d+)* - \S|type: ignore\[[\w, -]+\] # \S)"
    for number, line in enumerate(source.read_text(encoding="utf-8").splitlines(), 1):
        if "# noqa" in line or "# type: ignore" in line:
            assert re.search(reason, line), f"{place(source)}:{number}"


@pytest.mark.parametrize("source", SOURCES, ids=place)
def test_no_clock_is_asked_that_can_jump(source: Path) -> None:
    """Durations and deadlines keep to clocks that nobody sets: neither people nor the network."""
    set_by_somebody = {"time.time", "time.localtime", "datetime.datetime", "datetime.date"}
    asked = {ast.unparse(node) for node in ast.walk(tree(source)) if isinstance(node, ast.Attribute)}
    assert not set_by_somebody & {*asked, *imports(source)}


@pytest.mark.parametrize("source", SOURCES, ids=place)
def test_files_and_functions_fit_on_a_screen(source: Path) -> None:
    """At most 330 lines a file and 30 a function, decorators not counted."""
    assert len(source.read_text(encoding="utf-8").splitlines()) <= 330
    for node in ast.walk(tree(source)):
        if isinstance(node, ast.FunctionDef):
            length, name = (node.end_lineno or node.lineno) - node.lineno + 1, f"{place(source)}:{node.name}"
            assert length <= 30, f"{name} has {length} lines"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_explains_itself(name: str) -> None:
    """Each command has a help text, and so has each of its options."""
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    assert command.help
    silent = [p.name for p in command.params if isinstance(p, click.Option) and not p.help]
    assert not silent, f"{name}: no help text for {silent}"


def test_help_loads_nothing_slow() -> None:
    """`python -m hellodl --help` imports neither NumPy nor what draws, reads pictures or downloads."""
    command = [sys.executable, "-X", "importtime", "-m", "hellodl", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, encoding="utf-8")
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    slow = {"numpy", "rich", "tqdm", "PIL", "cv2", "urllib.request", "safetensors", "platformdirs"}
    assert "hellodl.cli.main" in loaded  # or the test would see nothing
    assert not slow & loaded
    assert all(name in done.stdout for name in COMMANDS)


# fmt: off
FUNCTIONS = ["exp", "log", "sin", "cos", "tanh", "sigmoid", "relu", "gelu", "abs", "sqrt", "sum", "mean",
             "max", "reshape", "flatten", "transpose", "softmax", "log_softmax", "clip", "maximum", "minimum",
             "min", "prod", "argmax", "var", "std", "detach", "where"]
NAMES = [*FUNCTIONS, "Tensor", "grad", "Program", "concat", "stack", "load", "read", "nn", "optim", "gather",
         "einsum", "vjp", "jvp", "hvp", "datasets", "errors", "evaluation", "graph", "save"]
METHODS = [*FUNCTIONS, "T", "backward", "grad", "value", "shape", "dtype", "ndim", "size", "item"]
TOP_LEVEL = {".ci", ".github", ".gitattributes", ".gitignore", "CHANGELOG.md", "LICENSE", "README.md",
             "data", "hellodl", "pyproject.toml", "scripts", "tests"}
# fmt: on


@pytest.mark.parametrize("name", NAMES)
def test_public_names_come_from_hellodl(name: str) -> None:
    """The names of the Python interface are found in hellodl, and listed there."""
    assert getattr(importlib.import_module("hellodl"), name) is not None
    assert name in dir(hellodl)
    assert (name in hellodl.__all__) == (not hasattr(builtins, name))  # a star shadows nothing of Python's


@pytest.mark.parametrize("name", METHODS)
def test_functions_are_methods_too(name: str) -> None:
    """What is a function in hellodl is a method of Tensor under the same name."""
    assert name in dir(hellodl.Tensor(1.0))


def test_unknown_names_are_attribute_errors() -> None:
    """A misspelt name fails as in any module."""
    with pytest.raises(AttributeError, match="no attribute 'Tensr'"):
        _ = hellodl.Tensr


def test_top_level_stays_tidy() -> None:
    """Only the agreed files and folders are kept at the top of the repository."""
    if not (ROOT / ".git").exists():
        pytest.skip("no git checkout")
    done = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert {line.strip('"').split("/")[0] for line in done.stdout.splitlines()} <= TOP_LEVEL


def package(requirement: str) -> str:
    """`numpy` for `numpy>=2.0`."""
    return re.split(r"[^\w.-]", requirement)[0].lower()


def explained() -> Counter[str]:
    """How often a package stands in the first column of README's table of dependencies, with a reason."""
    section = (ROOT / "README.md").read_text(encoding="utf-8").partition("\n## Dependencies\n")[2]
    lines = [line for line in section.partition("\n## ")[0].splitlines() if line.startswith("|")]
    rows = [line.strip("|").split("|") for line in lines[2:]]  # after the heading and its rule
    names = [re.sub(r"\(.*?\)", "", row[0]) for row in rows if row[-1].strip()]  # links lose their targets
    return Counter(name.lower() for cell in names for name in re.findall(r"[\w.-]+", cell))


def test_every_dependency_has_a_reason() -> None:
    """README gives a reason for each dependency, extras included, once, and for nothing else."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    groups = project["dependencies"], *project["optional-dependencies"].values()
    assert explained() == Counter({package(requirement) for group in groups for requirement in group})


def test_actions_are_pinned_and_may_only_read() -> None:
    """CI runs others' actions by the hash of a commit, which no one can move, and lets them write nothing."""
    workflows = ROOT / ".github" / "workflows"
    if not workflows.exists():
        pytest.skip("no checkout")
    for file in workflows.iterdir():
        text = file.read_text(encoding="utf-8")
        used = re.findall(r"uses: (.*)", text)
        assert used
        assert all(re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action) for action in used), used
        assert re.findall(r"^ *permissions:\n((?: +.*\n)+)", text, re.MULTILINE) == ["  contents: read\n"]
        assert text.count("persist-credentials: false") == text.count("actions/checkout@")

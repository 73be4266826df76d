"""Fuzzes one target, guided by coverage: atheris_run.py TARGET FOLDER [options of libFuzzer].

Writes the target's seeds into FOLDER/corpus, and then all inputs that reach new code.
"""

import sys
import tracemalloc
import warnings
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["hellodl", "PIL"] if sys.argv[1] == "picture" else ["hellodl"]):
    import targets


def main(target: str, folder: str, *options: str) -> None:
    corpus, tokens = Path(folder) / "corpus", Path(folder) / "tokens"
    corpus.mkdir(exist_ok=True)
    for number, seed in enumerate(targets.SEEDS[target]):
        (corpus / f"seed-{number}").write_bytes(seed)
    quoted = ("".join(f"\\x{byte:02x}" for byte in token) for token in targets.TOKENS[target])
    tokens.write_text("".join(f'"{token}"\n' for token in quoted))
    warnings.simplefilter("error")  # as in all tests
    if target == "idx":
        tracemalloc.start()  # see memory_at_most
    settings = [f"-dict={tokens}", f"-artifact_prefix={folder}/", "-max_len=4096"]
    atheris.Setup([sys.argv[0], *settings, *options, str(corpus)], targets.TARGETS[target])
    atheris.Fuzz()


main(*sys.argv[1:])

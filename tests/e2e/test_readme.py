"""The README's commands and programs, in the order they stand there, in one folder.

They are run on little: hub datasets come from a made-up mirror, docstrings are made up too, a
training is one epoch of two small batches, a search two trials, a benchmark one round of two steps.
Sweeps stay in this process, where the docstrings are made up and a pruner would hear of no run
before its end. Nothing else is changed; `make` targets are looked up, not run.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SMALL = [
    "data.batch_size=8", "trainer.max_epochs=1", "trainer.limit_train_batches=2",
    "trainer.limit_eval_batches=2", "trainer.accelerator=cpu",
]  # fmt: skip
MADE_SMALL = {
    "train": SMALL,
    "sweep": [*SMALL, "hydra/launcher=basic"],
    "report": ["figures=false"],
    "benchmark": ["data.batch_size=8", "steps=2", "warmup=1", "rounds=1"],
}
SHORT_SEARCH = ["hydra.sweeper.n_trials=2", "hydra.sweeper.retrain_best=1"]
PRUNER = "hydra/sweeper/pruner="


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def commands() -> Iterator[list[str]]:
    """Every command line of the bash blocks, split as a shell does."""
    for block in blocks("bash"):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            if words:
                yield words


def made_small(verb: str, arguments: list[str]) -> list[str]:
    """The arguments with what makes the command little."""
    if any(word in ("--help", "--cfg") for word in arguments):
        return arguments
    kept = [word for word in arguments if not word.startswith(PRUNER)]
    is_search = any("=optuna" in word or "=tune_" in word for word in arguments)
    return [*kept, *MADE_SMALL.get(verb, []), *(SHORT_SEARCH if is_search else [])]


def is_setting(word: str) -> bool:
    """Whether a word sets a variable for the command behind it: NAME=value."""
    return re.match(r"[A-Z_]+=", word) is not None


def test_what_the_readme_says_to_type(
    cli: Any, mirror_dir: Path, made_up_docstrings: None, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("SEQBENCH_DATASETS", str(mirror_dir))
    rows = [f"a {'fine' if row % 2 else 'dull'} film {row},{row % 2}" for row in range(40)]
    (tmp_path / "reviews.csv").write_text("\n".join(["review,stars", *rows]) + "\n")
    (tmp_path / "book.txt").write_text("The cat sat on the mat, and the dog did not.\n" * 80)
    verbs = []
    for words in commands():
        while is_setting(words[0]):
            words = words[1:]
        if words[0] != "seqbench":
            assert words[0] in ("make", "source", "git", "cd", "pip", "python", "wandb"), words
            continue
        verb, arguments = words[1], words[2:]
        ended = cli(verb, *made_small(verb, arguments))
        assert ended.code == 0, f"{shlex.join(words)}\n{ended.err}"
        verbs.append(verb)
    assert {"train", "sweep", "evaluate", "predict", "report", "benchmark"} <= set(verbs)
    Path("outputs/quickstart").mkdir(exist_ok=True)  # its definition for W&B may lie there
    for run in Path("outputs/mine").glob("*/record.json"):
        Path("outputs/quickstart", run.parent.name).symlink_to(run.parent.resolve())
    programs = [block for block in blocks("python") if "import seqbench" in block]
    assert programs
    for program in programs:
        exec(compile(program, "README.md", "exec"), {})


def test_its_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):.*##", makefile, re.MULTILINE))
    named = {words[1] for words in commands() if words[0] == "make"}
    named |= set(re.findall(r"`make ([a-z-]+)`", README))
    assert named
    assert named <= targets


def test_its_links_lead_somewhere() -> None:
    for link in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / link).exists(), link


def test_the_commands_of_studies_are_those_of_their_files() -> None:
    for file in sorted((ROOT / "experiments").glob("*.yaml")):
        said = re.findall(r"experiments=(\w+)", file.read_text(encoding="utf-8"))
        assert set(said) == {file.stem}

"""What many tests need: small batches, a small task, small files, the command in process."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from tests.mirror import write_mirror
from tests.tally import pytest_terminal_summary, tally

__all__ = ["pytest_terminal_summary", "tally"]  # pytest finds hooks and fixtures here

# How long an example takes is the machine's business.
settings.register_profile("seqbench", deadline=None)
settings.load_profile("seqbench")


@pytest.fixture(scope="session")
def cache_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cache of all tests of one process: its keys are made of content."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _own_surroundings(
    tmp_path: Path, cache_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """No credentials, no one's home folder, nothing of a previous run in the environment."""
    for name in ("WANDB_API_KEY", "WANDB_PROJECT", "WANDB_ENTITY", "RANK", "WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "no.netrc"))
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("SEQBENCH_CACHE", str(cache_dir))
    yield


@dataclass(frozen=True)
class Ended:
    """What a command came to."""

    code: int
    out: str
    err: str


@pytest.fixture
def cli(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Ended]:
    """Runs `seqbench …` in this process, in the test's own folder."""
    from seqbench.cli import main

    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> Ended:
        capsys.readouterr()
        code = main(list(arguments))
        printed = capsys.readouterr()
        return Ended(code, printed.out, printed.err)

    return run


@pytest.fixture(scope="session")
def mirror_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The made-up mirror of every hub dataset that has a YAML."""
    return write_mirror(tmp_path_factory.mktemp("mirror"))


@pytest.fixture(scope="session")
def reviews(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with train.csv, validation.csv and test.csv: reviews of two classes."""
    folder = tmp_path_factory.mktemp("reviews")
    rng = random.Random(0)
    words = {"bad": ["dull", "cold", "grim"], "good": ["fine", "warm", "bright"]}
    for split, rows in (("train", 40), ("validation", 11), ("test", 13)):
        lines = ["text,label"]
        for row in range(rows):
            label = ("bad", "good")[row % 2]
            text = rng.choices([*words[label], "a", "film", "plot", "scene"], k=rng.randint(2, 9))
            lines.append(f"{' '.join(text)},{label}")
        (folder / f"{split}.csv").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture(scope="session")
def tiny(reviews: Path, cache_dir: Path) -> list[str]:
    """Overrides of a training of a few small steps on the reviews, in silence."""
    splits = ("train", "validation", "test")
    files = [f"data.files.{split}={reviews / split}.csv" for split in splits]
    return [
        "data=text_classification", *files, "data.batch_size=8", "tokenizer.min_freq=1",
        "inputs.d_embed=6", "model.d_hidden=5", "trainer.max_epochs=2", "trainer.log_every=2",
        "trainer.accelerator=cpu", "callbacks=none", "logger=none", f"paths.cache={cache_dir}",
    ]  # fmt: skip


@pytest.fixture(scope="session")
def text_file(tmp_path_factory: pytest.TempPathFactory, cache_dir: Path) -> list[str]:
    """Overrides of a small language model's data: a made-up text of 6,000 characters."""
    rng = random.Random(1)
    words = ["the", "cat", "dog", "sat", "ran", "on", "a", "mat", "and", "then", "slept."]
    lines = [" ".join(rng.choices(words, k=rng.randint(3, 9))) for _ in range(250)]
    path = tmp_path_factory.mktemp("text") / "book.txt"
    path.write_text("\n".join(lines)[:6000] + "\n")
    return [
        "data=text_file", f"data.source.train={path}", "data.window=16", "data.batch_size=8",
        "inputs.d_embed=6", "task.sample_tokens=10", "task.sample_texts=2",
        f"paths.cache={cache_dir}",
    ]  # fmt: skip


@pytest.fixture(scope="session")
def tiny_text(text_file: list[str]) -> list[str]:
    """Overrides of a training of a few small steps on that text, in silence."""
    return [
        *text_file, "model.d_hidden=5", "trainer.max_epochs=2", "trainer.log_every=2",
        "trainer.accelerator=cpu", "callbacks=none", "logger=none",
    ]  # fmt: skip


@pytest.fixture
def made_up_docstrings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Puts few made-up docstrings in place of the harvest, which takes half a minute."""
    import numpy as np

    from seqbench.data.sources.docstrings import DocstringSource
    from seqbench.data.sources.source import Examples, SourceData

    def key(self: DocstringSource, **_: Any) -> str:
        return f"made up for {self.libraries}"

    def load(self: DocstringSource, **_: Any) -> SourceData:
        labels = np.arange(6 * len(self.libraries)) % len(self.libraries)
        splits = {
            split: Examples(
                texts=[
                    f"{split} makes the {['value', 'array', 'index', 'table'][row % 4]} {row}"
                    for row in range(len(labels))
                ],
                labels=labels.astype(np.int64),
            )
            for split in ("train", "validation", "test")
        }
        return SourceData(splits=splits, label_names=tuple(self.libraries), notes=())

    monkeypatch.setattr(DocstringSource, "key", key)
    monkeypatch.setattr(DocstringSource, "load", load)


@pytest.fixture(scope="session")
def network_run(tiny: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a completed run of an LSTM; not to be written to."""
    return _completed([*tiny, f"paths.outputs={tmp_path_factory.mktemp('network')}"])


@pytest.fixture(scope="session")
def baseline_run(tiny: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a completed run of a baseline; not to be written to."""
    overrides = [item for item in tiny if not item.startswith("model.")]
    outputs = f"paths.outputs={tmp_path_factory.mktemp('baseline')}"
    return _completed([*overrides, outputs, "model=baseline/tfidf_regression"])


def _completed(overrides: list[str]) -> Path:
    from seqbench.config.compose import compose_job
    from seqbench.training.execute import execute

    job = compose_job(overrides)
    assert execute(job).record.status == "completed"
    return job.folder


@pytest.fixture
def make_batch() -> Callable[..., Any]:
    """Makes a random TokenBatch of given lengths; equal seeds give equal batches."""
    import torch

    from seqbench.batch import TokenBatch

    def make(
        lengths: list[int], *, vocab_size: int = 20, num_classes: int = 3, seed: int = 0
    ) -> TokenBatch:
        generator = torch.Generator().manual_seed(seed)
        lengths_B = torch.tensor(lengths)
        ids_BT = torch.randint(4, vocab_size, (len(lengths), max(lengths)), generator=generator)
        ids_BT[torch.arange(max(lengths)) >= lengths_B[:, None]] = 0
        return TokenBatch(
            ids_BT=ids_BT,
            lengths_B=lengths_B,
            labels_B=torch.randint(0, num_classes, (len(lengths),), generator=generator),
            rows_B=torch.arange(len(lengths)),
        )

    return make


@pytest.fixture
def make_task() -> Callable[..., Any]:
    """Makes a small classification task over 20 tokens and 3 classes."""
    import torch

    from seqbench.batch import DataSpec
    from seqbench.models.inputs import LearnedEmbedding
    from seqbench.models.lstm import LSTM
    from seqbench.tasks.classification import Classification
    from seqbench.tasks.optimizers import SGD
    from seqbench.tasks.schedulers import Constant

    def make(*, seed: int = 0, **options: Any) -> Classification:
        torch.manual_seed(seed)
        spec = DataSpec(
            task="classification",
            vocab_size=20,
            pad_id=0,
            num_classes=3,
            label_names=("a", "b", "c"),
            label_counts=(10, 20, 30),
            max_len=16,
            num_examples={"train": 60, "validation": 6, "test": 6},
        )
        inputs = LearnedEmbedding(vocab_size=20, pad_id=0, d_embed=8, dropout=0.0)
        parts: dict[str, Any] = {
            "optimizer": SGD(lr=0.5, momentum=0.0),
            "scheduler": Constant(),
            "dropout": 0.0,
        }
        return Classification(
            inputs=inputs, encoder=LSTM(d_input=8, d_hidden=6), spec=spec, **(parts | options)
        )

    return make

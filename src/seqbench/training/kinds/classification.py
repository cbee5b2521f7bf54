"""Classification: a probability a class for every example."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from seqbench.baselines.baseline import Baseline, Fitted
from seqbench.batch import DataSpec
from seqbench.data.classification_module import ClassificationModule
from seqbench.data.datamodule import SeqDataModule
from seqbench.data.examples import label_ids
from seqbench.data.sources.files import Files, FileSource
from seqbench.errors import ConfigError
from seqbench.records.folder import RunFolder
from seqbench.records.predictions import Predictions, write_predictions
from seqbench.records.record import RunRecord, Scores
from seqbench.scores import classification_scores
from seqbench.tasks.classification import Classification
from seqbench.tasks.task import Task
from seqbench.training.flops import per_token_of_texts
from seqbench.training.kinds.kind import (
    GENERATION,
    Answers,
    Evaluated,
    TaskKind,
    refuse_settings,
)
from seqbench.training.wandb_mirror import WandbMirror

if TYPE_CHECKING:
    from seqbench.training.restore import RestoredRun

log = logging.getLogger(__name__)

NUM_EXAMPLES = 100
MAX_CHARACTERS = 500
SHOWN_CLASSES = 3


class ClassificationKind(TaskKind[Predictions]):
    """See TaskKind."""

    name = "classification"
    primary = Classification.primary

    def of_network(self, task: Task) -> Predictions:
        """See TaskKind."""
        gathered: dict[str, Any] = task.gathered_predictions()
        return Predictions(**gathered)

    def fit(self, baseline: Fitted, datamodule: SeqDataModule) -> None:
        """See TaskKind."""
        assert isinstance(datamodule, ClassificationModule)
        num_classes = len(datamodule.spec.label_names)
        labels = datamodule.labels("train")
        _classifier(baseline).fit(datamodule.texts("train"), labels, num_classes)

    def of_baseline(self, baseline: Fitted, datamodule: SeqDataModule, split: str) -> Predictions:
        """See TaskKind."""
        assert isinstance(datamodule, ClassificationModule)
        lengths: NDArray[np.int32] = datamodule.lengths(split)
        return Predictions(
            rows=np.arange(len(lengths)),
            targets=datamodule.labels(split),
            lengths=lengths,
            probabilities=_classifier(baseline).probabilities(datamodule.texts(split)),
        )

    def scores(self, found: Predictions, spec: DataSpec, *, split: str) -> Scores:
        """See TaskKind."""
        return self._scores(found.targets, found.probabilities, found.lengths, spec.label_names)

    def flops_per_token(self, task: Task, datamodule: SeqDataModule, device: torch.device) -> float:
        """See TaskKind."""
        assert isinstance(datamodule, ClassificationModule)
        loader, lengths = datamodule.train_dataloader(), datamodule.lengths("train")
        return per_token_of_texts(task, loader, lengths, device)

    def write(self, folder: RunFolder, found: Predictions, datamodule: SeqDataModule) -> None:
        """See TaskKind: with the beginning of each text, for readers of the run folder."""
        assert isinstance(datamodule, ClassificationModule)
        write_predictions(folder.predictions, _with_texts(found, datamodule))

    def mirror(
        self, mirror: WandbMirror, record: RunRecord, datamodule: SeqDataModule, found: Predictions
    ) -> None:
        """The confusion matrix, and example predictions."""
        if record.scores.confusion is None:
            return
        labels, texts = record.scores.confusion.labels, datamodule.texts("test")
        counts = [
            [true, predicted, count]
            for true, row in zip(labels, record.scores.confusion.counts, strict=True)
            for predicted, count in zip(labels, row, strict=True)
        ]
        mirror.table("test/confusion", ["true", "predicted", "count"], counts)
        mirror.table(
            "test/examples",
            ["text", "true", "predicted", "confidence"],
            [
                [
                    texts[int(found.rows[n])][:MAX_CHARACTERS],
                    labels[int(found.targets[n])],
                    labels[int(found.predictions[n])],
                    float(found.confidences[n]),
                ]
                for n in _spread(len(found.rows))
            ],
        )

    def score_split(self, run: RestoredRun, split: str) -> Evaluated:
        """See TaskKind."""
        data = run.datamodule
        assert isinstance(data, ClassificationModule)
        data.setup()
        probabilities = run.probabilities(data.texts(split))
        return _evaluated(
            self._scores(data.labels(split), probabilities, data.lengths(split), run.label_names)
        )

    def score_file(
        self, run: RestoredRun, path: str, *, text_column: str | None, label_column: str | None
    ) -> Evaluated:
        """A CSV, JSON Lines or Parquet file with the run's classes as labels."""
        own: dict[str, Any] = run.config["data"]
        own = {**own.get("source", {}), **own}
        source = FileSource(
            files=Files(train=path),
            text_column=text_column or own.get("text_column", "text"),
            label_column=label_column or own.get("label_column", "label"),
            encoding=own.get("encoding", "utf-8"),
            delimiter=own.get("delimiter"),
        )
        texts, labels = source.read(Path(path))
        lengths = run.datamodule.tokenizer.encode_batch(texts)[1]
        return _evaluated(
            self._scores(
                label_ids(labels, run.label_names),
                run.probabilities(texts),
                np.asarray(np.minimum(lengths, own["max_len"])),
                run.label_names,
            )
        )

    def answers(self, run: RestoredRun, settings: Mapping[str, Any]) -> Answers:
        """See TaskKind."""
        refuse_settings(settings, GENERATION, task=self.name)
        top = settings["top"]
        return _Classes(run, top=SHOWN_CLASSES if top is None else top)

    def _scores(
        self,
        targets: NDArray[np.int64],
        probabilities: NDArray[np.float64],
        lengths: NDArray[np.integer],
        label_names: Sequence[str],
    ) -> Scores:
        found = classification_scores(
            targets=targets, probabilities=probabilities, lengths=lengths, label_names=label_names
        )
        return Scores(
            primary=self._primary(),
            test=found.scores,
            per_class=found.per_class,
            per_length=found.per_length,
            confusion=found.confusion,
        )


class _Classes(Answers):
    """One line a text: its likeliest classes with their probabilities, tab-separated, the text."""

    def __init__(self, run: RestoredRun, *, top: int) -> None:
        self.run = run
        self.top = top

    def to_all(self, texts: Sequence[str], names: Sequence[str]) -> Iterator[str]:
        """See Answers."""
        for text, probabilities_C in zip(texts, self.run.probabilities(texts), strict=True):
            best = probabilities_C.argsort()[::-1][: self.top]
            classes = [f"{self.run.label_names[c]} {probabilities_C[c]:.3f}" for c in best]
            yield "\t".join([*classes, " ".join(text.split())]) + "\n"


def _evaluated(scores: Scores) -> Evaluated:
    """With the number of examples; precision, recall and F1 of each class."""
    assert scores.confusion is not None
    names = scores.confusion.labels
    width = max(map(len, names))
    lines = [f"{'class':<{width}}  precision  recall  f1      support"]
    for name in names:
        of_class = scores.per_class[name]
        values = [of_class[key] for key in ("precision", "recall", "f1")]
        shown = "  ".join("     —" if value is None else f"{value:.4f}" for value in values)
        lines.append(f"{name:<{width}}     {shown}  {int(of_class['support'] or 0):>7}")
    num_examples = sum(map(sum, scores.confusion.counts))
    return Evaluated(scores=scores, size=f"{num_examples} examples", lines=lines)


def _classifier(baseline: Fitted) -> Baseline:
    if not isinstance(baseline, Baseline):
        raise ConfigError(
            "model",
            expected="a baseline that classifies",
            got=type(baseline).__name__,
            remedy="use e.g. model=baseline/tfidf_regression",
        )
    return baseline


def _spread(num_examples: int) -> range:
    """Rows at equal distances through the whole split: the same ones for every run."""
    return range(0, num_examples, max(1, -(-num_examples // NUM_EXAMPLES)))


def _with_texts(found: Predictions, datamodule: ClassificationModule) -> Predictions:
    """The data may have gone since it was read, and the run has not failed."""
    try:
        texts = datamodule.texts("test")
    except Exception as error:
        log.warning("predictions are kept without texts: %s", str(error).partition("\n")[0])
        return found
    return replace(found, texts=[texts[int(row)] for row in found.rows])

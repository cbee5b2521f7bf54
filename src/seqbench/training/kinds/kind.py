"""The contract of a task kind: how a run is scored, what is stored of it, how it is asked."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

import torch

from seqbench.baselines.baseline import Fitted
from seqbench.batch import DataSpec
from seqbench.data.datamodule import SeqDataModule
from seqbench.errors import ConfigError
from seqbench.records.folder import RunFolder
from seqbench.records.record import Primary, RunRecord, Scores
from seqbench.tasks.task import MetricSpec, Task
from seqbench.training.wandb_mirror import WandbMirror

if TYPE_CHECKING:
    from seqbench.training.restore import RestoredRun

GENERATION = ("tokens", "temperature", "top_k", "top_p", "repetition_penalty", "samples", "seed")
"""Settings of `predict` that are only for runs that write text."""

Found = TypeVar("Found")
"""What a model said of a split."""


class TaskKind(ABC, Generic[Found]):
    """One for each task; it holds nothing of a run.

    Attributes:
        name: the `task` of its data modules.
        primary: the metric by which its runs are compared.
    """

    name: ClassVar[str]
    primary: ClassVar[MetricSpec]

    # What a model says

    @abstractmethod
    def of_network(self, task: Task) -> Found:
        """What it said of the test split, after a test pass."""

    @abstractmethod
    def fit(self, baseline: Fitted, datamodule: SeqDataModule) -> None:
        """Fit a baseline to the training split.

        Raises:
            ConfigError: the baseline is made for another task.
        """

    @abstractmethod
    def of_baseline(self, baseline: Fitted, datamodule: SeqDataModule, split: str) -> Found:
        """What a fitted baseline says of a split."""

    # Scores

    @abstractmethod
    def scores(self, found: Found, spec: DataSpec, *, split: str) -> Scores:
        """A record's scores with those of this split as `test`; no validation, no best epoch."""

    def samples(
        self, model: Task | Fitted, datamodule: SeqDataModule, config: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Further fields of the scores, of what the model does by itself."""
        return {}

    @abstractmethod
    def flops_per_token(self, task: Task, datamodule: SeqDataModule, device: torch.device) -> float:
        """Training FLOPs of a token, counted on a few batches; the task is in training mode."""

    # What is kept

    @abstractmethod
    def write(self, folder: RunFolder, found: Found, datamodule: SeqDataModule) -> None:
        """Store what was said of the test split in the run folder."""

    @abstractmethod
    def mirror(
        self, mirror: WandbMirror, record: RunRecord, datamodule: SeqDataModule, found: Found
    ) -> None:
        """Show W&B what belongs to this task, e.g. tables."""

    # A finished run again

    @abstractmethod
    def score_split(self, run: RestoredRun, split: str) -> Evaluated:
        """The run scored on a split of its data."""

    @abstractmethod
    def score_file(
        self, run: RestoredRun, path: str, *, text_column: str | None, label_column: str | None
    ) -> Evaluated:
        """The run scored on a file.

        Raises:
            DataError: the file cannot be used.
        """

    @abstractmethod
    def answers(self, run: RestoredRun, settings: Mapping[str, Any]) -> Answers:
        """What answers `seqbench predict`.

        Args:
            run: the run.
            settings: of conf/predict.yaml; None where nothing was said.

        Raises:
            ConfigError: a setting that this task does not know.
        """

    def _primary(self) -> Primary:
        return Primary(name=self.primary.name, higher_is_better=self.primary.higher_is_better)


@dataclass(frozen=True, kw_only=True)
class Evaluated:
    """A finished run scored once more.

    Attributes:
        scores: as a record keeps them, what was evaluated as `test`.
        size: what was scored, in a few words, e.g. "13 examples".
        lines: what else there is to print.
    """

    scores: Scores
    size: str
    lines: list[str] = field(default_factory=list)


class Answers(ABC):
    """Answers texts, one after another or all at once."""

    @abstractmethod
    def to_all(self, texts: Sequence[str], names: Sequence[str]) -> Iterator[str]:
        """What to print, in pieces as they come; line ends are among them.

        Args:
            texts: what to answer.
            names: what each is called in an error, e.g. "file notes.txt, line 3".

        Raises:
            DataError: a text cannot be answered; nothing is printed then.
        """


def refuse_settings(settings: Mapping[str, Any], foreign: Sequence[str], *, task: str) -> None:
    """Refuse what was said that this task does not know.

    Raises:
        ConfigError: one of the foreign settings is not None.
    """
    for name in foreign:
        if settings.get(name) is not None:
            raise ConfigError(
                name,
                expected=f"nothing, since the run's task is {task}",
                got=str(settings[name]),
                remedy="leave it out, or name a run of another task",
            )

"""Language modelling: a loss for every token of a text, and texts of the model's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seqbench.baselines.baseline import Fitted
from seqbench.baselines.language.language_baseline import LanguageBaseline
from seqbench.batch import DataSpec
from seqbench.data.datamodule import SeqDataModule
from seqbench.data.language_modeling import LanguageModelingData
from seqbench.data.sources.text_files import TextFileSource
from seqbench.errors import ConfigError
from seqbench.records.folder import RunFolder
from seqbench.records.record import RunRecord, Scores
from seqbench.records.token_losses import TokenLosses, write_token_losses
from seqbench.tasks.language_modeling import LanguageModeling, tokens_per_character
from seqbench.tasks.task import Task
from seqbench.token_scores import token_scores
from seqbench.training.kinds.kind import Answers, Evaluated, TaskKind, refuse_settings
from seqbench.training.wandb_mirror import WandbMirror

if TYPE_CHECKING:
    from seqbench.training.restore import RestoredRun


class LanguageModelingKind(TaskKind[TokenLosses]):
    """See TaskKind."""

    name = "language_modeling"
    primary = LanguageModeling.primary

    def of_network(self, task: Task) -> TokenLosses:
        """See TaskKind."""
        return TokenLosses(**task.gathered_predictions())

    def fit(self, baseline: Fitted, datamodule: SeqDataModule) -> None:
        """See TaskKind."""
        assert isinstance(datamodule, LanguageModelingData)
        vocab_size = datamodule.tokenizer.vocab_size
        _language_model(baseline).fit(np.asarray(datamodule.ids("train")), vocab_size)

    def of_baseline(self, baseline: Fitted, datamodule: SeqDataModule, split: str) -> TokenLosses:
        """See TaskKind."""
        assert isinstance(datamodule, LanguageModelingData)
        return _losses(baseline, np.asarray(datamodule.ids(split)))

    def scores(self, found: TokenLosses, spec: DataSpec, *, split: str) -> Scores:
        """See TaskKind."""
        return self._scores(found, tokens_per_character(spec, split))

    def write(self, folder: RunFolder, found: TokenLosses) -> None:
        """See TaskKind."""
        write_token_losses(folder.token_losses, found)

    def mirror(
        self, mirror: WandbMirror, record: RunRecord, datamodule: SeqDataModule, found: TokenLosses
    ) -> None:
        """See TaskKind."""

    def score_split(self, run: RestoredRun, split: str) -> Evaluated:
        """See TaskKind."""
        data = run.datamodule
        assert isinstance(data, LanguageModelingData)
        data.setup()
        return self._evaluated(run, data.ids(split), tokens_per_character(data.spec, split))

    def score_file(
        self, run: RestoredRun, path: str, *, text_column: str | None, label_column: str | None
    ) -> Evaluated:
        """A file of plain text, or a folder of such files."""
        columns = {"text_column": text_column, "label_column": label_column}
        refuse_settings(columns, tuple(columns), task=self.name)
        data = run.datamodule
        assert isinstance(data, LanguageModelingData)
        own = run.config["data"].get("source", {})
        settings = {key: own[key] for key in ("pattern", "encoding") if key in own}
        documents = TextFileSource(train=path, **settings).documents("train")
        ids = data.encode(documents)
        return self._evaluated(run, ids, len(ids) / sum(map(len, documents)))

    def answers(self, run: RestoredRun, settings: Mapping[str, Any]) -> Answers:
        """See TaskKind."""
        raise NotImplementedError

    def _evaluated(
        self, run: RestoredRun, ids: NDArray[np.int32], per_character: float
    ) -> Evaluated:
        found = _losses_of_run(run, ids)
        size = f"{len(found.losses):,} tokens"
        return Evaluated(scores=self._scores(found, per_character), size=size)

    def _scores(self, found: TokenLosses, per_character: float) -> Scores:
        test = token_scores(found.losses, tokens_per_character=per_character)
        return Scores(primary=self._primary(), test=test)


def _losses_of_run(run: RestoredRun, ids: NDArray[np.int32]) -> TokenLosses:
    if not isinstance(run.model, LanguageModeling):
        return _losses(run.model, np.asarray(ids))
    assert isinstance(run.datamodule, LanguageModelingData)
    return TokenLosses(**run.model.losses_of(run.datamodule.stream(ids)))


def _losses(baseline: Any, ids: NDArray[np.int32]) -> TokenLosses:
    losses = _language_model(baseline).losses(ids).astype(np.float32)
    return TokenLosses(targets=ids[1:].astype(np.int32), losses=losses)


def _language_model(baseline: Fitted) -> LanguageBaseline:
    if not isinstance(baseline, LanguageBaseline):
        raise ConfigError(
            "model",
            expected="a baseline that predicts tokens",
            got=type(baseline).__name__,
            remedy="use model=baseline/unigram or model=baseline/kneser_ney",
        )
    return baseline

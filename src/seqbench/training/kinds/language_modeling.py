"""Language modelling: a loss for every token of a text, and texts of the model's own."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from seqbench.baselines.baseline import Fitted
from seqbench.baselines.language.language_baseline import LanguageBaseline
from seqbench.batch import DataSpec
from seqbench.data.datamodule import SeqDataModule
from seqbench.data.language_modeling import LanguageModelingData
from seqbench.data.sources.text_files import TextFileSource
from seqbench.data.vocabulary_notes import unknown_tokens
from seqbench.errors import ConfigError
from seqbench.records.folder import RunFolder
from seqbench.records.record import RunRecord, Scores
from seqbench.records.token_losses import TokenLosses, write_token_losses
from seqbench.tasks.decoding.sampling import Sampling
from seqbench.tasks.language_modeling import LanguageModeling, tokens_per_character
from seqbench.tasks.task import Task
from seqbench.token_scores import token_scores
from seqbench.training.distributed import is_main
from seqbench.training.flops import per_token_of_windows
from seqbench.training.kinds.kind import (
    GENERATION,
    Answers,
    Evaluated,
    TaskKind,
    refuse_settings,
)
from seqbench.training.kinds.writing import LanguageModel, Writer, written_samples
from seqbench.training.wandb_mirror import WandbMirror

if TYPE_CHECKING:
    from seqbench.training.restore import RestoredRun

log = logging.getLogger(__name__)

FIGURES = (
    "tokens", "distinct_1", "distinct_2", "distinct_3", "repetition", "entropy", "perplexity",
)  # fmt: skip
TOKENS = 200  # of a continuation, unless told
BETWEEN = "-----\n"
SAMPLING = ("temperature", "top_k", "top_p", "repetition_penalty")


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

    def flops_per_token(self, task: Task, datamodule: SeqDataModule, device: torch.device) -> float:
        """See TaskKind."""
        assert isinstance(datamodule, LanguageModelingData)
        return per_token_of_windows(task, datamodule.train_dataloader(), device)

    def write(self, folder: RunFolder, found: TokenLosses, datamodule: SeqDataModule) -> None:
        """See TaskKind."""
        write_token_losses(folder.token_losses, found)

    def mirror(
        self, mirror: WandbMirror, record: RunRecord, datamodule: SeqDataModule, found: TokenLosses
    ) -> None:
        """The texts that the record keeps, with their figures."""
        rows = []
        for of_temperature in record.scores.samples:
            plain = asdict(of_temperature)
            figures = [plain[name] for name in FIGURES]
            texts = zip(of_temperature.prompts, of_temperature.texts, strict=True)
            rows += [[of_temperature.temperature, *pair, *figures] for pair in texts]
        if rows:
            mirror.table("samples", ["temperature", "prompt", "text", *FIGURES], rows)

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
        ids = data.encode(documents, name=f"file {path}")
        per_character = (len(ids) - 1) / data.predicted_characters(documents, ids)
        return self._evaluated(run, ids, per_character)

    def samples(
        self, model: Task | Fitted, datamodule: SeqDataModule, config: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Texts of the model's own at several temperatures; one process writes them."""
        if not is_main():
            return {}
        assert isinstance(datamodule, LanguageModelingData)
        assert isinstance(model, LanguageModel)
        return {"samples": written_samples(model, datamodule, config)}

    def answers(self, run: RestoredRun, settings: Mapping[str, Any]) -> Answers:
        """See TaskKind."""
        refuse_settings(settings, ("top",), task=self.name)
        data = run.datamodule
        assert isinstance(data, LanguageModelingData)
        assert isinstance(run.model, LanguageModel)
        writer = Writer(run.model, data.tokenizer, marks_documents=data.mark_documents)
        said = {name: settings[name] for name in GENERATION if settings[name] is not None}
        sampling = {name: value for name, value in said.items() if name in SAMPLING}
        return _Continuations(
            writer,
            sampling=Sampling(**sampling),
            seed=said.get("seed", 0),
            tokens=said.get("tokens", TOKENS),
            samples=said.get("samples", 1),
        )

    def _evaluated(
        self, run: RestoredRun, ids: NDArray[np.int32], per_character: float
    ) -> Evaluated:
        if unknown := unknown_tokens(ids, run.datamodule.tokenizer.unk_id):
            log.warning(unknown)
        found = _losses_of_run(run, ids)
        size = f"{len(found.losses):,} tokens"
        return Evaluated(scores=self._scores(found, per_character), size=size)

    def _scores(self, found: TokenLosses, per_character: float) -> Scores:
        test = token_scores(found.losses, tokens_per_character=per_character)
        return Scores(primary=self._primary(), test=test)


class _Continuations(Answers):
    """The text and how it goes on; a single one as it comes, several one below the other."""

    def __init__(
        self, writer: Writer, *, sampling: Sampling, seed: int, tokens: int, samples: int
    ) -> None:
        self.writer = writer
        self.sampling = sampling
        self.seed = seed
        self.tokens = tokens
        self.samples = samples

    def to_all(self, texts: Sequence[str], names: Sequence[str]) -> Iterator[str]:
        """See Answers."""
        read = [self.writer.prompt(text, name) for text, name in zip(texts, names, strict=True)]
        prompts = [prompt for prompt in read for _ in range(self.samples)]
        how: dict[str, Any] = {
            "sampling": self.sampling,
            "seed": self.seed,
            "tokens": self.tokens,
        }
        if len(prompts) == 1:
            yield self.writer.text(prompts[0]).lstrip("\n")
            yield from self.writer.pieces(prompts[0], **how)
            yield "\n"
            return
        written = self.writer.written(prompts, **how)
        for number, (prompt, ids) in enumerate(zip(prompts, written, strict=True)):
            if number:
                yield BETWEEN
            yield self.writer.text([*prompt, *ids]).lstrip("\n") + "\n"


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

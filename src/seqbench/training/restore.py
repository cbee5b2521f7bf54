"""A finished run, ready to be asked again: nothing but its folder is needed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from seqbench.baselines.baseline import Baseline, Fitted
from seqbench.batch import DataSpec
from seqbench.config.instantiate import instantiate
from seqbench.config.job import is_baseline, thaw
from seqbench.config.validate import refuse_wrong_parts
from seqbench.data.classification_module import ClassificationModule
from seqbench.data.datamodule import SeqDataModule
from seqbench.data.language_modeling import LanguageModelingData
from seqbench.data.tokenizers import load_tokenizer
from seqbench.domains import NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt
from seqbench.errors import CHANGED_BY_HAND, ConfigErrors, RecordError, kind_and_line
from seqbench.records.completed import completed_run
from seqbench.records.folder import RunFolder
from seqbench.records.load import StoredRun
from seqbench.records.record import RunRecord
from seqbench.tasks.classification import Classification
from seqbench.tasks.decoding.sampling import Sampling, Share
from seqbench.tasks.task import Task
from seqbench.training.assemble import build_data, build_task
from seqbench.training.checkpoint_file import read_checkpoint
from seqbench.training.kinds.writing import LanguageModel, Writer
from seqbench.training.trainer import TrainerSettings
from seqbench.training.training_files import best_checkpoint


@dataclass(frozen=True, kw_only=True)
class RestoredRun:
    """A completed run's model, tokenizer and settings.

    Attributes:
        record: the run's record.
        config: its resolved config.
        datamodule: its dataset, with the run's tokenizer; not set up.
        model: the trained task in eval mode, or the fitted baseline.
        label_names: names of the classes by id.
        device: what a network computes on.
    """

    record: RunRecord
    config: dict[str, Any]
    datamodule: SeqDataModule
    model: Task | Fitted
    label_names: tuple[str, ...]
    device: torch.device

    def probabilities(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """The probability of each class for each text, shape (N, C).

        Raises:
            RecordError: the run does not classify.
        """
        if isinstance(self.model, Baseline):
            return self.model.probabilities(texts)
        if not isinstance(self.model, Classification):
            raise RecordError(
                f"run {self.record.run_id}",
                expected="a run that classifies",
                got=f"task {self.datamodule.task}",
            )
        assert isinstance(self.datamodule, ClassificationModule)
        rows: list[NDArray[np.int64]] = []
        parts: list[NDArray[np.float64]] = []
        with torch.inference_mode():
            for batch in self.datamodule.encode_examples(texts):
                probabilities_BC = self.model.predict_step(batch.to(self.device), 0)
                parts.append(probabilities_BC.double().cpu().numpy())
                rows.append(batch.rows_B.numpy())
        order = np.argsort(np.concatenate(rows), kind="stable")
        result: NDArray[np.float64] = np.concatenate(parts)[order]
        return result

    def generate(
        self,
        texts: Sequence[str],
        *,
        tokens: PositiveInt = 200,
        temperature: NonNegativeFloat = 1.0,
        top_k: PositiveInt | None = None,
        top_p: Share = 1.0,
        repetition_penalty: PositiveFloat = 1.0,
        seed: NonNegativeInt = 0,
    ) -> list[str]:
        """How each text goes on, the texts themselves left out; see `Sampling` for the arguments.

        Raises:
            RecordError: the run is no language model.
            ConfigError: an argument out of its range.
            DataError: a text cannot be read.
        """
        data, model = self.datamodule, self.model
        if not isinstance(data, LanguageModelingData) or not isinstance(model, LanguageModel):
            raise RecordError(
                f"run {self.record.run_id}",
                expected="a run of a language model",
                got=f"task {data.task}",
            )
        writer = Writer(model, data.tokenizer, marks_documents=data.mark_documents)
        sampling = Sampling(
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            repetition_penalty=repetition_penalty,
        )
        prompts = [writer.prompt(text) for text in texts]
        written = writer.written(prompts, sampling=sampling, seed=seed, tokens=tokens)
        return [
            writer.text([*prompt, *ids])[len(writer.text(prompt)) :]
            for prompt, ids in zip(prompts, written, strict=True)
        ]


def restore(
    path: Path | str, *, datasets: str | None = None, cache: str | None = None
) -> RestoredRun:
    """The run whose folder is `path`.

    Args:
        path: a run folder, `outputs/<study>/<run_id>`, or a study folder that holds one run.
        datasets: the local mirror of the hub, in place of the run's own.
        cache: the folder for caches, likewise: the run may come from another machine.

    Raises:
        RecordError: there is no completed run, or its files are not as it wrote them.
    """
    run = completed_run(path)
    config = thaw(run.folder.config).config
    _refuse_changed(run.folder.config, config)
    with _as_written(run.folder):
        restored = _restored(run, config, datasets=datasets, cache=cache)
    if isinstance(restored.model, Task):
        restored.model.to(restored.device)  # no memory there is no damage to the run
    return restored


def _restored(
    run: StoredRun, config: dict[str, Any], *, datasets: str | None, cache: str | None
) -> RestoredRun:
    folder, record = run.folder, run.record
    here = {"datasets": datasets, "cache": cache}
    paths = config["paths"] | {name: path for name, path in here.items() if path is not None}
    config = {**config, "paths": paths}
    settings: TrainerSettings = instantiate(config["trainer"], "trainer")
    settings.apply()
    device = torch.device(settings.device_type() if settings.accelerator == "auto" else "cpu")
    datamodule = build_data(config)
    datamodule.tokenizer = load_tokenizer(folder.tokenizer)
    names = tuple(record.scores.confusion.labels) if record.scores.confusion else ()
    model: Task | Fitted
    if is_baseline(config):
        model = type(instantiate(config["model"], "model")).load(folder.checkpoints)
    else:
        model = _network(config, record, folder)
    return RestoredRun(
        record=record,
        config=config,
        datamodule=datamodule,
        model=model,
        label_names=names,
        device=device,
    )


def _refuse_changed(path: Path, config: dict[str, Any]) -> None:
    """A frozen config that could never have been composed was changed by hand."""
    try:
        refuse_wrong_parts(config)
    except ConfigErrors as found:
        raise RecordError(str(path), got="; ".join(e.line() for e in found.errors)) from found


@contextmanager
def _as_written(folder: RunFolder) -> Iterator[None]:
    """A file of a run that was changed by hand can fail anything that is built from it."""
    try:
        yield
    except CHANGED_BY_HAND as error:
        raise RecordError(
            f"run {folder.path}",
            expected="config, tokenizer and checkpoint as the run wrote them",
            got=kind_and_line(error),
            remedy="train it again with force=true",
        ) from error


def _network(config: dict[str, Any], record: RunRecord, folder: RunFolder) -> Task:
    try:
        checkpoint = read_checkpoint(best_checkpoint(folder))
    except RecordError as error:
        raise RecordError(
            error.name,
            expected="a checkpoint of this run",
            got=error.got,
            remedy="train it again with force=true",
        ) from error
    widths = {} if record.budget is None else record.budget.widths
    task = build_task(config, DataSpec.from_dict(checkpoint["spec"]), widths=widths)
    task.load_state_dict(checkpoint["state_dict"])
    return task.eval()

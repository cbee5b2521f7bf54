"""What Python programs and notebooks use: the same as the command line, without it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from seqbench.data.datamodule import SeqDataModule
    from seqbench.tasks.task import Task
    from seqbench.training.restore import RestoredRun


def build(
    *,
    model: str = "lstm",
    data: str = "docstrings",
    overrides: Sequence[str] = (),
    config_dirs: Sequence[Path | str] = (),
) -> tuple[Task, SeqDataModule]:
    """A LightningModule and its DataModule, ready for `Trainer.fit`.

    Args:
        model: an option of conf/model, e.g. "gru".
        data: an option of conf/data, e.g. "imdb".
        overrides: further ones, as on the command line: `["model.d_hidden=64"]`.
        config_dirs: folders with your own configs.

    Returns:
        The untrained task, its weights drawn from `seed`, and the data module, set up.

    Raises:
        ConfigErrors: every mistake in the choices and overrides.
        DataError: the data is missing or unreadable.
    """
    import pytorch_lightning as pl

    from seqbench.config.compose import compose_job
    from seqbench.config.job import is_baseline
    from seqbench.errors import ConfigError
    from seqbench.training.assemble import build_task, set_up_data

    job = compose_job([f"model={model}", f"data={data}", *overrides], config_dirs=config_dirs)
    if is_baseline(job.config):
        raise ConfigError(
            "model",
            expected="a network",
            got=model,
            remedy="a baseline is no LightningModule: seqbench train runs it",
        )
    datamodule = set_up_data(job.config)
    pl.seed_everything(job.seed, workers=True, verbose=False)
    return build_task(job.config, datamodule.spec), datamodule


def load_run(path: Path | str) -> RestoredRun:
    """A completed run: its trained module as `.model`, and `.probabilities(texts)`.

    Args:
        path: a run folder, or a study folder that holds one run.

    Raises:
        RecordError: there is no completed run.
    """
    from seqbench.training.restore import restore

    return restore(path)


def load_records(paths: Path | str | Sequence[Path | str]) -> pd.DataFrame:
    """One row a run, one column a field of the record, e.g. `test/accuracy`.

    Args:
        paths: run folders, study folders, or folders of studies.

    Raises:
        RecordError: a path does not exist.
    """
    from seqbench.report.load import load_frame

    return load_frame(paths)

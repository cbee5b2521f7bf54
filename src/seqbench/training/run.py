"""One run, from a frozen config to its record."""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytorch_lightning as pl

from seqbench.config.instantiate import instantiate
from seqbench.data.datamodule import SeqDataModule
from seqbench.errors import SeqbenchError
from seqbench.records.folder import RunFolder
from seqbench.records.predictions import write_predictions
from seqbench.records.provenance import collect_provenance, utc_now
from seqbench.records.record import Cost, Provenance, RunError, RunRecord, Scores
from seqbench.training import distributed
from seqbench.training.assemble import is_baseline, set_up_data
from seqbench.training.fit_baseline import fit_baseline
from seqbench.training.fit_network import fit_network
from seqbench.training.outcome import Outcome
from seqbench.training.run_log import run_log
from seqbench.training.trainer import TrainerSettings
from seqbench.training.wandb_mirror import WandbMirror, WandbSettings, announce
from seqbench.training.wandb_outcome import mirror_outcome

log = logging.getLogger(__name__)


def run(
    config: Mapping[str, Any], folder: RunFolder, *, overrides: Sequence[str] = ()
) -> RunRecord:
    """Train, evaluate once on test, and write the record.

    A run that fails leaves a record too; its exception is raised again once that is written.

    Args:
        config: the resolved config, with `choices`, `run_id` and `study`.
        folder: the run folder, claimed, with its frozen config in it.
        overrides: what the command line changed, for the record.
    """
    provenance = collect_provenance()
    mirror: WandbMirror | None = None
    with run_log(folder.log):
        try:
            started = time.perf_counter()
            settings: TrainerSettings = instantiate(config["trainer"], "trainer")
            settings.apply()
            settings.device_type()  # refused before any data is read
            pl.seed_everything(config["seed"], workers=True, verbose=False)
            datamodule = _prepare_data(config, folder)
            provenance = _with_data(provenance, datamodule)
            if distributed.must_launch(settings.devices):
                return distributed.launch(folder, settings.devices)
            mirror = _start_mirror(config, folder, datamodule.spec.task)
            fit = fit_baseline if is_baseline(config) else fit_network
            outcome = fit(config, folder, settings, datamodule, mirror, started)
            record = _success(config, overrides, provenance, outcome)
            if distributed.is_main():
                write_predictions(folder.predictions, outcome.predictions)
                folder.write_record(record)
            if mirror is not None:
                mirror_outcome(mirror, record, datamodule.texts("test"), outcome.predictions)
        except BaseException as error:
            log.error("run ended by %s: %s", type(error).__name__, error, exc_info=error)
            if not distributed.is_launched() and folder.read_record() is None:
                folder.write_record(_failure(config, overrides, provenance, error))
            if mirror is not None:
                mirror.finish(exit_code=130 if isinstance(error, KeyboardInterrupt) else 1)
            raise
        if mirror is not None:
            mirror.finish(exit_code=0)
        return record


def _prepare_data(config: Mapping[str, Any], folder: RunFolder) -> SeqDataModule:
    datamodule = set_up_data(config)
    for note in datamodule.notes:
        log.info("data: %s", note)
    if distributed.is_main():
        datamodule.tokenizer.save(folder.tokenizer)
    return datamodule


def _with_data(provenance: Provenance, datamodule: SeqDataModule) -> Provenance:
    return replace(
        provenance,
        data_fingerprint=datamodule.fingerprint(),
        tokenizer_fingerprint=datamodule.tokenizer.fingerprint(),
        data_notes=list(datamodule.notes),
        overlaps=dict(datamodule.overlaps),
    )


def _start_mirror(config: Mapping[str, Any], folder: RunFolder, task: str) -> WandbMirror | None:
    if config["logger"]["wandb"] is None or not distributed.is_main():
        return None
    settings: WandbSettings = instantiate(config["logger"]["wandb"], "logger.wandb")
    announce(settings)
    return settings.start(
        run_id=config["run_id"],
        study=config["study"],
        task=task,
        tags=[*config["tags"], config["choices"]["data"], config["choices"]["model"]],
        config=config,
        path=folder.path,
    )


def _success(
    config: Mapping[str, Any], overrides: Sequence[str], provenance: Provenance, outcome: Outcome
) -> RunRecord:
    provenance = replace(provenance, finished=utc_now(), device=outcome.device)
    return _record(
        config,
        overrides,
        status="completed",
        error=None,
        provenance=provenance,
        cost=outcome.cost,
        scores=outcome.scores,
    )


def _failure(
    config: Mapping[str, Any],
    overrides: Sequence[str],
    provenance: Provenance,
    error: BaseException,
) -> RunRecord:
    interrupted = isinstance(error, KeyboardInterrupt)
    return _record(
        config,
        overrides,
        status="interrupted" if interrupted else "failed",
        error=RunError(
            type=type(error).__name__,
            message=error.line() if isinstance(error, SeqbenchError) else str(error),
            traceback="".join(traceback.format_exception(error)),
        ),
        provenance=replace(provenance, finished=utc_now()),
        cost=Cost(),
        scores=Scores(),
    )


def _record(config: Mapping[str, Any], overrides: Sequence[str], **parts: Any) -> RunRecord:
    return RunRecord(
        run_id=config["run_id"],
        study=config["study"],
        seed=config["seed"],
        config=dict(config),
        overrides=list(overrides),
        **parts,
    )

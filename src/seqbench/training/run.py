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
from seqbench.errors import RecordError, SeqbenchError, Stopped, TrainingError
from seqbench.records.folder import RunFolder
from seqbench.records.provenance import collect_provenance, utc_now
from seqbench.records.record import (
    COMPLETED,
    FAILED,
    INTERRUPTED,
    PRUNED,
    Budget,
    Provenance,
    RunError,
    RunRecord,
)
from seqbench.training import distributed
from seqbench.training.arithmetic import arithmetic
from seqbench.training.assemble import set_up_data
from seqbench.training.interrupts import Interrupts
from seqbench.training.kinds import KINDS
from seqbench.training.memory import reset_peak_memory
from seqbench.training.outcome import Outcome
from seqbench.training.resume import MadeOf, ResumePoint, rollbacks_before
from seqbench.training.run_log import run_log
from seqbench.training.spending import accounted
from seqbench.training.trainer import TrainerSettings
from seqbench.training.training_files import discard_training
from seqbench.training.tries import Tries
from seqbench.training.wandb_mirror import WandbMirror, begin_service
from seqbench.training.wandb_outcome import mirror_outcome
from seqbench.training.wandb_replay import told_again
from seqbench.training.wandb_settings import WandbSettings, wandb_settings

log = logging.getLogger(__name__)


def run(
    config: Mapping[str, Any],
    folder: RunFolder,
    *,
    overrides: Sequence[str] = (),
    expected_data: str | None = None,
) -> RunRecord:
    """Train, evaluate once on test, and write the record.

    It goes on from the last checkpoint in the folder, if that is this run's. A run that fails
    leaves a record too; its exception is raised again once that is written. One that diverges goes
    back and on from there as a resumed one does, where it is told to.

    Args:
        config: the resolved config, with `choices`, `run_id` and `study`.
        folder: the run folder, claimed, with its frozen config in it.
        overrides: what the command line changed, for the record.
        expected_data: fingerprint of the data that it is meant to see; other data is told of
            before it trains.
    """
    provenance = collect_provenance(config)
    tries: Tries | None = None
    with (
        Interrupts() as interrupts,
        distributed.forked_ranks(folder, _devices(config)) as ranks,
        run_log(folder.log),
    ):
        try:
            started = time.perf_counter()
            settings = _apply_settings(config)
            provenance = replace(provenance, arithmetic=arithmetic(settings))
            wandb = _begin_wandb(config, trains=ranks is None)
            datamodule = _prepare_data(config, folder)
            provenance = _with_data(provenance, datamodule)
            _tell_of_other_data(provenance, expected_data)
            tries = Tries(
                config=config,
                folder=folder,
                settings=settings,
                datamodule=datamodule,
                wandb=wandb,
                interrupts=interrupts,
                made_of=_made_of(config, provenance, settings),
                started=started,
            )
            tries.resume()
            if ranks is not None:
                return ranks.work()
            distributed.note_training(threads=settings.threads)
            reset_peak_memory()
            outcome = tries.train()
            budget = accounted(config, tries.widths, outcome.cost, outcome.budget_share)
            record = _ended(config, overrides, provenance, outcome, tries.point, budget)
            if distributed.is_main():
                _write(folder, record, outcome, datamodule)
        except BaseException as error:
            _end_badly(error, config, folder, overrides, provenance, tries)
            raise
        _end_mirror(tries.mirror, folder, record, datamodule, outcome)
        return record


def _devices(config: Mapping[str, Any]) -> int:
    """How many processes train; asked before anything touches a GPU, which no fork survives."""
    return int(config["trainer"].get("devices", TrainerSettings.devices))


def _apply_settings(config: Mapping[str, Any]) -> TrainerSettings:
    settings: TrainerSettings = instantiate(config["trainer"], "trainer")
    settings.apply()
    settings.device_type()  # refused before any data is read
    pl.seed_everything(config["seed"], workers=True, verbose=False)
    return settings


def _begin_wandb(config: Mapping[str, Any], *, trains: bool) -> WandbSettings | None:
    """Where the run is mirrored; None where this process is not the one that does it."""
    settings = wandb_settings(config) if trains and distributed.is_main() else None
    if settings is not None:
        begin_service(settings)
    return settings


def _made_of(
    config: Mapping[str, Any], provenance: Provenance, settings: TrainerSettings
) -> MadeOf:
    """A run that goes on must be all of these as it was; the run id stands for the config.

    One that is forced must have begun so, to end what it began however many tries that takes.
    """
    begun = {"beginning": "forced"} if config["force"] else {}
    return {
        **begun,
        "config": config["run_id"],
        "code": provenance.code,
        "data": provenance.data_fingerprint,
        "versions": provenance.versions,
        "hardware": settings.device_type(),
    }


def _exit_code(error: BaseException) -> int:
    if isinstance(error, Stopped):
        return error.exit_code
    return 130 if isinstance(error, KeyboardInterrupt) else 1


def _log_end(error: BaseException) -> None:
    if isinstance(error, KeyboardInterrupt):
        log.info("run interrupted: %s", _line(error))
    else:
        log.error("run ended by %s: %s", type(error).__name__, error, exc_info=error)


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


def _tell_of_other_data(provenance: Provenance, expected: str | None) -> None:
    if expected not in (None, provenance.data_fingerprint):
        log.warning(
            "the data is not that of the record (fingerprint %s then, %s now): "
            "the results cannot be equal",
            expected,
            provenance.data_fingerprint,
        )


def _write(
    folder: RunFolder, record: RunRecord, outcome: Outcome, datamodule: SeqDataModule
) -> None:
    if not outcome.pruned:
        KINDS[datamodule.task].write(folder, outcome.found, datamodule)
    folder.write_record(record)
    discard_training(folder)


def _end_mirror(
    mirror: WandbMirror | None,
    folder: RunFolder,
    record: RunRecord,
    datamodule: SeqDataModule,
    outcome: Outcome,
) -> None:
    """The record is written: whatever fails here, the run has not."""
    if mirror is None:
        return
    try:
        mirror = told_again(mirror, folder)
        mirror_outcome(mirror, record, datamodule, outcome.found)
    except Exception as error:  # of the data, which may have gone since
        log.warning("W&B was not told all of the outcome: %s", _line(error))
    mirror.finish(exit_code=0)


def _ended(
    config: Mapping[str, Any],
    overrides: Sequence[str],
    provenance: Provenance,
    outcome: Outcome,
    point: ResumePoint | None,
    budget: Budget | None,
) -> RunRecord:
    provenance = replace(provenance, finished=utc_now(), device=outcome.device)
    return RunRecord.of(
        config,
        overrides,
        status=PRUNED if outcome.pruned else COMPLETED,
        provenance=provenance,
        cost=outcome.cost,
        scores=outcome.scores,
        weights=outcome.weights,
        rollbacks=rollbacks_before(point),
        budget=budget,
    )


def _end_badly(
    error: BaseException,
    config: Mapping[str, Any],
    folder: RunFolder,
    overrides: Sequence[str],
    provenance: Provenance,
    tries: Tries | None,
) -> None:
    """Log and record what ended the run, and close the mirror with it."""
    _log_end(error)
    if not distributed.is_launched():
        point = None if tries is None else tries.point
        _record_failure(folder, _failure(config, overrides, provenance, error, point))
    if tries is not None and tries.mirror is not None:
        tries.mirror.finish(exit_code=_exit_code(error))


def _record_failure(folder: RunFolder, record: RunRecord) -> None:
    """Leave it, if there is none: where it cannot be written, how the run ended is still told."""
    try:
        if folder.read_record() is None:
            folder.write_record(record)
    except RecordError as error:
        log.warning("that the run ended could not be recorded: %s", error.line())


def _failure(
    config: Mapping[str, Any],
    overrides: Sequence[str],
    provenance: Provenance,
    error: BaseException,
    point: ResumePoint | None,
) -> RunRecord:
    interrupted = isinstance(error, KeyboardInterrupt)
    trace = "" if interrupted else "".join(traceback.format_exception(error))
    return RunRecord.of(
        config,
        overrides,
        status=INTERRUPTED if interrupted else FAILED,
        error=RunError(
            type=error.signal.name if isinstance(error, Stopped) else type(error).__name__,
            message=_line(error),
            traceback=trace,
            details=error.details if isinstance(error, TrainingError) else {},
        ),
        rollbacks=rollbacks_before(point),
        provenance=replace(provenance, finished=utc_now()),
    )


def _line(error: BaseException) -> str:
    if isinstance(error, KeyboardInterrupt):
        return str(error) or "told to stop"
    return error.line() if isinstance(error, SeqbenchError) else str(error)

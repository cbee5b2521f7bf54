"""The config of a record, taken up again."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from seqbench.config.again import FREE, job_again
from seqbench.config.compose import compose_job
from seqbench.config.job import Job, is_baseline
from seqbench.errors import ConfigError, ConfigErrors, RecordError
from seqbench.records.folder import RunFolder
from seqbench.records.identity import EXCLUDED
from seqbench.records.load import StoredRun
from seqbench.records.provenance import collect_provenance
from seqbench.records.record import RunRecord


@pytest.fixture
def said(tiny: list[str]) -> Job:
    """What was said when the run was recorded."""
    return compose_job([*tiny, "study=mine", "paths.outputs=there", "tags=[old]"])


@pytest.fixture
def recorded(said: Job) -> StoredRun:
    """Its record."""
    record = RunRecord.of(
        said.config, said.overrides, status="completed", provenance=collect_provenance()
    )
    return StoredRun(folder=RunFolder(said.folder), record=record)


def again(run: StoredRun, *overrides: str) -> Job:
    return job_again(run, compose_job(["from=x", *overrides]))


def changed(run: StoredRun, change: Callable[[dict[str, Any]], Any]) -> StoredRun:
    """The run with something in its recorded config changed by hand."""
    config = copy.deepcopy(run.record.config)
    change(config)
    return replace(run, record=replace(run.record, config=config))


def test_the_same_run_in_a_study_of_its_own(said: Job, recorded: StoredRun) -> None:
    job = again(recorded)
    assert (job.run_id, job.study, job.overrides) == (said.run_id, "mine-again", said.overrides)
    assert job.folder == Path("outputs") / "mine-again" / said.run_id
    expected = {**said.config, "study": "mine-again"}
    here = compose_job([]).config["paths"]
    assert job.config == {**expected, "paths": here}


def test_a_mirror_of_datasets_is_the_record_s_where_none_is_named(
    recorded: StoredRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = changed(recorded, lambda config: config["paths"].update(datasets="/its/mirror"))
    monkeypatch.delenv("SEQBENCH_DATASETS", raising=False)
    assert again(there).config["paths"]["datasets"] == "/its/mirror"
    monkeypatch.setenv("SEQBENCH_DATASETS", "/mine")
    assert again(there).config["paths"]["datasets"] == "/mine"


@pytest.mark.parametrize(
    ("override", "key", "value"),
    [
        ("paths.outputs=elsewhere", "paths.outputs", "elsewhere"),
        ("study=check", "study", "check"),
        ("force=true", "force", True),
        ("tags=[new]", "tags", ["new"]),
        ("logger=offline", "logger.wandb.mode", "offline"),
        ("logger.wandb.project=p", "logger.wandb.project", "p"),
        ("callbacks.progress=null", "callbacks.progress", None),
        ("data.num_workers=2", "data.num_workers", 2),
        ("trainer.checkpoint_every=5", "trainer.checkpoint_every", 5),
        ("trainer.profiler=simple", "trainer.profiler", "simple"),
    ],
)
def test_what_cannot_change_the_result_may_be_said(
    override: str, key: str, value: Any, recorded: StoredRun
) -> None:
    with_mirror = changed(
        recorded, lambda config: config.update(logger=compose_job([]).config["logger"])
    )
    job = again(with_mirror, override)
    node: Any = job.config
    for part in key.split("."):
        node = node[part]
    assert node == value
    assert job.run_id == recorded.record.run_id


@pytest.mark.parametrize("key", ["data.num_workers", "trainer.checkpoint_every"])
def test_what_is_taken_away_has_its_default(key: str, recorded: StoredRun) -> None:
    group, _, leaf = key.partition(".")
    assert leaf not in again(recorded, f"~{key}").config[group]


def test_what_may_be_said_is_no_part_of_the_identity() -> None:
    assert set(FREE) <= set(EXCLUDED)


def test_everything_else_is_refused_at_once(recorded: StoredRun) -> None:
    with pytest.raises(ConfigErrors) as raised:
        again(
            recorded, "model=gru", "seed=1", "trainer.log_every=1", "debug=fast", "callbacks=none"
        )
    lines = raised.value.line().splitlines()
    assert [line.partition(":")[0] for line in lines] == [
        "model", "seed", "trainer.log_every", "debug", "callbacks",
    ]  # fmt: skip
    assert lines[1] == (
        "seed: expected nothing beside from=… but paths, logger, study, tags, force, "
        "callbacks.progress, data.num_workers, trainer.checkpoint_every, trainer.profiler, got 1; "
        "it could change the result: leave it out"
    )


def test_never_over_the_run_itself(recorded: StoredRun) -> None:
    with pytest.raises(ConfigError, match=r"study: expected another folder than that of the run"):
        again(recorded, "study=mine", "paths.outputs=./there")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda c: c["model"].update(_target_="seqbench.models.lstm.LTSM"),
            r"record\.json, config\.model\._target_: .*got seqbench\.models\.lstm\.LTSM",
        ),
        (
            lambda c: c["model"].update(_target_="their_package.Encoder"),
            r"config\.model\._target_: expected a module that can be imported.*install",
        ),
        (
            lambda c: c["model"].update(_target_="os.system"),
            r"config\.model\._target_: expected a target that may be built from a config",
        ),
        (lambda c: c["model"].update(d_hiden=3), r"config\.model\.d_hiden: .*did you mean"),
        (lambda c: c.pop("optimizer"), r"config\.optimizer: expected a mapping, got nothing"),
        (lambda c: c["trainer"].update(threads="two"), r"config\.trainer\.threads: .*got 'two'"),
    ],
)
def test_a_config_that_cannot_be_run_here(
    change: Callable[[dict[str, Any]], Any], message: str, recorded: StoredRun
) -> None:
    with pytest.raises(ConfigErrors) as raised:
        again(changed(recorded, change))
    assert re.search(message, raised.value.line())


def test_a_config_that_was_changed_since(recorded: StoredRun) -> None:
    other = changed(recorded, lambda config: config["optimizer"].update(lr=0.5))
    with pytest.raises(RecordError, match=rf"expected the config of run {recorded.record.run_id}"):
        again(other)


def test_what_no_result_hangs_on_may_be_missing(recorded: StoredRun) -> None:
    """As in records of a version that did not know the key."""
    older = changed(recorded, lambda config: (config.pop("claims"), config.pop("question")))
    assert again(older).config["claims"] == []


def test_choices_by_hand_do_not_make_a_network_a_baseline(recorded: StoredRun) -> None:
    for choices in ({}, None, {"model": "baseline/majority"}):
        with pytest.raises(RecordError, match=r"expected the config of run"):
            again(changed(recorded, lambda c, choices=choices: c.update(choices=choices)))
    job = again(
        changed(recorded, lambda c: c["choices"].update(model="baseline/lstm", tokenizer=3))
    )
    assert not is_baseline(job.config)

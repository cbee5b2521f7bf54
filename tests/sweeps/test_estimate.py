"""What runs will cost, judged by those that are complete."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.sweeps.stored import make_job, store

from seqbench.config.job import Job
from seqbench.sweeps.estimate import Estimate, estimate
from seqbench.sweeps.state import survey


def estimated(jobs: list[Job], slots: int = 1) -> Estimate:
    return estimate(jobs, survey(jobs), slots)


def test_a_run_costs_what_the_others_seeds_did(tmp_path: Path) -> None:
    jobs = [make_job(tmp_path, seed=seed) for seed in range(3)]
    store(jobs[0], seconds=(2.0, 10.0, 1.0))
    store(jobs[1], seconds=(2.0, 14.0, 1.0))
    store(make_job(tmp_path, seed=0, width=99), seconds=(2.0, 1000.0, 1.0))
    assert estimated(jobs).runs == {jobs[2].run_id: 15.0}


def test_the_first_run_alone_fills_the_cache_of_its_data(tmp_path: Path) -> None:
    jobs = [make_job(tmp_path, seed=seed) for seed in range(3)]
    store(jobs[0], seconds=(60.0, 10.0, 1.0))
    store(jobs[1], seconds=(2.0, 10.0, 1.0))
    assert estimated(jobs).runs == {jobs[2].run_id: 13.0}


def test_failing_those_what_runs_of_the_same_model_and_data_did(tmp_path: Path) -> None:
    store(make_job(tmp_path, width=4), seconds=(0.0, 10.0, 0.0))
    store(make_job(tmp_path, width=16), seconds=(0.0, 30.0, 0.0))
    store(make_job(tmp_path, model="gru"), seconds=(0.0, 500.0, 0.0))
    job = make_job(tmp_path, width=8)
    assert estimated([job]).runs == {job.run_id: 20.0}


def test_what_cannot_change_a_result_makes_no_other_configuration(tmp_path: Path) -> None:
    store(make_job(tmp_path, tags=["a"], trainer={"max_epochs": 3, "log_every": 1}))
    store(make_job(tmp_path, width=9), seconds=(0.0, 500.0, 0.0))
    job = make_job(tmp_path, seed=1, tags=["b"])
    assert estimated([job]).runs == {job.run_id: 11.5}


def test_of_a_run_like_none_before_nothing_is_known(tmp_path: Path) -> None:
    store(make_job(tmp_path, model="gru"))
    job = make_job(tmp_path)
    found = estimated([job])
    assert found.runs == {job.run_id: None}
    assert (found.unknown, found.seconds) == (1, 0.0)


@pytest.mark.parametrize("status", ["failed", "interrupted"])
def test_only_completed_runs_say_what_a_run_costs(tmp_path: Path, status: str) -> None:
    store(make_job(tmp_path, seed=0), status)
    job = make_job(tmp_path, seed=1)
    assert estimated([job]).runs == {job.run_id: None}


def test_figures_that_are_not_there_do_no_harm(tmp_path: Path) -> None:
    store(make_job(tmp_path, seed=0), seconds=(None, None, None))
    store(make_job(tmp_path, seed=1), seconds=(None, 4.0, None))
    (store(make_job(tmp_path, seed=2)).record).write_text("{")
    job = make_job(tmp_path, seed=3)
    assert estimated([job]).runs == {job.run_id: 4.0}


def test_the_slots_share_the_work_but_not_one_run(tmp_path: Path) -> None:
    runs = {"a": 10.0, "b": 10.0, "c": 10.0, "d": None}
    assert Estimate(runs=runs, slots=2).seconds == 15.0
    assert Estimate(runs=runs, slots=16).seconds == 10.0
    assert Estimate(runs=runs, slots=2).unknown == 1


def test_to_do_is_what_is_not_complete_or_forced(tmp_path: Path) -> None:
    jobs = [make_job(tmp_path, seed=0), make_job(tmp_path, seed=1, force=True)]
    jobs += [make_job(tmp_path, seed=2), make_job(tmp_path, seed=3)]
    store(jobs[0])
    store(jobs[1])
    store(jobs[2], "failed")
    assert set(estimated(jobs).runs) == {job.run_id for job in jobs[1:]}


def test_what_is_to_do_can_be_said(tmp_path: Path) -> None:
    jobs = [make_job(tmp_path, seed=seed) for seed in range(3)]
    store(jobs[0])
    found = estimate(jobs, survey(jobs), 2, todo=[jobs[0].run_id])
    assert found.runs == {jobs[0].run_id: 11.5}

"""A whole search through Hydra's sweeper: a known function in place of training."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import optuna
import pytest
from tests.rarely import rarely
from tests.sweeps.test_sweep import Now, Seen
from tests.sweeps.tuning import jobs
from tests.sweeps.tuning.conftest import TOY, Search, arguments
from tests.sweeps.tuning.jobs import SPACE

from seqbench.config.job import Job
from seqbench.errors import ConfigError, ConfigErrors, RecordError
from seqbench.records import provenance
from seqbench.records.claim import Held
from seqbench.records.folder import RunFolder
from seqbench.records.load import load_records
from seqbench.records.searches import SearchPart, is_trial, search_part
from seqbench.sweeps.execute import exit_code
from seqbench.sweeps.tuning import ownership
from seqbench.sweeps.tuning.trials import Trial
from seqbench.sweeps.tuning.tuning import database_url

HASHING = [f"seqbench.sweeps.tuning.{module}" for module in ("search", "tuning")]
POOL = ["hydra/launcher=pool", "hydra.launcher.slots=2"]


def database(out: Path, name: str = "default") -> optuna.Study:
    return optuna.load_study(study_name=name, storage=f"sqlite:///{out / name / 'optuna.db'}")


def states(trials: list[Trial]) -> Counter[str]:
    return Counter(trial.state for trial in trials)


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_forty_trials_find_the_region_of_the_optimum(sampler: str, search: Search) -> None:
    tuning = search(*SPACE, "hydra.sweeper.n_trials=40", f"hydra/sweeper/sampler={sampler}")
    assert states(tuning.trials) == {"completed": 40}, [t.reason for t in tuning.trials]
    (best,) = tuning.best
    assert best.results[0] > (0.99 if sampler == "tpe" else 0.9)
    assert 10**-3 < best.values["optimizer.lr"] < 10**-2
    first = [trial.results[0] for trial in tuning.trials[:15]]
    last = [trial.results[0] for trial in tuning.trials[25:]]
    if sampler == "tpe":  # it has learned something
        assert sum(last) / len(last) > sum(first) / len(first) + 0.1


def test_what_is_written_can_be_read_without_optuna(search: Search, out: Path) -> None:
    tuning = search(*SPACE, "hydra.sweeper.n_trials=5")
    found = jobs.study(out / "default")
    assert found["objectives"] == [{"name": "validation/accuracy", "direction": "maximize"}]
    assert found["counts"] == {"completed": 5, "pruned": 0, "failed": 0, "running": 0}
    assert found["best"] == [tuning.best[0].number]
    for trial in found["trials"]:
        record = RunFolder(out / "default" / trial["run_id"]).read_record()
        assert record is not None
        assert record.scores.validation["accuracy"] == trial["values"][0]
        assert record.config["optimizer"]["lr"] == trial["params"]["optimizer.lr"]
        assert record.config["model"]["d_hidden"] == trial["params"]["model.d_hidden"]
    with (out / "default" / "trials.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["run_id"] for row in rows] == [trial["run_id"] for trial in found["trials"]]
    assert [float(row["validation/accuracy"]) for row in rows] == [
        trial["values"][0] for trial in found["trials"]
    ]


def test_trials_say_in_their_records_what_they_are(search: Search, out: Path) -> None:
    search(*SPACE, "hydra.sweeper.n_trials=2", "hydra/sweeper/sampler=random")
    parts = [search_part(record.config) for record in load_records(out).records]
    assert parts == [SearchPart(phase="trial", sampler="Random", at_random=True)] * 2


def test_a_trial_is_the_run_that_train_would_do(search: Search, out: Path) -> None:
    from seqbench.config.compose import compose_job

    search(*SPACE, "hydra.sweeper.n_trials=1")
    (record,) = load_records(out).records
    assert compose_job(record.overrides, config_dirs=[TOY / "conf"]).run_id == record.run_id


def test_equal_values_are_one_run_and_each_trial_is_told(search: Search, out: Path) -> None:
    tuning = search("model.d_hidden=16,64", "hydra.sweeper.n_trials=9")
    assert states(tuning.trials) == {"completed": 9}
    assert len(jobs.executed(out / "default")) == len({t.run_id for t in tuning.trials}) == 2
    by_run: dict[Any, set[Any]] = {}
    for trial in tuning.trials:
        by_run.setdefault(trial.run_id, set()).add((trial.values["model.d_hidden"], *trial.results))
    assert all(len(found) == 1 for found in by_run.values())


def test_no_more_trials_are_drawn_than_run_at_once(search: Search, out: Path) -> None:
    drawn: list[int] = []

    def look(job: Job) -> Any:
        running = [t for t in database(out).trials if t.state is optuna.trial.TrialState.RUNNING]
        drawn.append(len(running))
        return jobs.known(job)

    search("model.d_hidden=16,64", "hydra.sweeper.n_trials=9", execute=look)
    assert max(drawn) == Now().prepare([])


def test_a_search_that_learns_nothing_says_so(search: Search) -> None:
    said = "all 3 trials are drawn before one has ended: TPE learns nothing from them; "
    for sampler, expected in (("tpe", 1), ("random", 0)):
        seen, study = Seen(), f"study={sampler}"
        three = "hydra.sweeper.n_trials=3"
        search(*SPACE, three, f"hydra/sweeper/sampler={sampler}", study, seen=seen)
        assert sum(line.startswith(said) for line in seen.log) == expected


def test_the_same_command_goes_on_until_there_are_enough(search: Search, out: Path) -> None:
    random = [*SPACE, "hydra/sweeper/sampler=random"]
    first = search(*random, "hydra.sweeper.n_trials=3")
    more = search(*random, "hydra.sweeper.n_trials=7")
    again = search(*random, "hydra.sweeper.n_trials=7")
    assert [len(each.trials) for each in (first, more, again)] == [3, 7, 7]
    assert more.trials[:3] == first.trials
    assert again.trials == more.trials
    assert again.outcomes == []
    assert len(set(jobs.executed(out / "default"))) == len(jobs.executed(out / "default")) == 7


def test_the_seed_decides_what_is_drawn(search: Search) -> None:
    def drawn(study: str, seed: int) -> list[Any]:
        said = (f"study={study}", f"hydra.sweeper.seed={seed}", "hydra.sweeper.n_trials=4")
        return [trial.values for trial in search(*SPACE, *said).trials]

    first = drawn("a", 1)
    assert drawn("b", 1) == first
    assert drawn("c", 2) != first


def test_nan_and_errors_are_failed_trials_and_the_study_goes_on(search: Search) -> None:
    tuning = search(*SPACE, "hydra.sweeper.n_trials=15", execute=jobs.in_trouble)
    assert states(tuning.trials).total() == 15
    for trial in tuning.trials:
        width = trial.values["model.d_hidden"]
        assert isinstance(width, int)
        if width >= 80:
            assert (trial.state, trial.reason) == (
                "failed", "loss: expected a finite number, got nan",
            )  # fmt: skip
        elif width <= 24:
            assert trial.reason == (
                "validation/accuracy: expected a finite number, got NaN or infinity"
            )
        else:
            assert trial.state == "completed"
    assert {"failed", "completed"} == set(states(tuning.trials))


def test_failed_runs_are_done_again_where_that_may_help(search: Search) -> None:
    before = search(*SPACE, "hydra.sweeper.n_trials=8", execute=jobs.in_trouble)
    raised = [trial for trial in before.trials if "got nan" in trial.reason]
    no_number = [trial for trial in before.trials if "NaN" in trial.reason]
    assert raised
    assert no_number
    alone = search(*SPACE, "hydra.sweeper.n_trials=8", "retry_failed=false")
    assert alone.trials == before.trials
    after = search(*SPACE, "hydra.sweeper.n_trials=8")
    assert states(after.trials) == {"completed": 8 - len(no_number), "failed": len(no_number)}
    assert {str(t.values) for t in raised} <= {
        str(t.values) for t in after.trials if t.state == "completed"
    }


def test_no_more_are_done_again_than_are_wanted(search: Search, out: Path) -> None:
    before = search(*SPACE, "hydra.sweeper.n_trials=8", execute=jobs.in_trouble)
    raised = [trial for trial in before.trials if "got nan" in trial.reason]
    assert len(raised) >= 2
    fewer = search(*SPACE, f"hydra.sweeper.n_trials={8 - len(raised)}")
    assert fewer.trials == before.trials
    one_more = search(*SPACE, f"hydra.sweeper.n_trials={8 - len(raised) + 1}")
    assert len(jobs.executed(out / "default")) == 1
    assert len(one_more.trials) == 8 - len(raised) + 1
    assert not [trial for trial in one_more.trials if "got nan" in trial.reason]
    assert not [t for t in database(out).trials if t.state is optuna.trial.TrialState.WAITING]


def test_what_waits_for_its_turn_is_no_trial_yet(search: Search, out: Path) -> None:
    search(*SPACE, "hydra.sweeper.n_trials=2")
    database(out).enqueue_trial({"optimizer.lr": 0.01, "model.d_hidden": 40})
    same = search(*SPACE, "hydra.sweeper.n_trials=2")
    assert states(same.trials) == {"completed": 2}
    more = search(*SPACE, "hydra.sweeper.n_trials=3")
    assert more.trials[-1].values == {"optimizer.lr": 0.01, "model.d_hidden": 40}


def test_what_is_yet_to_come(search: Search) -> None:
    def to_come(n_trials: int, **settings: Any) -> int:
        tuning = replace(done.tuning, n_trials=n_trials)
        return replace(done, tuning=tuning, settings={**done.settings, **settings}).to_come()

    done = search(*SPACE, "hydra.sweeper.n_trials=8", execute=jobs.in_trouble)
    raised = sum("got nan" in trial.reason for trial in done.trials)
    assert to_come(8) == raised > 0
    assert to_come(8, retry_failed=False) == 0
    assert to_come(20, retry_failed=False) == 12
    assert to_come(3, retry_failed=False) == 0


def test_a_process_that_dies_is_a_failed_trial(search: Search) -> None:
    tuning = search(*SPACE, "hydra.sweeper.n_trials=3", *POOL, execute=dies_if_wide)
    for trial in tuning.trials:
        wide = trial.values["model.d_hidden"] >= 90
        assert trial.state == ("failed" if wide else "completed")
        assert ("killed by SIGKILL" in trial.reason) == wide
    assert len(states(tuning.trials)) == 2


def dies_if_wide(job: Job) -> Any:
    if job.config["model"]["d_hidden"] >= 90:
        os.kill(os.getpid(), signal.SIGKILL)
    return jobs.known(job)


def test_trials_run_side_by_side(search: Search) -> None:
    seen = Together()
    said = ["hydra.sweeper.n_trials=6", "hydra.sweeper.parallel=8", *POOL]
    tuning = search(*SPACE, *said, execute=jobs.slowly, seen=seen)
    assert states(tuning.trials) == {"completed": 6}
    assert seen.most == 2
    assert seen.begun == (0, 2)  # as many as the launcher runs


class Together(Seen):
    """Counts what runs at once."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.most = 0

    def started(self, job: Job) -> None:
        self.now += 1
        self.most = max(self.most, self.now)

    def ended(self, outcome: Any) -> None:
        self.now -= 1


def test_a_published_launcher_is_given_as_many_as_wanted(search: Search) -> None:
    launcher = ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2", "hydra.sweeper.parallel=2"]
    tuning = search(*SPACE, "hydra.sweeper.n_trials=4", *launcher)
    assert states(tuning.trials) == {"completed": 4}


# Pruning


def test_hopeless_trials_are_given_up(
    search: Search, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_EPOCH_SECONDS", "0.6")
    monkeypatch.setattr("seqbench.sweeps.tuning.search.LOOK_SECONDS", 0.1)
    said = ["hydra/sweeper/pruner=median", "hydra.sweeper.pruner.startup=2", *POOL]
    tuning = search(
        *SPACE, "hydra.sweeper.n_trials=7", *said, "hydra.sweeper.seed=3", execute=jobs.by_epochs
    )
    found = states(tuning.trials)
    assert found["pruned"] >= 1
    assert found["completed"] >= 2
    assert found.total() == 7
    worst = max(t.results[0] for t in tuning.trials if t.state == "completed")
    for trial in tuning.trials:
        validations = list((trial.validations or {}).values())
        if trial.state == "pruned":
            assert 1 <= len(validations) < jobs.EPOCHS
            assert max(validations) < worst
            record = RunFolder(out / "default" / str(trial.run_id)).read_record()
            assert record is not None
            assert (record.status, record.scores.test, record.error) == ("pruned", {}, None)
            answer = json.loads(RunFolder(out / "default" / str(trial.run_id)).prune.read_text())
            assert answer["trial"] == trial.number
        else:
            assert len(validations) == jobs.EPOCHS
    assert exit_code(tuning.outcomes) == 0
    assert jobs.study(out / "default")["counts"]["pruned"] == found["pruned"]


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (
            ["hydra.sweeper.objective=[validation/accuracy,cost.parameters]"],
            "hydra/sweeper/pruner: expected none with several objectives, by which no running trial"
            " is worse than another, got Median",
        ),
        (
            ["hydra.sweeper.objective=cost.parameters"],
            "none with the objective cost.parameters, of which running trials tell nothing",
        ),
        ([], "expected none with a launcher that tells nothing while it runs"),
    ],
)
def test_pruning_that_cannot_be(said: list[str], message: str, search: Search) -> None:
    with pytest.raises(ConfigErrors) as caught:
        search(*SPACE, "hydra/sweeper/pruner=median", *said)
    assert message in caught.value.line()


def test_a_run_that_has_ended_unwatched_has_its_validations(
    search: Search, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_EPOCH_SECONDS", "0")

    def stop(job: Job) -> Any:
        jobs.by_epochs(job)
        raise KeyboardInterrupt

    search(*SPACE, "hydra.sweeper.n_trials=1", execute=stop)
    (trial,) = search(*SPACE, "hydra.sweeper.n_trials=1").trials
    assert trial.state == "completed"
    told = trial.validations or {}
    assert list(told) == list(range(1, jobs.EPOCHS + 1))
    assert told[jobs.EPOCHS] == pytest.approx(trial.results[0] - 0.1 / jobs.EPOCHS)


def test_what_never_had_a_number_has_failed_whatever_the_pruner_says(search: Search) -> None:
    said = ["hydra/sweeper/pruner=asha", "hydra.sweeper.n_trials=2", *POOL]
    for _ in range(2):  # and once more, where the record is there
        tuning = search(*SPACE, *said, execute=jobs.never_a_number)
        assert states(tuning.trials) == {"failed": 2}
        assert {trial.reason for trial in tuning.trials} == {
            "validation/accuracy: expected a finite number, got NaN or infinity"
        }
    assert jobs.study(tuning.folder)["counts"]["failed"] == 2


def test_an_old_answer_ends_no_run(search: Search) -> None:
    answers: list[bool] = []

    def answered(job: Job) -> Any:
        answers.append(RunFolder(job.folder).prune.exists())
        RunFolder(job.folder).prune.write_text("{}")
        raise KeyboardInterrupt

    for _ in range(2):
        search(*SPACE, "hydra.sweeper.n_trials=1", execute=answered)
    assert answers == [False, False]


# Several objectives


def test_of_several_objectives_the_front_is_kept(search: Search) -> None:
    tuning = search(
        "model.d_hidden=range(8,129,8)",
        "hydra.sweeper.objective=[validation/accuracy,cost.parameters]",
        "hydra.sweeper.n_trials=12",
        "hydra/sweeper/sampler=random",
        "hydra.sweeper.seed=2",
    )
    done = {trial.number: trial.results for trial in tuning.trials}
    front = {trial.number for trial in tuning.best}
    assert 1 < len(front) < 12
    for number, (accuracy, parameters) in done.items():
        better = [
            other for other in done.values()
            if other[0] >= accuracy and other[1] <= parameters and other != (accuracy, parameters)
        ]  # fmt: skip
        same = [n for n in front if done[n] == (accuracy, parameters)]
        assert (number in front) == (not better and (not same or number in same))
    assert len({done[number] for number in front}) == len(front)


# The winner


def test_the_winner_is_run_again_on_fresh_seeds(search: Search, out: Path) -> None:
    tuning = search(*SPACE, "hydra.sweeper.n_trials=4", "hydra.sweeper.retrain_best=3", "seed=7")
    plan = tuning.finals()
    assert plan is not None
    assert [job.seed for job in plan.jobs] == [8, 9, 10]
    with tuning.claimed():
        outcomes = plan.execute(jobs.known, Seen())
    assert [outcome.status for outcome in outcomes] == ["completed"] * 3
    best = tuning.best[0]
    ids = [job.run_id for job in plan.jobs]
    assert jobs.study(out / "default")["finals"] == {str(best.number): ids}
    for record in load_records(out).records:
        part = search_part(record.config)
        assert part is not None
        assert (part.phase == "final") == (record.seed in (8, 9, 10))
        if part.phase == "final":
            assert record.config["optimizer"]["lr"] == best.values["optimizer.lr"]
            assert record.config["model"]["d_hidden"] == best.values["model.d_hidden"]


def test_a_winner_that_was_beaten_leaves_no_result(search: Search, out: Path) -> None:
    said = [*SPACE, "hydra.sweeper.retrain_best=1", "hydra/sweeper/sampler=random"]
    first = search(*said, "hydra.sweeper.n_trials=2")
    plan = first.finals()
    assert plan is not None
    plan.execute(jobs.known, Seen())
    finals = jobs.study(out / "default")["finals"]
    search(*said, "hydra.sweeper.n_trials=2")
    assert jobs.study(out / "default")["finals"] == finals  # of the same winner
    more = search(*said, "hydra.sweeper.n_trials=12")
    assert more.best[0].number not in {trial.number for trial in first.best}
    assert jobs.study(out / "default")["finals"] == {}
    plan = more.finals()
    assert plan is not None
    assert jobs.study(out / "default")["finals"] == {
        str(more.best[0].number): [plan.jobs[0].run_id]
    }


def test_without_a_winner_nothing_is_run_again(search: Search) -> None:
    def fails(job: Job) -> Any:
        raise ValueError("no")

    tuning = search(
        *SPACE, "hydra.sweeper.n_trials=2", "hydra.sweeper.retrain_best=2", execute=fails
    )
    assert tuning.best == []
    assert tuning.finals() is None


# What is refused


def test_a_changed_space_is_refused_and_says_what_changed(search: Search) -> None:
    search(*SPACE, "hydra.sweeper.n_trials=1")
    with pytest.raises(ConfigErrors) as caught:
        search("model.d_hidden=int(interval(8,128))", "model.dropout=0.1,0.2")
    assert caught.value.line().splitlines() == [
        "optimizer.lr: expected 0.0001 to 0.1, logarithmic, as when the study began, got it not to "
        "be searched; give the search another name with study=NAME, or say what was said before",
        "model.dropout: expected it not to be searched, as when the study began, got 0.1,0.2; give "
        "the search another name with study=NAME, or say what was said before",
    ]
    with pytest.raises(ConfigErrors, match=r"model\.d_hidden: expected 8 to 128, as.* got 8 to 64"):
        search(SPACE[0], "model.d_hidden=int(interval(8,64))")
    with pytest.raises(ConfigErrors, match=r"model\.dropout: expected 0\.0, as .*, got 0\.5"):
        search(*SPACE, "model.dropout=0.5")
    with pytest.raises(ConfigErrors, match=r"objective: expected maximize validation/accuracy, as"):
        search(*SPACE, "hydra.sweeper.objective=validation/loss")
    search(*SPACE, "hydra.sweeper.n_trials=2", "tags=[x]")  # what changes no result may change


def test_what_nothing_came_of_may_be_begun_anew(search: Search) -> None:
    def stop(job: Job) -> Any:
        raise KeyboardInterrupt

    assert set(states(search(*SPACE, execute=stop).trials)) == {"running"}
    tuning = search("model.d_hidden=8,16", "hydra.sweeper.n_trials=2")
    assert states(tuning.trials) == {"completed": 2}


# Other code


@pytest.fixture
def other_code(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes the code another one from now on."""

    def change(code: str = "changed") -> None:
        for module in HASHING:
            monkeypatch.setattr(f"{module}.code_hash", lambda _: code)
        monkeypatch.setenv("TEST_CODE", code)  # for what jobs write, in whatever process

    return change


def test_trials_of_other_code_are_not_added_to(search: Search, other_code: Any) -> None:
    then = provenance.code_hash({"jobs": []})
    before = search(*SPACE, "hydra.sweeper.n_trials=3")
    assert not before.stale
    other_code()
    with pytest.raises(ConfigErrors) as caught:
        search(*SPACE, "hydra.sweeper.n_trials=4")
    (line,) = caught.value.line().splitlines()
    assert line.startswith("code: expected ")
    assert line.endswith(
        ", as when the study began, got changed; give the search another name with study=NAME, or "
        "have all its trials done again with rerun=stale"
    )
    assert then != "changed"
    whole = search(*SPACE, "hydra.sweeper.n_trials=3")  # it can still be reported
    assert whole.stale
    assert whole.trials == before.trials


def test_other_libraries_are_told_as_other_code_is(
    search: Search, monkeypatch: pytest.MonkeyPatch
) -> None:
    search(*SPACE, "hydra.sweeper.n_trials=1")
    found = {**provenance.versions(), "torch": "1.0"}
    monkeypatch.setattr("seqbench.sweeps.tuning.tuning.versions", lambda: found)
    with pytest.raises(ConfigErrors, match=r"^torch: expected .*, got 1\.0; give"):
        search(*SPACE, "hydra.sweeper.n_trials=2")


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_stale_trials_are_done_again(
    sampler: str, search: Search, out: Path, other_code: Any
) -> None:
    said = [*SPACE, f"hydra/sweeper/sampler={sampler}", "rerun=stale"]
    before = search(*said, "hydra.sweeper.n_trials=3")
    again = search(*said, "hydra.sweeper.n_trials=4")  # nothing is stale
    assert again.trials[:3] == before.trials
    other_code()
    after = search(*said, "hydra.sweeper.n_trials=5", execute=jobs.again)
    assert states(after.trials) == {"completed": 5}
    assert not after.stale
    for trial in after.trials:
        record = RunFolder(out / "default" / str(trial.run_id)).read_record()
        assert record is not None
        assert record.provenance.code == "changed"
    assert len(jobs.executed(out / "default")) == 4 + 5
    assert jobs.study(out / "default")["counts"]["completed"] == 5


def test_a_record_of_other_code_is_no_value_of_a_trial(
    search: Search, out: Path, other_code: Any
) -> None:
    def stop(job: Job) -> Any:
        jobs.known(job)
        raise KeyboardInterrupt

    search(*SPACE, "hydra.sweeper.n_trials=1", execute=stop)
    other_code()
    (trial,) = search(*SPACE, "hydra.sweeper.n_trials=1", execute=jobs.again).trials
    assert trial.state == "completed"
    assert jobs.executed(out / "default") == [trial.run_id] * 2


def test_other_data_is_told_as_other_code_is(
    search: Search, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = search(*SPACE, "hydra.sweeper.n_trials=2")
    monkeypatch.setenv("TEST_DATA", "now")
    with pytest.raises(ConfigErrors) as caught:
        search(*SPACE, "hydra.sweeper.n_trials=3")
    assert caught.value.line() == (
        "data: expected the data with which the study began, got other data; give the search "
        "another name with study=NAME, or have all its trials done again with rerun=stale"
    )
    whole = search(*SPACE, "hydra.sweeper.n_trials=2")  # it can still be reported
    assert whole.stale
    assert whole.trials == before.trials
    calls: list[str] = []

    def stopped_once(job: Job) -> Any:
        calls.append(job.run_id)
        if len(calls) == 2:  # after the look at the data
            raise KeyboardInterrupt
        return jobs.again(job)

    again = [*SPACE, "hydra.sweeper.n_trials=3", "rerun=stale"]
    assert set(states(search(*again, execute=stopped_once).trials)) == {"running"}
    after = search(*again, execute=jobs.again)
    assert states(after.trials) == {"completed": 3}
    for record in load_records(out).records:
        assert record.provenance.data_fingerprint == "now"
    assert len(jobs.executed(out / "default")) == 2 + 3


def stopping(after: int) -> Any:
    """As `jobs.again`, stopped in the job behind so many calls."""
    calls: list[str] = []

    def execute(job: Job) -> Any:
        calls.append(job.run_id)
        if len(calls) > after:
            raise KeyboardInterrupt
        return jobs.again(job)

    return execute


FEW = ["model.d_hidden=16,32,64,128", "hydra/sweeper/sampler=random", "hydra.sweeper.n_trials=12"]


@pytest.mark.parametrize(
    ("said", "anew", "after"),
    [
        (FEW, "force=true", []),  # gone on with in the same data, unforced
        ([*SPACE, "hydra.sweeper.n_trials=4"], "rerun=stale", ["rerun=stale"]),
    ],
)
def test_no_record_from_before_a_study_was_begun_anew_counts(
    said: list[str], anew: str, after: list[str], search: Search, out: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    search(*said)
    monkeypatch.setenv("TEST_DATA", "two")
    begun = search(*said, anew, execute=stopping(2))
    assert states(begun.trials)["running"]
    if after:  # the data is another once more
        monkeypatch.setenv("TEST_DATA", "three")
    whole = search(*said, *after, execute=jobs.again)
    assert set(states(whole.trials)) == {"completed"}
    records = [RunFolder(out / "default" / str(each.run_id)).read_record() for each in whole.trials]
    seen = {each.provenance.data_fingerprint for each in records if each is not None}
    assert seen == {"three" if after else "two"}


def test_what_is_refused_costs_no_trial(
    search: Search, out: Path, other_code: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = search(*SPACE, "hydra.sweeper.n_trials=3", execute=jobs.in_trouble)
    written = jobs.study(out / "default")

    def refuse(launcher: Any, asked: Any) -> int:
        raise ConfigErrors([ConfigError("trainer.devices", expected="fewer")])

    with monkeypatch.context() as patch:
        patch.setattr(Now, "prepare", refuse)
        with pytest.raises(ConfigErrors, match="fewer"):
            search(*SPACE, "hydra.sweeper.n_trials=3", "force=true")
        with pytest.raises(ConfigErrors, match="fewer"):  # failed ones stay as they are, too
            search(*SPACE, "hydra.sweeper.n_trials=9")
        other_code()
        with pytest.raises(ConfigErrors, match="fewer"):
            search(*SPACE, "hydra.sweeper.n_trials=3", "rerun=stale")
    assert jobs.study(out / "default") == written
    ended = [trial.state.is_finished() for trial in database(out).trials]
    assert ended == [True] * len(before.trials)


def test_a_search_with_nothing_to_do_asks_for_no_machine(
    search: Search, monkeypatch: pytest.MonkeyPatch
) -> None:
    search(*SPACE, "hydra.sweeper.n_trials=2")
    asked: list[int] = []

    def prepare(launcher: Any, asked_for: Any) -> int:
        asked.append(len(asked_for))
        return 3

    monkeypatch.setattr(Now, "prepare", prepare)
    search(*SPACE, "hydra.sweeper.n_trials=2")
    assert asked == []
    seen = Seen()
    search(*SPACE, "hydra.sweeper.n_trials=3", seen=seen)
    assert len(asked) == 1
    assert seen.begun == (0, 1)


def test_a_search_is_forced(search: Search, out: Path) -> None:
    said = ["model.d_hidden=16,64", "hydra.sweeper.n_trials=6"]
    search(*said)
    runs = len(jobs.executed(out / "default"))
    after = search(*said, "force=true", execute=jobs.again)
    assert states(after.trials) == {"completed": 6}
    assert len(jobs.executed(out / "default")) == 2 * runs  # each once, however often it is drawn
    with pytest.raises(ConfigErrors, match="expected 16,64, as when the study began"):
        search("model.d_hidden=16,32", "force=true")


# A database for several


@pytest.fixture
def shared(tmp_path: Path) -> str:
    """The URL of a database that is not in the study's folder."""
    return f"sqlite:///{tmp_path / 'shared.db'}"


@pytest.mark.parametrize("trials", [0, 1])
def test_another_programs_study_is_left_alone(trials: int, search: Search, shared: str) -> None:
    theirs = optuna.create_study(study_name="default", storage=shared, direction="maximize")
    theirs.set_user_attr("by", "them")
    theirs.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=trials)
    with pytest.raises(ConfigError) as caught:
        search(*SPACE, f"hydra.sweeper.storage='{shared}'")
    assert caught.value.line() == (
        "study: expected the name of a search of seqbench's, or one that is new to the database, "
        f"got default, another program's study of {trials} trials; give the search another name "
        "with study=NAME"
    )
    found = optuna.load_study(study_name="default", storage=shared)
    assert len(found.trials) == trials
    assert found.user_attrs == {"by": "them"}


def test_a_study_that_was_killed_as_it_was_made_is_taken_up(search: Search, shared: str) -> None:
    optuna.create_study(study_name="default", storage=shared, direction="maximize")
    tuning = search(*SPACE, f"hydra.sweeper.storage='{shared}'", "hydra.sweeper.n_trials=1")
    assert states(tuning.trials) == {"completed": 1}


def owned(shared: str, seconds_ago: float, **changes: Any) -> optuna.Study:
    study = optuna.load_study(study_name="default", storage=shared)
    who = {"host": "elsewhere", "pid": 7, "folder": "/their/out", **changes}
    study.set_user_attr(ownership.OWNER, {**who, "at": time.time() - seconds_ago})
    return study


def test_a_study_that_lives_elsewhere_is_left_alone(search: Search, shared: str) -> None:
    def stop(job: Job) -> Any:
        raise KeyboardInterrupt

    said = [f"hydra.sweeper.storage='{shared}'", "hydra.sweeper.n_trials=2"]
    search(*SPACE, *said, execute=stop)
    study = owned(shared, 5)
    for space in (SPACE, ["model.d_hidden=8,16"]):  # to be adopted, or to be begun anew
        with pytest.raises(ConfigError, match="got default, held by process 7 on elsewhere for"):
            search(*space, *said)
    assert [trial.state.name for trial in study.trials] == ["RUNNING"] * 2
    owned(shared, 2 * ownership.FRESH_SECONDS)
    assert states(search(*SPACE, *said).trials) == {"completed": 2}


def test_signs_of_life_come_while_a_run_takes_its_time(
    search: Search, shared: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ownership, "BEAT_SECONDS", 0.05)
    seen: list[dict[str, Any]] = []

    def look(job: Job) -> Any:
        study = optuna.load_study(study_name="default", storage=shared)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and len({each["at"] for each in seen}) < 3:
            seen.append(study.user_attrs[ownership.OWNER])
            time.sleep(0.02)
        return jobs.known(job)

    search(*SPACE, f"hydra.sweeper.storage='{shared}'", "hydra.sweeper.n_trials=1", execute=look)
    assert len({each["at"] for each in seen}) >= 3
    assert {each["pid"] for each in seen} == {os.getpid()}
    study = optuna.load_study(study_name="default", storage=shared)
    assert study.user_attrs[ownership.OWNER] is None


def test_a_study_that_another_has_taken_is_given_up(
    search: Search, shared: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ownership, "BEAT_SECONDS", 0.05)

    def taken(job: Job) -> Any:
        owned(shared, 0)
        time.sleep(1)
        return jobs.known(job)

    said = [f"hydra.sweeper.storage='{shared}'", "hydra.sweeper.parallel=1"]
    with pytest.raises(ConfigError, match="held by process 7 on elsewhere"):
        search(*SPACE, *said, execute=taken)
    study = optuna.load_study(study_name="default", storage=shared)
    assert len(study.trials) == 1
    assert study.user_attrs[ownership.OWNER]["pid"] == 7


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("sqlite:////nowhere/at/all.db", "sqlite:////nowhere/at/all.db: "),
        ("gibberish", "no URL: "),
        ("postgresql+nothing://me:secret@host/db", r"me:\*\*\*@host"),
        ("postgresql+nothing://host/db?password=secret", r"password=\*\*\*"),
    ],
)
def test_a_database_that_cannot_be_reached(url: str, expected: str, search: Search) -> None:
    with pytest.raises(ConfigError) as caught:
        search(*SPACE, f"hydra.sweeper.storage='{url}'")
    line = caught.value.line()
    assert line.startswith("hydra.sweeper.storage: expected the URL of a database that can be")
    assert "secret" not in line
    assert expected.replace("\\", "") in line


def test_an_objective_that_no_run_logs(search: Search) -> None:
    with pytest.raises(ConfigError) as caught:
        search(
            *SPACE,
            "hydra.sweeper.objective=validation/acuracy",
            "hydra.sweeper.directions=maximize",
        )
    assert caught.value.line() == (
        "hydra.sweeper.objective: expected one of what these runs log (validation/accuracy, "
        "validation/loss), got validation/acuracy; did you mean validation/accuracy?"
    )


def test_an_objective_that_no_run_logs_is_seen_at_the_first_validation(
    search: Search, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_EPOCH_SECONDS", "60")
    with pytest.raises(ConfigError, match=r"validation/loss\), got validation/f1"):
        search(
            *SPACE, *POOL, "hydra.sweeper.objective=validation/f1",
            "hydra.sweeper.directions=maximize", execute=jobs.by_epochs,
        )  # fmt: skip


def test_a_run_that_lacks_the_objective_is_a_failed_trial_where_others_have_it(
    search: Search,
) -> None:
    done: list[str] = []

    def lacks(job: Job) -> Any:
        found = jobs.record_of(job)
        if done:
            found = replace(found, scores=replace(found.scores, validation={"loss": 0.5}))
        done.append(job.run_id)
        return jobs.done(found)

    tuning = search(*SPACE, "hydra.sweeper.n_trials=3", execute=lacks)
    assert [trial.state for trial in tuning.trials] == ["completed", "failed", "failed"]
    assert tuning.trials[1].reason.startswith("hydra.sweeper.objective: expected one of what these")


def test_a_kind_that_lacks_the_objective_says_nothing_of_other_kinds(search: Search) -> None:
    def lacks(job: Job) -> Any:
        if job.config["model"]["_target_"].endswith("WideEncoder"):
            found = jobs.record_of(job)
            return jobs.done(replace(found, scores=replace(found.scores, validation={"loss": 1})))
        return jobs.known(job)

    said = ["model=wide,toy", "hydra/sweeper/sampler=random", "hydra.sweeper.n_trials=8"]
    for seed in range(4):  # whichever is drawn first
        found = search(*said, f"hydra.sweeper.seed={seed}", f"study=s{seed}", execute=lacks)
        for trial in found.trials:
            is_wide = trial.values["model"] == "wide"
            assert trial.state == ("failed" if is_wide else "completed")
        assert states(found.trials).total() == 8


def test_a_cost_that_a_run_has_not_is_a_failed_trial(search: Search) -> None:
    said = ["hydra.sweeper.objective=cost.flops", "hydra.sweeper.n_trials=2"]
    for _ in range(2):  # and once more, where the record is there
        tuning = search(*SPACE, *said)
        assert states(tuning.trials) == {"failed": 2}
        assert tuning.trials[0].reason == "cost.flops: expected a finite number, got nothing"


def test_mistakes_before_anything_starts(search: Search, out: Path) -> None:
    with pytest.raises(ConfigErrors) as caught:
        search("model.d_hidden=interval(8,128)", "hydra.sweeper.n_trials=2", "model.dropot=0.1,0.2")
    lines = sorted(caught.value.line().splitlines())
    assert lines[0].startswith("model.d_hidden: expected an integer >= 1, got 128.0")
    assert any(line.startswith("model.dropot: expected a key of Encoder") for line in lines)
    with pytest.raises(ConfigErrors) as caught:
        search(
            *SPACE, "hydra.sweeper.n_trials=0", "hydra.sweeper.retrain_best=-1",
            "hydra.sweeper.directions=up",
        )  # fmt: skip
    assert [line.partition(":")[0] for line in caught.value.line().splitlines()] == [
        "hydra.sweeper.n_trials", "hydra.sweeper.directions", "hydra.sweeper.retrain_best",
    ]  # fmt: skip
    assert not out.exists()


def test_reasons_keep_secrets(search: Search, out: Path) -> None:
    def fails(job: Job) -> Any:
        raise ValueError("no answer from https://me:hunter22@host")

    search(*SPACE, "hydra.sweeper.n_trials=1", execute=fails)
    (trial,) = jobs.study(out / "default")["trials"]
    assert trial["reason"] == "ValueError: no answer from https://me:***@host"
    for name in ("trials.csv", "optuna.db"):
        assert b"hunter22" not in (out / "default" / name).read_bytes()


@pytest.mark.parametrize("name", ["plain", "a?b", "100 %41#"])
def test_the_database_lies_in_the_folder_whatever_its_name(name: str, tmp_path: Path) -> None:
    (tmp_path / name).mkdir()
    optuna.create_study(storage=database_url(tmp_path / name))
    assert [path.name for path in (tmp_path / name).iterdir()] == ["optuna.db"]
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_study_that_somebody_deletes_is_told_in_a_line(search: Search, out: Path) -> None:
    def deletes(job: Job) -> Any:
        url = f"sqlite:///{out / 'default' / 'optuna.db'}"
        optuna.delete_study(study_name="default", storage=url)
        return jobs.known(job)

    with pytest.raises(ConfigError, match=r"storage: expected a database that stays, got .*exist"):
        search(*SPACE, "hydra.sweeper.n_trials=2", execute=deletes)


def test_a_sampler_that_cannot_draw_is_told_in_a_line(
    search: Search, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lacks(*given: Any) -> Any:
        raise ModuleNotFoundError("No module named 'cmaes'")

    monkeypatch.setattr(optuna.samplers.RandomSampler, "sample_independent", lacks)
    with pytest.raises(ConfigError, match=r"sampler: expected a sampler that can .* 'cmaes'"):
        search(*SPACE, "hydra/sweeper/sampler=random")


def test_an_option_for_another_package_is_refused(search: Search) -> None:
    with pytest.raises(ConfigErrors, match="model@model: "):
        search("model@model=toy,wide")


def test_one_process_does_a_search_at_a_time(search: Search) -> None:
    tuning = search(*SPACE, "hydra.sweeper.n_trials=1")
    with (
        tuning.claimed(),
        pytest.raises(RecordError, match="held by process"),
    ):
        search(*SPACE, "hydra.sweeper.n_trials=2")


def test_optunas_own_parts(search: Search) -> None:
    tuning = search(
        *SPACE,
        "hydra/sweeper/sampler=random",
        "hydra.sweeper.sampler._target_=optuna.samplers.QMCSampler",
        "+hydra.sweeper.sampler.scramble=true",
        "hydra.sweeper.n_trials=3",
    )
    assert states(tuning.trials) == {"completed": 3}
    assert not tuning.tuning.at_random
    with pytest.raises(ConfigErrors, match="expected an Optuna pruner, or what builds one"):
        search(*SPACE, "hydra.sweeper.pruner={_target_: optuna.samplers.RandomSampler}")


# Killed


PROGRAM = """
import importlib, sys
sys.path[:0] = {paths!r}
for module in {hashing!r}:  # somebody may be editing while the test runs
    importlib.import_module(module).code_hash = lambda _: "same"
from tests.sweeps.test_sweep import Seen
from tests.sweeps.tuning import conftest, jobs
from seqbench.sweeps.command import run_sweep

def verb(tuning):
    conftest.lighten(tuning, {arguments!r})
    with tuning.claimed():
        tuning.search(jobs.slowly, Seen())
    return 0

run_sweep({arguments!r}, verb)
"""


def killed(out: Path, said: list[str], after: int) -> int:
    """Starts the search in a process, and kills it when so many runs have been executed."""
    root = str(Path(__file__).parents[3])
    text = textwrap.dedent(PROGRAM).format(
        paths=[root, str(TOY / "code")], hashing=HASHING, arguments=arguments(out, *said)
    )
    process = subprocess.Popen([sys.executable, "-c", text], start_new_session=True)
    while process.poll() is None and len(jobs.executed(out / "default")) < after:
        pass
    if process.poll() is None:
        os.kill(process.pid, signal.SIGKILL)
    return process.wait()


@pytest.mark.parametrize("kills", [2, *rarely(10)])
def test_a_search_that_is_killed_loses_nothing_and_counts_nothing_twice(
    kills: int, out: Path, search: Search, other_code: Any
) -> None:
    other_code("same")
    wanted = 3 * kills + 2
    said = [*SPACE, f"hydra.sweeper.n_trials={wanted}", *POOL]
    ended: set[str] = set()
    for kill in range(1, kills + 1):
        assert killed(out, said, after=3 * kill) == -signal.SIGKILL
        study = database(out)
        ends = [trial.user_attrs for trial in study.trials if trial.state.is_finished()]
        now = {each["run_id"] for each in ends if "run_id" in each}  # a draw cut short has none
        assert ended <= now
        ended = now
    tuning = search(*said, execute=jobs.slowly)
    trials = database(out).trials
    assert states(tuning.trials) == {"completed": wanted}
    assert {trial.state.name for trial in trials} <= {"COMPLETE", "FAIL"}
    assert sum(trial.state.name == "COMPLETE" for trial in trials) == wanted
    assert ended <= {trial.run_id for trial in tuning.trials}
    assert len({trial.run_id for trial in tuning.trials}) == wanted
    names = jobs.executed(out / "default")
    assert len(names) == len(set(names))  # what has a record is not trained again
    assert len(load_records(out).records) == wanted


def test_stopped_trials_are_gone_on_with(search: Search, out: Path) -> None:
    calls: list[str] = []

    def stopped_once(job: Job) -> Any:
        calls.append(job.run_id)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return jobs.known(job)

    first = search(*SPACE, "hydra.sweeper.n_trials=5", execute=stopped_once)
    assert states(first.trials) == {"completed": 2, "running": 1}
    second = search(*SPACE, "hydra.sweeper.n_trials=5", execute=stopped_once)
    assert states(second.trials) == {"completed": 5}
    assert calls[4] == calls[2]  # after a look at the data
    assert len(set(calls)) == 5


def test_a_run_that_ended_while_nobody_was_told_is_told_now(search: Search, out: Path) -> None:
    def stop(job: Job) -> Any:
        jobs.known(job)
        raise KeyboardInterrupt

    first = search(*SPACE, "hydra.sweeper.n_trials=1", execute=stop)
    assert states(first.trials) == {"running": 1}
    second = search(*SPACE, "hydra.sweeper.n_trials=1")
    assert states(second.trials) == {"completed": 1}
    assert len(jobs.executed(out / "default")) == 1


def test_a_draw_that_was_killed_halfway_does_not_count(search: Search, out: Path) -> None:
    search(*SPACE, "hydra.sweeper.n_trials=1")
    half = database(out).ask()
    half.suggest_float("optimizer.lr", 1e-4, 1e-1, log=True)
    tuning = search(*SPACE, "hydra.sweeper.n_trials=3")
    assert states(tuning.trials) == {"completed": 3}
    assert [trial.state.name for trial in database(out).trials].count("RUNNING") == 0


def test_a_second_try_that_was_killed_as_it_was_drawn_is_not_lost(
    search: Search, out: Path
) -> None:
    search(*SPACE, "hydra.sweeper.n_trials=1")
    again = {"optimizer.lr": 0.01, "model.d_hidden": 40}
    database(out).enqueue_trial(again)
    database(out).ask()
    tuning = search(*SPACE, "hydra.sweeper.n_trials=2")
    assert states(tuning.trials) == {"completed": 2}
    assert tuning.trials[-1].values == again


def test_values_that_do_not_go_together_are_a_failed_trial(
    search: Search, monkeypatch: pytest.MonkeyPatch
) -> None:
    from seqbench.sweeps.tuning.tuning import Tuning

    compose = Tuning.job

    def refuse(self: Tuning, trial: Trial, fresh: int = 0) -> Job:
        if trial.number == 1:
            raise ConfigErrors([ConfigError("model.d_hidden", expected="a multiple of 4")])
        return compose(self, trial, fresh)

    monkeypatch.setattr(Tuning, "job", refuse)
    tuning = search(*SPACE, "hydra.sweeper.n_trials=3")
    assert [trial.state for trial in tuning.trials] == ["completed", "failed", "completed"]
    assert tuning.trials[1].reason == "model.d_hidden: expected a multiple of 4"


def test_what_another_makes_of_it(search: Search) -> None:
    """A run that another process holds is not told, and gone on with another time."""

    def held(job: Job) -> Any:
        return SimpleNamespace(
            record=SimpleNamespace(status="interrupted", error=None), was_complete=False, stale=()
        )

    tuning = search(*SPACE, "hydra.sweeper.n_trials=2", execute=held)
    assert states(tuning.trials) == {"running": 2}
    assert exit_code(tuning.outcomes) == 130


def test_what_another_process_holds_is_said(search: Search, out: Path) -> None:
    def held(job: Job) -> Any:
        raise Held("a/.lock", got="held by process 7")

    seen = Seen()
    tuning = search(*SPACE, "hydra.sweeper.n_trials=1", execute=held, seen=seen)
    assert states(tuning.trials) == {"running": 1}
    assert any("held by process 7" in line for line in seen.log)


def test_a_run_that_was_there_is_shown_by_its_validation(search: Search, out: Path) -> None:
    def unmarked(job: Job) -> Any:
        config = {key: value for key, value in job.config.items() if key != "search"}
        return jobs.known(replace(job, config=config))

    search("model.d_hidden=16,64", "hydra.sweeper.n_trials=1", execute=unmarked)
    (record,) = load_records(out).records
    assert search_part(record.config) is None
    (out / "default" / "optuna.db").unlink()
    tuning = search("model.d_hidden=16,64", "hydra.sweeper.n_trials=1")
    (outcome,) = tuning.outcomes
    assert outcome.already
    assert outcome.record is not None
    assert is_trial(outcome.record.config)

"""A budget ends the training where it is used up, however often the run was stopped on its way."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from tests.training.stopping import killed, result, steps_of, stopped

from seqbench.api import load_run
from seqbench.config.compose import compose_job
from seqbench.config.job import Job
from seqbench.config.schema import BudgetKeys
from seqbench.errors import ConfigError, TrainingError
from seqbench.records.folder import RunFolder
from seqbench.records.metrics import read_metrics
from seqbench.records.record import Budget, Cost, RunRecord
from seqbench.sweeps.state import progress
from seqbench.tasks.classification import Classification
from seqbench.training import fit_network
from seqbench.training.callbacks import Stopwatch
from seqbench.training.execute import execute
from seqbench.training.kinds.classification import ClassificationKind
from seqbench.training.spending import Spending, accounted

BATCHES = 10
NETWORK = {"choices": {"model": "lstm"}}
TEXT = ["trainer.accumulate=2", "scheduler=cosine", "model.dropout=0.2"]


@pytest.fixture
def make(tiny: list[str], tmp_path: Path) -> Callable[..., Job]:
    """Composes a job of ten small batches an epoch, each in a folder of its own."""

    def job(name: str, *overrides: str) -> Job:
        small = unreplaced(tiny, *overrides)
        return compose_job(
            [*small, "data.batch_size=4", *overrides, f"paths.outputs={tmp_path / name}"]
        )

    return job


def unreplaced(lines: list[str], *overrides: str) -> list[str]:
    """The lines without what is not to be said beside a budget."""
    budgets = {each.partition("=")[0] for each in overrides}
    ended = budgets & {"budget.flops", "budget.seconds"}
    replaced = ["trainer.max_epochs="] * bool(ended)
    replaced += ["model.d_hidden="] * ("budget.params" in budgets)
    return [line for line in lines if not line.startswith(tuple(replaced))]


def measured(job: Job) -> float:
    """Training FLOPs of a token, as a run without a budget tells them."""
    cost = execute(job).record.cost
    assert cost.flops and cost.tokens
    return cost.flops / cost.tokens


@pytest.fixture
def per_token(make: Callable[..., Job]) -> float:
    """The same of the jobs as they are."""
    return measured(make("measured", "trainer.max_epochs=1"))


def budget_of(record: RunRecord) -> Budget:
    assert record.budget is not None
    return record.budget


def rates(job: Job) -> list[float]:
    rows = read_metrics(job.folder / "metrics.jsonl")
    return [row["train/learning_rate"] for row in rows if "train/learning_rate" in row]


def test_flops_end_it_at_the_first_step_that_reaches_them(make: Any, per_token: float) -> None:
    tokens = 63 * 4 * 5.5  # in the seventh epoch, though trainer.max_epochs is 5
    flops = tokens * per_token
    job = make("flops", f"budget.flops={flops}", "trainer.log_every=1", "scheduler=cosine")
    record, steps = steps_of(job)
    budget, cost = budget_of(record), record.cost
    rows = [row for row in read_metrics(job.folder / "metrics.jsonl") if "train/loss" in row]
    assert [row["tokens"] >= tokens for row in rows] == [False] * (steps - 1) + [True]
    assert steps > 5 * BATCHES
    assert budget.flops_reached == cost.flops
    assert flops <= (cost.flops or 0) < flops + per_token * 4 * 9
    assert (budget.used_up, budget.reproducible, budget.seconds) == (True, True, None)
    assert (budget.params, budget.widths, budget.params_reached) == (None, {}, cost.parameters)


def test_the_schedule_comes_to_its_end_with_the_budget(make: Any, per_token: float) -> None:
    job = make(
        "cosine", f"budget.flops={60 * 4 * 5.5 * per_token}", "trainer.log_every=1",
        "scheduler=cosine", "scheduler.final=0.0",
    )  # fmt: skip
    execute(job)
    found = rates(job)
    peak = max(found)
    assert peak == pytest.approx(job.config["optimizer"]["lr"], rel=0.02)
    assert found.index(peak) == pytest.approx(0.1 * len(found), abs=2)
    assert found[len(found) // 2] == pytest.approx(
        peak * 0.5 * (1 + math.cos(math.pi * 0.4 / 0.9)), rel=0.1
    )
    assert found[-1] < peak / 50
    assert found[found.index(peak) :] == sorted(found[found.index(peak) :], reverse=True)


def test_after_the_end_it_is_validated(make: Any, per_token: float) -> None:
    job = make("early", f"budget.flops={3 * 4 * 5.5 * per_token}")
    record, steps = steps_of(job)
    assert steps < BATCHES
    assert record.scores.best_epoch == 0
    validated = [r for r in read_metrics(job.folder / "metrics.jsonl") if "validation/loss" in r]
    assert [row["step"] for row in validated] == [steps]
    assert record.cost.epochs == 0  # none was finished


@pytest.mark.parametrize(
    "overrides",
    [
        ["trainer.accumulate=3", "trainer.evals_per_epoch=2", "scheduler=cosine"],
        ["model=transformer", "~model.d_hidden", "model.d_model=8", "model.num_heads=2",
         "optimizer=sgd", "scheduler=plateau"],
    ],
    ids=["cosine", "plateau"],
)  # fmt: skip
def test_stopped_anywhere_it_ends_as_if_it_never_was(overrides: list[str], make: Any) -> None:
    per_token = measured(make("measured", *overrides, "trainer.max_epochs=1"))
    overrides = [*overrides, f"budget.flops={24 * 4 * 5.5 * per_token}"]
    whole = make("whole", *overrides)
    record, total = steps_of(whole)
    expected = result(RunFolder(whole.folder))
    places = [("training_step", step) for step in random.Random(0).sample(range(1, total), 2)]
    places += [("training_step", BATCHES), ("training_step", total), ("on_train_epoch_end", 1)]
    for number, (hook, call) in enumerate(places):
        job = make(f"stopped-{number}", *overrides)
        stopped(job, hook, call)
        again, steps = steps_of(job)
        assert steps < total
        assert result(RunFolder(job.folder)) == expected, (hook, call)
        assert replace(budget_of(again), seconds_reached=None) == replace(
            budget_of(record), seconds_reached=None
        )


def test_stopped_in_the_last_validation_nothing_is_trained_again(
    make: Any, per_token: float
) -> None:
    flops = f"budget.flops={7 * 4 * 5.5 * per_token}"
    whole, job = make("whole", flops), make("stopped", flops)
    execute(whole)
    stopped(job, "on_validation_end", 1)
    record, steps = steps_of(job)
    assert steps == 0
    assert budget_of(record).used_up
    assert result(RunFolder(job.folder)) == result(RunFolder(whole.folder))


def test_killed_again_and_again_likewise(make: Any, per_token: float) -> None:
    overrides = ["trainer.checkpoint_every=1e-9", f"budget.flops={24 * 4 * 5.5 * per_token}"]
    overrides += ["scheduler=cosine"]
    whole, job = make("whole", *overrides), make("killed", *overrides)
    execute(whole)
    while killed(job, number=9):
        assert RunFolder(job.folder).read_record() is None
    assert result(RunFolder(job.folder)) == result(RunFolder(whole.folder))


def test_a_language_model_too(tiny_text: list[str], tmp_path: Path) -> None:
    def make(name: str, *more: str) -> Job:
        own = unreplaced([*tiny_text, *TEXT], *more)
        return compose_job([*own, *more, f"paths.outputs={tmp_path / name}"])

    cost = execute(make("measured", "trainer.max_epochs=1")).record.cost
    flops = f"budget.flops={1.3 * (cost.flops or 0.0)}"
    whole, job = make("whole", flops), make("stopped", flops)
    record, total = steps_of(whole)
    assert budget_of(record).flops_reached == pytest.approx(1.3 * (cost.flops or 0.0), rel=0.05)
    assert budget_of(record).used_up
    stopped(job, "training_step", total // 2 + 1)
    execute(job)
    assert result(RunFolder(job.folder)) == result(RunFolder(whole.folder))


def test_two_processes_count_together(make: Any, per_token: float) -> None:
    flops = 16 * 4 * 5.5 * per_token
    job = make("two", f"budget.flops={flops}", "trainer.devices=2", "scheduler=cosine")
    budget = budget_of(execute(job).record)
    assert budget.used_up
    assert flops <= (budget.flops_reached or 0) < flops * 1.25


def test_early_stopping_comes_first_and_is_told(make: Any, per_token: float) -> None:
    stopping = (
        "_target_: seqbench.training.callbacks.EarlyStoppingSettings, patience: 1, min_delta: 9"
    )
    record = execute(
        make(
            "early", f"budget.flops={1e6 * per_token}", f"+callbacks.early_stopping={{{stopping}}}"
        )
    ).record
    budget = budget_of(record)
    assert record.cost.epochs == 2
    assert budget.used_up is False
    assert (budget.flops_reached or 0) < 1e6 * per_token


def test_seconds_end_it_over_all_tries(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    class Paced(Stopwatch):
        """A second a step, on whatever machine."""

        def __init__(self) -> None:
            super().__init__()
            self.steps = 0

        @property
        def seconds(self) -> float:
            return float(self.steps)

        def on_train_batch_start(self, *_: Any) -> None:
            self.steps += 1

        def state_dict(self) -> dict[str, Any]:
            return {"steps": self.steps - 1}  # the batch in hand is not done

        def load_state_dict(self, state_dict: dict[str, Any]) -> None:
            self.steps = state_dict["steps"]

    monkeypatch.setattr(fit_network, "Stopwatch", Paced)
    seconds = ["budget.seconds=23", "scheduler=cosine", "trainer.log_every=1"]
    whole, job = make("whole", *seconds), make("stopped", *seconds)
    record, steps = steps_of(whole)
    budget = budget_of(record)
    assert steps == 23
    assert (budget.used_up, budget.reproducible, budget.seconds_reached) == (True, False, 23.0)
    assert rates(whole)[-1] < max(rates(whole)) / 20
    stopped(job, "training_step", 12)
    assert steps_of(job)[1] == 23 - 12
    assert result(RunFolder(job.folder)) == result(RunFolder(whole.folder))


def test_real_seconds(make: Any) -> None:
    record = execute(make("seconds", "budget.seconds=0.4")).record
    budget = budget_of(record)
    assert budget.used_up
    assert budget.seconds_reached is not None and 0.4 <= budget.seconds_reached < 2.0
    assert record.scores.test["accuracy"] is not None


def test_real_seconds_go_on_in_the_next_try(make: Any) -> None:
    job = make("resumed", "budget.seconds=2", "trainer.log_every=1")
    stopped(job, "training_step", 6)
    before = read_metrics(job.folder / "metrics.jsonl")[-1]["budget/share"]
    assert before > 0
    budget = budget_of(execute(job).record)
    shares = [row["budget/share"] for row in read_metrics(job.folder / "metrics.jsonl")]
    assert shares == sorted(shares)
    assert before in shares[:-1]
    assert budget.seconds_reached == pytest.approx(2 * shares[-1], rel=0.2)


def test_whoever_watches_knows_how_far_it_is(make: Any, per_token: float) -> None:
    flops = 24 * 4 * 5.5 * per_token
    job = make("watched", f"budget.flops={flops}", "trainer.log_every=1")
    stopped(job, "training_step", 13)
    rows = read_metrics(job.folder / "metrics.jsonl")
    assert rows[0]["budget/share"] == 0.0
    assert [row["budget/share"] for row in rows[1:]] == pytest.approx(
        [row["tokens"] / (24 * 4 * 5.5) for row in rows[1:]]
    )
    seen = progress(job.folder, job.config)
    assert seen is not None and seen.planned_steps is not None and seen.fraction is not None
    assert seen.max_epochs is None
    _, left = steps_of(job)
    assert seen.planned_steps == pytest.approx(13 + left, rel=0.3)
    assert seen.eta_seconds is not None


def test_the_bar_tells_the_share(
    make: Any, per_token: float, capsys: pytest.CaptureFixture[str]
) -> None:
    progress = "+callbacks.progress={_target_: seqbench.training.progress.ProgressSettings}"
    execute(make("told", f"budget.flops={15 * 4 * 5.5 * per_token}", progress))
    lines = capsys.readouterr().err.splitlines()
    assert "epoch 1 (" in lines[0] and " % of the budget)" in lines[0]
    assert "(100 % of the budget)" in lines[-1]


def test_what_cannot_be_counted_is_refused_and_leaves_nothing(
    make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def strange(*_: Any) -> float:
        raise ValueError("no formula for mine.fft")

    monkeypatch.setattr(ClassificationKind, "flops_per_token", strange)
    job = make("strange", "budget.flops=1e9")
    with pytest.raises(ConfigError) as error:
        execute(job)
    assert error.value.line() == (
        "budget.flops: expected null for a model whose FLOPs cannot be counted, got no formula "
        "for mine.fft; use budget.seconds or trainer.max_epochs"
    )
    assert not job.folder.exists()


@pytest.mark.parametrize("layer", [torch.nn.SyncBatchNorm(6), torch.nn.BatchNorm1d(6)])
def test_no_layer_may_wait_for_other_processes(
    layer: torch.nn.Module, make_task: Callable[..., Classification]
) -> None:
    two = SimpleNamespace(world_size=2, strategy=SimpleNamespace(_layer_sync=None))
    task = make_task()
    task.head = torch.nn.Sequential(layer, task.head)  # type: ignore[assignment]
    watch = Spending(BudgetKeys(flops=1.0), per_token=lambda _: 1.0, stopwatch=Stopwatch())
    if isinstance(layer, torch.nn.BatchNorm1d):
        two.strategy._layer_sync = object()  # trainer.extra.sync_batchnorm
    with pytest.raises(ConfigError, match="a layer that waits for all processes"):
        watch.setup(two, task, "fit")  # type: ignore[arg-type]


def test_want_of_memory_in_counting_is_no_want_of_a_formula(
    make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_much(*_: Any) -> float:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(ClassificationKind, "flops_per_token", too_much)
    with pytest.raises(TrainingError, match="out of memory"):
        execute(make("large", "budget.flops=1e9"))


def test_fewer_flops_than_a_step_are_refused_and_leave_nothing(make: Any, per_token: float) -> None:
    flops = per_token * 5
    job = make("less", f"budget.flops={flops}")
    with pytest.raises(ConfigError, match=r"budget\.flops: expected at least .* got .*; raise it"):
        execute(job)
    assert not job.folder.exists()


def test_flops_are_counted_once_and_are_the_same_in_the_end(
    make: Any, per_token: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts: list[float] = []
    count = ClassificationKind.flops_per_token

    def counted(*arguments: Any) -> float:
        counts.append(count(*arguments) * (1 + len(counts)))  # another count would tell otherwise
        return counts[-1]

    monkeypatch.setattr(ClassificationKind, "flops_per_token", counted)
    budget = budget_of(execute(make("once", f"budget.flops={15 * 4 * 5.5 * per_token}")).record)
    assert len(counts) == 1
    assert budget.used_up
    assert budget.flops_reached == pytest.approx(15 * 4 * 5.5 * per_token, rel=0.15)


def test_a_model_of_a_size_is_trained_recorded_and_restored(make: Any) -> None:
    budgeted = ["budget.params=2180", "scheduler=cosine"]
    job = make("sized", *budgeted)
    record = execute(job).record
    budget = budget_of(record)
    assert record.cost.parameters == pytest.approx(2180, rel=0.01)
    assert budget.params_reached == record.cost.parameters
    assert budget.widths.keys() == {"d_hidden"} and budget.widths["d_hidden"] > 5
    assert budget.used_up is None
    assert (
        f"solved for model.d_hidden={budget.widths['d_hidden']}"
        in (job.folder / "log.txt").read_text()
    )
    run = load_run(job.folder)
    assert run.probabilities(["a fine film"]).shape == (1, 2)
    assert run.model.encoder.d_output == budget.widths["d_hidden"]  # type: ignore[union-attr]
    stopped_job = make("stopped", *budgeted)
    stopped(stopped_job, "training_step", 7)
    execute(stopped_job)
    assert result(RunFolder(stopped_job.folder)) == result(RunFolder(job.folder))


def test_a_run_is_restored_with_what_was_solved_then(
    make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make("then", "budget.params=1910", "budget.embeddings=excluded", "trainer.max_steps=1")
    record = execute(job).record
    assert record.cost.parameters_without_embeddings == budget_of(record).params_reached
    monkeypatch.setattr(
        "seqbench.training.assemble.solved_widths", lambda *_, **__: {"d_hidden": 1}
    )
    restored = load_run(job.folder).model
    assert restored.encoder.d_output == budget_of(record).widths["d_hidden"]  # type: ignore[union-attr]


def test_a_baseline_has_no_budget_and_the_log_says_so(tiny: list[str], tmp_path: Path) -> None:
    own = [item for item in tiny if not item.startswith("model.")]
    job = compose_job(
        [*own, "model=baseline/majority", "budget.params=500", f"paths.outputs={tmp_path}"]
    )
    assert execute(job).record.budget is None
    assert (job.folder / "log.txt").read_text().count("budget: not for a baseline") == 1


def test_without_a_budget_nothing_is_accounted() -> None:
    assert accounted({**NETWORK, "budget": {"params": None}}, {}, Cost(), None) is None
    assert accounted(NETWORK, {}, Cost(), None) is None


@pytest.mark.parametrize("share", [0.5, 1.0])
def test_used_up_is_what_ended_by_its_share(share: float) -> None:
    cost = Cost(parameters=5, tokens=10, tokens_per_second=4.0)
    budget = accounted({**NETWORK, "budget": {"seconds": 2.5000001}}, {}, cost, share)
    assert budget is not None
    assert (budget.used_up, budget.flops_reached, budget.seconds_reached) == (
        share == 1.0, None, 2.5,
    )  # fmt: skip

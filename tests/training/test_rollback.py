"""A training that diverges goes back and on with smaller steps, the same whenever it is killed."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from tests.rarely import rarely
from tests.training.stopping import at, killed, record_of, result, steps_of, stopped
from tests.training.test_wandb_replay import logged

from seqbench.config.job import Job
from seqbench.errors import ConfigErrors, Diverged
from seqbench.records.folder import RunFolder
from seqbench.records.metrics import read_metrics
from seqbench.records.record import Rollback
from seqbench.tasks.classification import Classification
from seqbench.training.checkpoint_file import read_checkpoint, write_checkpoint
from seqbench.training.execute import execute
from seqbench.training.rollback import slow_down
from seqbench.training.training_files import good_checkpoint, last_checkpoint
from seqbench.verbs.train import summary

BATCHES = 10
AFTER_EACH_STEP = "trainer.checkpoint_every=1e-9"
# Overflows within a few steps; a step 10^-37 times as long learns.
HUGE = ["optimizer=sgd", "optimizer.lr=1e36", "trainer.clip_norm=null", "scheduler=constant"]
BACK = ["trainer.on_divergence=rollback", "trainer.rollback_factor=1e-37"]


@contextmanager
def explosive(batch: int, above: float) -> Iterator[None]:
    """At this batch of the second epoch the loss overflows while steps are larger than that."""
    outputs = Classification.outputs

    def overflowing(self: Classification, given: Any) -> Any:
        found = outputs(self, given)
        trainer = self.trainer
        if trainer.training and (trainer.current_epoch, trainer.fit_loop.batch_idx) == (1, batch):
            rate = trainer.optimizers[0].param_groups[0]["lr"]
            if rate > above:
                object.__setattr__(found, "loss_sum", found.loss_sum * math.inf)
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Classification, "outputs", overflowing)
        yield


def rows_of(job: Job, name: str) -> list[dict[str, Any]]:
    return [row for row in read_metrics(job.folder / "metrics.jsonl") if name in row]


def test_a_run_that_really_diverges_learns_with_smaller_steps(make: Any) -> None:
    with pytest.raises(Diverged, match=r"lower optimizer\.lr, .* trainer\.on_divergence=rollback"):
        execute(make("failed", *HUGE))
    job = make("back", *HUGE, *BACK)
    record, _ = steps_of(job)
    assert record.status == "completed"
    assert record.cost.steps == 3 * BATCHES
    (rollback,) = record.rollbacks
    assert (rollback.back_to, rollback.learning_rate_scale) == (0, 1e-37)
    assert 0 < rollback.diverged_at <= BATCHES
    loss = record.scores.validation["loss"]
    assert loss is not None and loss < 1.0
    assert (
        f"  rollback: diverged at step {rollback.diverged_at}, back to step 0, "
        "learning rate times 1e-37"
    ) in summary(record).splitlines()
    rates = {row["train/learning_rate"] for row in rows_of(job, "train/learning_rate")}
    assert all(rate == pytest.approx(0.1) for rate in rates)
    log = (job.folder / "log.txt").read_text()
    assert log.count("training diverged at step") == 1
    assert [path.name for path in (job.folder / "checkpoints").iterdir()] == ["best.ckpt"]


def test_the_history_is_that_of_the_way_taken_and_says_where_it_went_back(make: Any) -> None:
    job = make("back", "trainer.on_divergence=rollback", "scheduler=cosine", "optimizer.lr=0.01")
    started = time.perf_counter()
    slow = at("training_step", 17, lambda: time.sleep(2.0))
    with slow, explosive(6, above=0.004):
        execute(job)
    seconds = time.perf_counter() - started
    cost = record_of(job.folder).cost
    spent = (cost.setup_seconds, cost.train_seconds, cost.test_seconds)
    assert sum(each or 0.0 for each in spent) <= seconds  # what is thrown away counts once
    (rollback,) = record_of(job.folder).rollbacks
    assert rollback == Rollback(diverged_at=17, back_to=10, learning_rate_scale=0.5)
    rows = read_metrics(job.folder / "metrics.jsonl")
    assert [row["step"] for row in rows] == sorted(row["step"] for row in rows)
    (note,) = rows_of(job, "rollback/diverged_at")
    assert (note["step"], note["epoch"]) == (10, 1)
    assert (note["rollback/diverged_at"], note["rollback/learning_rate_scale"]) == (17, 0.5)
    assert len(rows_of(job, "planned/steps")) == 1
    assert all(row["train/loss"] is not None for row in rows_of(job, "train/loss"))
    assert [row["seconds"] for row in rows] == sorted(row["seconds"] for row in rows)

    calm = make("calm", "scheduler=cosine", "optimizer.lr=0.01")
    execute(calm)
    rates = [
        {row["step"]: row["train/learning_rate"] for row in rows_of(each, "train/loss")}
        for each in (job, calm)
    ]
    for step, rate in rates[1].items():
        assert rates[0][step] == pytest.approx(rate if step <= 10 else rate / 2), step


def test_its_mirror_tells_of_the_way_taken_too(make: Any) -> None:
    job = make("back", "trainer.on_divergence=rollback", "scheduler=constant", "logger=wandb")
    with explosive(6, above=0.6 * job.config["optimizer"]["lr"]):
        execute(job)
    rows = logged(job.folder)
    steps = [row["trainer/global_step"] for row in rows]
    assert steps == sorted(steps)
    (note,) = [row for row in rows if "rollback/diverged_at" in row]
    assert (note["trainer/global_step"], note["rollback/learning_rate_scale"]) == (10, 0.5)
    rates = {row["train/learning_rate"] for row in rows if "train/learning_rate" in row}
    assert len(rates) == 2


@pytest.mark.parametrize("number", [17, *rarely(9, 12, 19, 30)])
def test_killed_before_at_or_after_a_rollback_it_ends_the_same(number: int, make: Any) -> None:
    overrides = [
        AFTER_EACH_STEP, "trainer.on_divergence=rollback", "scheduler=plateau", "optimizer.lr=0.01",
        "trainer.evals_per_epoch=2",
    ]  # fmt: skip
    whole, job = make("whole", *overrides), make("killed", *overrides)
    with explosive(6, above=0.003):
        execute(whole)
        assert len(record_of(whole.folder).rollbacks) == 2
        tries = 0
        while killed(job, number):
            tries += 1
            assert tries < 20
    assert tries
    assert result(RunFolder(job.folder)) == result(RunFolder(whole.folder))
    assert record_of(job.folder).rollbacks == record_of(whole.folder).rollbacks


def test_a_checkpoint_damaged_after_a_rollback_leads_to_the_same_one(make: Any) -> None:
    overrides = [
        AFTER_EACH_STEP, "trainer.on_divergence=rollback", "optimizer.lr=0.01", "scheduler=constant"
    ]  # fmt: skip
    whole, job = make("whole", *overrides), make("harmed", *overrides)
    with explosive(6, above=0.006):
        execute(whole)
        # 17 batches, of which the last overflows; the next is the first after the rollback.
        stopped(job, "training_step", 18)
        last = last_checkpoint(RunFolder(job.folder))
        assert read_checkpoint(last)["global_step"] == 11
        last.unlink()
        last.with_name("previous.ckpt").replace(last)
        assert read_checkpoint(last)["global_step"] == 10
        last.write_bytes(b"damaged")
        execute(job)
    assert result(RunFolder(job.folder)) == result(RunFolder(whole.folder))


def test_of_the_way_that_is_left_no_checkpoint_stays(make: Any) -> None:
    overrides = ["trainer.on_divergence=rollback", "optimizer.lr=0.01", "scheduler=constant"]
    whole, job = make("whole", *overrides), make("harmed", *overrides)
    last = last_checkpoint(RunFolder(job.folder))
    with explosive(6, above=0.006):
        execute(whole)
        stopped(job, "training_step", 13)
        # Four batches more, of which the last overflows; the next would be the first after it.
        with at("training_step", 5, fail), pytest.raises(ZeroDivisionError):
            execute(job)
        assert read_checkpoint(last)["global_step"] == 10
        assert not last.with_name("previous.ckpt").exists()
        last.write_bytes(b"damaged")
        execute(job)
    assert result(RunFolder(job.folder)) == result(RunFolder(whole.folder))


def fail() -> None:
    raise ZeroDivisionError


def test_it_goes_back_no_more_often_than_told(make: Any) -> None:
    job = make("back", "trainer.on_divergence=rollback", "trainer.max_rollbacks=2")
    with explosive(6, above=0.0), pytest.raises(Diverged) as caught:
        execute(job)
    assert re_line(caught.value, "after 2 rollbacks")
    record = record_of(job.folder)
    assert record.status == "failed"
    assert record.error is not None
    assert record.error.details["step"] == 17
    scales = [each["learning_rate_scale"] for each in record.error.details["rollbacks"]]
    assert scales == [0.5, 0.25]
    assert [each.learning_rate_scale for each in record.rollbacks] == scales


def re_line(error: Diverged, text: str) -> bool:
    return text in error.line() and error.line().startswith("training diverged at step 17: ")


@pytest.mark.parametrize(
    ("harm", "says"),
    [
        (lambda path: path.unlink(), "nothing to go back to: .*good.ckpt: got No such file"),
        (lambda path: path.write_bytes(b"x" * 99), "nothing to go back to: .*a damaged one"),
        (
            lambda path: write_checkpoint(path, read_checkpoint(path) | {"global_step": 99}),
            "expected a state before step 17, got one of step 99",
        ),
    ],
)
def test_without_a_state_to_go_back_to_it_fails(harm: Any, says: str, make: Any) -> None:
    job = make("back", "trainer.on_divergence=rollback")
    step = Classification.training_step

    def harming(self: Classification, batch: Any, batch_idx: int) -> Any:
        if (self.trainer.current_epoch, batch_idx) == (1, 3):
            harm(good_checkpoint(RunFolder(job.folder)))
        return step(self, batch, batch_idx)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Classification, "training_step", harming)
        with explosive(6, above=0.0), pytest.raises(Diverged, match=says):
            execute(job)
    assert record_of(job.folder).status == "failed"


def test_it_is_refused_where_it_cannot_be_done_right(make: Any) -> None:
    with pytest.raises(ConfigErrors) as caught:
        make("refused", *BACK, "trainer.devices=2", "trainer.overfit_batches=2")
    assert caught.value.line().splitlines() == [
        "trainer.devices: expected 1 with trainer.on_divergence=rollback, got 2; "
        "use trainer.on_divergence=fail",
        "trainer.overfit_batches: expected 0 with trainer.on_divergence=rollback, got 2; "
        "use trainer.on_divergence=fail",
    ]


def test_every_learning_rate_of_a_checkpoint_is_made_smaller() -> None:
    weight = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([{"params": [weight], "lr": 0.8}])
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 / (step + 1))
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer)
    content = {
        "optimizer_states": [optimizer.state_dict()],
        "lr_schedulers": [schedule.state_dict()],
        "plateau": plateau.state_dict(),
    }
    slow_down(content, 0.25)
    optimizer.load_state_dict(content["optimizer_states"][0])
    schedule.load_state_dict(content["lr_schedulers"][0])
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.2)
    optimizer.step()
    schedule.step()
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.1)
    assert content["plateau"]["_last_lr"] == [pytest.approx(0.2)]

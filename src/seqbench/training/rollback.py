"""Back to the beginning of the epoch, and on with smaller steps, after a loss that is not finite.

The state that is gone back to becomes the run's last checkpoint, its learning rates made smaller,
before anything else happens: from there the run goes on as after a kill, and a kill changes
nothing. It is the epoch's beginning, not the last checkpoint, because those are saved by time: the
run would end otherwise each time.
"""

from __future__ import annotations

import logging
from dataclasses import asdict
from typing import Any

from seqbench.errors import Diverged, RecordError
from seqbench.records.record import Rollback
from seqbench.training.attempt import Attempt
from seqbench.training.checkpoint_file import read_checkpoint, write_checkpoint
from seqbench.training.resume import STATE, check_same, rollbacks_before
from seqbench.training.training_files import (
    good_checkpoint,
    last_checkpoint,
    previous_checkpoint,
)

log = logging.getLogger(__name__)


def roll_back(attempt: Attempt, error: Diverged, *, seconds: float) -> None:
    """Make the beginning of the epoch the run's last checkpoint, with a smaller learning rate.

    Args:
        attempt: the one that diverged.
        error: how.
        seconds: of fitting so far: what is thrown away has cost time too.

    Raises:
        Diverged: the run may not go back, or not again, or has nothing to go back to.
    """
    settings, folder = attempt.settings, attempt.folder
    before = rollbacks_before(attempt.point)
    if not settings.goes_back:
        raise error
    if len(before) >= settings.max_rollbacks:
        raise _given_up(error, f"after {len(before)} rollbacks", before)
    try:
        content = _good(attempt, int(error.details["step"]))
    except RecordError as reason:
        raise _given_up(error, f"nothing to go back to: {reason.line()}", before) from error
    state = content[STATE]
    rollback = Rollback(
        diverged_at=int(error.details["step"]),
        back_to=content["global_step"],
        learning_rate_scale=settings.rollback_factor ** (len(before) + 1),
    )
    # The state may have been saved after an earlier rollback, with steps made smaller already.
    slow_down(content, settings.rollback_factor ** (len(before) + 1 - len(state["rollbacks"])))
    state["rollbacks"] = [asdict(each) for each in (*before, rollback)]
    state["has_just_rolled_back"] = True
    state["seconds"] = seconds
    # The state before this one is on the way that is left: of the history it knows, part goes.
    previous_checkpoint(folder).unlink(missing_ok=True)
    write_checkpoint(last_checkpoint(folder), content)
    log.warning(
        "training diverged at step %d: back to step %d, the learning rate times %g of what it was",
        rollback.diverged_at,
        rollback.back_to,
        rollback.learning_rate_scale,
    )


def slow_down(content: dict[str, Any], factor: float) -> None:
    """Multiply every learning rate that a checkpoint's optimizers and schedules know."""
    for optimizer in content["optimizer_states"]:
        for group in optimizer["param_groups"]:
            for name in ("lr", "initial_lr"):
                if name in group:
                    group[name] *= factor
    schedules = [*content["lr_schedulers"], content.get("plateau") or {}]
    for schedule in schedules:
        for name in ("base_lrs", "_last_lr"):
            if schedule.get(name) is not None:
                schedule[name] = [rate * factor for rate in schedule[name]]


def _good(attempt: Attempt, step: int) -> dict[str, Any]:
    """The state at the beginning of the epoch that the run is in."""
    path = good_checkpoint(attempt.folder)
    content = read_checkpoint(path)
    check_same(path, content[STATE]["made_of"], attempt.made_of)
    if content["global_step"] >= step:  # of a later epoch, by an earlier try with other numbers
        raise RecordError(
            str(path),
            expected=f"a state before step {step}",
            got=f"one of step {content['global_step']}",
        )
    return content


def _given_up(error: Diverged, why: str, before: tuple[Rollback, ...]) -> Diverged:
    return Diverged(
        error.name,
        expected=error.expected,
        got=f"{error.got}, {why}",
        remedy="lower optimizer.lr or set trainer.clip_norm",
        details=error.details | {"rollbacks": [asdict(each) for each in before]},
    )

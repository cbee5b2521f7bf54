"""A baseline's run: fitted in one go, scored as a network is."""

from __future__ import annotations

import time
from dataclasses import replace

import torch

from seqbench.baselines.baseline import Fitted
from seqbench.config.instantiate import instantiate
from seqbench.records.record import Cost
from seqbench.training.attempt import Attempt
from seqbench.training.kinds import KINDS
from seqbench.training.memory import peak_memory_bytes
from seqbench.training.outcome import Outcome
from seqbench.training.own_texts import own_texts


def fit_baseline(attempt: Attempt) -> Outcome:
    """Fit the config's baseline and score it; what is fitted in one go is never resumed."""
    datamodule, folder = attempt.datamodule, attempt.folder
    kind, spec = KINDS[datamodule.task], datamodule.spec
    baseline: Fitted = instantiate(attempt.config["model"], "model")
    datamodule.texts("train")  # read before the clock runs
    fitting = time.perf_counter()
    kind.fit(baseline, datamodule)
    fitted = time.perf_counter()
    folder.checkpoints.mkdir(exist_ok=True)
    baseline.save(folder.checkpoints)
    validation = kind.of_baseline(baseline, datamodule, "validation")
    testing = time.perf_counter()
    found = kind.of_baseline(baseline, datamodule, "test")
    cost = Cost(
        parameters=baseline.num_parameters,
        train_seconds=fitted - fitting,
        setup_seconds=fitting - attempt.started,
        test_seconds=time.perf_counter() - testing,
        peak_memory_bytes=peak_memory_bytes(torch.device("cpu")),
    )
    scores = replace(
        kind.scores(found, spec, split="test"),
        validation=kind.scores(validation, spec, split="validation").test,
        **own_texts(kind, baseline, datamodule, attempt.config),
    )
    return Outcome(cost=cost, scores=scores, found=found, device="cpu")

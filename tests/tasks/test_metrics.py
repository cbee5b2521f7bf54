from __future__ import annotations

import torch

from seqbench.tasks.metrics import WeightedMean


def test_mean_of_unequal_batches_is_the_mean_of_all() -> None:
    losses = torch.rand(10)
    metric = WeightedMean()
    for part in (losses[:7], losses[7:9], losses[9:]):
        metric.update(part.sum(), torch.tensor(float(len(part))))
    torch.testing.assert_close(metric.compute().float(), losses.mean())


def test_nan_is_not_hidden() -> None:
    metric = WeightedMean()
    metric.update(torch.tensor(float("nan")), torch.tensor(1.0))
    assert metric.compute().isnan()

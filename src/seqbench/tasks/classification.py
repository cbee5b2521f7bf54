"""One label for each sequence."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F
from torchmetrics import MetricCollection
from torchmetrics.classification import (
    MulticlassAccuracy,
    MulticlassCalibrationError,
    MulticlassF1Score,
)

from seqbench.batch import DataSpec, TokenBatch
from seqbench.domains import Probability
from seqbench.errors import ConfigError
from seqbench.models.encoder import Encoder
from seqbench.models.inputs import Inputs
from seqbench.models.layers.pooling import Pooling
from seqbench.tasks.optimizers import OptimizerSettings
from seqbench.tasks.predictions import PredictionStore
from seqbench.tasks.schedulers import SchedulerSettings
from seqbench.tasks.task import MetricSpec, Outputs, Task


class Classification(Task):
    """Inputs, encoder, pooling, dropout and a linear layer under cross-entropy.

    Args:
        pooling: how one vector is read out of the sequence; "auto" takes the encoder's own choice.
        dropout: on that vector.
        label_smoothing: share of the target spread over all classes (Szegedy et al. 2016,
            Rethinking the Inception Architecture, section 7).
        class_weights: "balanced" weighs each class by the inverse of its training frequency.
    """

    primary: ClassVar[MetricSpec] = MetricSpec(name="accuracy", higher_is_better=True)
    class_weights_C: Tensor | None

    def __init__(
        self,
        *,
        inputs: Inputs,
        encoder: Encoder,
        spec: DataSpec,
        optimizer: OptimizerSettings,
        scheduler: SchedulerSettings,
        pooling: Literal["auto", "last", "mean", "max", "attention"] = "auto",
        dropout: Probability = 0.3,
        label_smoothing: Probability = 0.0,
        class_weights: Literal["none", "balanced"] = "none",
    ) -> None:
        super().__init__(
            inputs=inputs, encoder=encoder, spec=spec, optimizer=optimizer, scheduler=scheduler
        )
        if spec.num_classes is None:
            raise ConfigError("task", expected="data with classes", got=f"task {spec.task!r}")
        self.pooling = Pooling(
            kind=encoder.default_pooling if pooling == "auto" else pooling,
            d_input=encoder.d_output,
            bidirectional=encoder.bidirectional,
        )
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(encoder.d_output, spec.num_classes)
        self.label_smoothing = label_smoothing
        weights_C = balanced_weights(spec) if class_weights == "balanced" else None
        self.register_buffer("class_weights_C", weights_C, persistent=False)
        self.validation_metrics = MetricCollection(
            {
                "accuracy": MulticlassAccuracy(spec.num_classes, average="micro"),
                "macro_f1": MulticlassF1Score(spec.num_classes, average="macro"),
                "calibration_error": MulticlassCalibrationError(spec.num_classes, n_bins=15),
            },
            compute_groups=False,
        )
        self.predictions = PredictionStore()

    def forward(self, batch: TokenBatch) -> Tensor:
        """logits_BC of a batch."""
        x_BTD, mask_BT = self.inputs(batch)
        encoded = self.encoder(x_BTD, mask_BT)
        logits_BC: Tensor = self.head(
            self.dropout(self.pooling(encoded.hidden_BTD, encoded.mask_BT))
        )
        return logits_BC

    def outputs(self, batch: TokenBatch) -> Outputs:
        """Cross-entropy summed over the examples; under class weights their weights are summed."""
        logits_BC = self(batch)
        if batch.labels_B is None:
            raise ValueError("a batch without labels has no loss: use predict_step")
        # Weights and smoothing shape training; a reported loss is the plain one, as on test.
        weights_C = self.class_weights_C if self.training else None
        loss_sum = F.cross_entropy(
            logits_BC,
            batch.labels_B,
            weight=weights_C,
            label_smoothing=self.label_smoothing if self.training else 0.0,
            reduction="sum",
        )
        if weights_C is None:
            weight = torch.tensor(float(len(batch)), device=logits_BC.device)
        else:
            weight = weights_C[batch.labels_B].sum()
        return Outputs(
            loss_sum=loss_sum,
            weight=weight,
            # torchmetrics takes logits that happen to lie in [0, 1] for probabilities.
            predictions=logits_BC.detach().float().softmax(-1),
            targets=batch.labels_B,
        )

    def bare_loss(self, batch: TokenBatch) -> Tensor:
        """Plain cross-entropy, without the probabilities that metrics need."""
        assert batch.labels_B is not None
        return F.cross_entropy(self(batch), batch.labels_B)

    def on_test_epoch_start(self) -> None:
        """Begin with no predictions."""
        self.predictions.clear()

    def test_step(self, batch: TokenBatch, batch_idx: int) -> None:
        """Keep every example's probabilities; scores are computed from them, once, at the end."""
        self.predictions.add(batch, self.predict_step(batch, batch_idx))

    def gathered_predictions(self) -> dict[str, NDArray[Any]]:
        """See Task: class ids as targets, and the probability of each class."""
        return self.predictions.gather()

    def predict_step(self, batch: TokenBatch, batch_idx: int) -> Tensor:
        """probabilities_BC of a batch; labels are not needed."""
        probabilities_BC: Tensor = self(batch).float().softmax(-1)
        return probabilities_BC


def balanced_weights(spec: DataSpec) -> Tensor:
    """weights_C inverse to the training frequency, with mean 1 over the training examples."""
    counts_C = torch.tensor(spec.label_counts, dtype=torch.float32)
    if 0 in spec.label_counts:
        raise ConfigError(
            "task.class_weights",
            expected="a training example of every class",
            got=f"none of {spec.label_names[spec.label_counts.index(0)]!r}",
            remedy="use task.class_weights=none",
        )
    return counts_C.sum() / (len(counts_C) * counts_C)

"""The next token at every position of a text."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from seqbench.batch import IGNORED, DataSpec, StreamBatch, TokenBatch
from seqbench.domains import NonNegativeFloat, NonNegativeInt, PositiveInt, Probability
from seqbench.errors import ConfigError
from seqbench.models.encoder import Encoder, State
from seqbench.models.inputs import Inputs, LearnedEmbedding
from seqbench.models.layers.adaptive_output import AdaptiveOutput
from seqbench.models.layers.locked_dropout import LockedDropout
from seqbench.models.layers.output_layer import OutputLayer
from seqbench.tasks.optimizers import OptimizerSettings
from seqbench.tasks.schedulers import SchedulerSettings
from seqbench.tasks.sliding import SlidingWindows
from seqbench.tasks.task import MetricSpec, Outputs, Task


class LanguageModeling(Task):
    """Inputs, a causal encoder, dropout and a layer over the vocabulary under cross-entropy.

    Where the encoder's state keeps its size, it is carried from window to window without its
    gradient (truncated back-propagation through time) and reset where an epoch begins; a split is
    scored with the state carried through all of it. Where the state grows (a Transformer's cache),
    windows are trained one by one, and a split is scored in sliding windows. Either way the loss is
    exact over the whole split, whatever the size of batches.

    Args:
        dropout: share of single elements dropped from the encoder's output.
        locked_dropout: share of features dropped likewise, the same at all positions.
        tied: use the input embeddings as output matrix.
        cutoffs: ids at which clusters of an adaptive softmax begin, e.g. [2000, 10000]; empty for a
            full output layer.
        stride: targets that a sliding window scores; None takes half the training window, so that
            at least the other half is context.
        sample_temperatures: texts are drawn at each of these when the run is complete.
        sample_texts: how many texts at each.
        sample_tokens: tokens of a text; 0 draws none.

    Raises:
        ConfigError: the encoder is not causal, or sees no context; tied without embeddings; a
            stride longer than the window; cutoffs that are not ascending, beyond the vocabulary, or
            along with tied.
    """

    primary: ClassVar[MetricSpec] = MetricSpec(name="loss", higher_is_better=False)

    def __init__(
        self,
        *,
        inputs: Inputs,
        encoder: Encoder,
        spec: DataSpec,
        optimizer: OptimizerSettings,
        scheduler: SchedulerSettings,
        dropout: Probability = 0.0,
        locked_dropout: Probability = 0.0,
        tied: bool = False,
        cutoffs: list[PositiveInt] = [],  # noqa: B006
        stride: PositiveInt | None = None,
        sample_temperatures: list[NonNegativeFloat] = [0.2, 0.5, 1.0, 1.2],  # noqa: B006
        sample_texts: PositiveInt = 4,
        sample_tokens: NonNegativeInt = 200,
    ) -> None:
        super().__init__(
            inputs=inputs, encoder=encoder, spec=spec, optimizer=optimizer, scheduler=scheduler
        )
        if not encoder.causal:
            raise ConfigError(
                "model",
                expected="a causal encoder: any other sees the token that it must predict",
                got=type(encoder).__name__,
                remedy="set model.causal=true, or one direction for a recurrent model",
            )
        if spec.vocab_size is None:
            raise ConfigError("task", expected="data of tokens", got=f"task {spec.task!r}")
        stride = max(1, spec.max_len // 2) if stride is None else stride
        if stride > spec.max_len:
            raise ConfigError(
                "task.stride", expected=f"at most data.window={spec.max_len}", got=str(stride)
            )
        self.dropout = nn.Sequential(LockedDropout(rate=locked_dropout), nn.Dropout(dropout))
        self.head: OutputLayer | AdaptiveOutput
        if cutoffs:
            _check_cutoffs(cutoffs, spec.vocab_size, tied=tied)
            self.head = AdaptiveOutput(
                d_input=encoder.d_output, vocab_size=spec.vocab_size, cutoffs=list(cutoffs)
            )
        else:
            self.head = OutputLayer(
                d_input=encoder.d_output,
                vocab_size=spec.vocab_size,
                tied=_embedding(inputs) if tied else None,
            )
        self.sample_temperatures = list(sample_temperatures)
        self.sample_texts = sample_texts
        self.sample_tokens = sample_tokens
        self._windows = SlidingWindows(window=spec.max_len, stride=stride)
        self._carried: State | None = None  # from the training window before
        self._read: State | None = None  # likewise, of the split that is evaluated
        self._losses: list[Tensor] = []
        self._targets: list[Tensor] = []

    def forward(self, batch: TokenBatch) -> Tensor:
        """logits_BTV of a batch from its beginning on, all of them at once."""
        x_BTD, mask_BT = self.inputs(batch)
        logits_BTV: Tensor = self.head(self.dropout(self.encoder(x_BTD, mask_BT).hidden_BTD))
        return logits_BTV

    def outputs(self, batch: TokenBatch) -> Outputs:
        """Cross-entropy summed over the targets; no predictions, since metrics follow from it."""
        assert isinstance(batch, StreamBatch)
        if self.training:
            hidden_BTD, self._carried = self._encoded(batch, self._carried)
            hidden_ND, targets_N = (
                self.dropout(hidden_BTD).flatten(0, 1),
                batch.targets_BT.flatten(),
            )
            loss_sum = self.head.loss_sum(hidden_ND, targets_N)
            weight = batch.lengths_B.sum()
        else:
            losses_N = self._scored(batch)[0]
            loss_sum, weight = losses_N.double().sum(), torch.tensor(len(losses_N))
        nothing = loss_sum.new_zeros(0)
        return Outputs(
            loss_sum=loss_sum,
            weight=weight.to(loss_sum),
            predictions=nothing,
            targets=nothing,
        )

    def _encoded(self, batch: StreamBatch, carried: State | None) -> tuple[Tensor, State | None]:
        """The hidden_BTD of a window, and the state after it, cut off from its gradient."""
        x_BTD, mask_BT = self.inputs(batch)
        if self.encoder.state_grows:
            return self.encoder(x_BTD, mask_BT).hidden_BTD, None
        state = self.encoder.initial_state(len(batch), x_BTD.device)
        batch.check_goes_on(0 if carried is None else len(carried[0]))
        if carried is not None and len(carried[0]) == len(batch):
            parts = zip(state, carried, strict=True)
            state = tuple(_chosen(batch.starts_B, new, old) for new, old in parts)
        encoded = self.encoder(x_BTD, mask_BT, state)
        assert encoded.state is not None
        return encoded.hidden_BTD, tuple(part.detach() for part in encoded.state)

    def _scored(self, batch: StreamBatch) -> tuple[Tensor, Tensor]:
        """The loss in nats of every target of the batch, and the targets; row after row."""
        if not self.encoder.state_grows:
            hidden_BTD, self._read = self._encoded(batch, self._read)
            return self._losses_in(batch, hidden_BTD)
        parts = [
            self._losses_in(windows, self._encoded(windows, None)[0])
            for windows in self._windows.cut(batch)
        ]
        losses, targets = zip(*parts, strict=True)
        return torch.cat(losses), torch.cat(targets)

    def _losses_in(self, batch: StreamBatch, hidden_BTD: Tensor) -> tuple[Tensor, Tensor]:
        scored_BT = batch.targets_BT != IGNORED
        targets_N = batch.targets_BT[scored_BT]
        return self.head.losses(hidden_BTD[scored_BT], targets_N), targets_N

    # What follows from the loss

    def follows(self, loss: Tensor) -> dict[str, Tensor]:
        """Perplexity and bits per character of the validation split."""
        return {
            "perplexity": loss.exp(),
            "bits_per_character": loss
            / math.log(2)
            * tokens_per_character(self.spec, "validation"),
        }

    # Test

    def on_test_epoch_start(self) -> None:
        """Begin with no losses."""
        self._losses, self._targets = [], []

    def test_step(self, batch: TokenBatch, batch_idx: int) -> None:
        """Keep every target's loss; scores are computed from them, once, at the end."""
        assert isinstance(batch, StreamBatch)
        losses_N, targets_N = self._scored(batch)
        self._losses.append(losses_N.cpu())
        self._targets.append(targets_N.cpu())

    def gathered_predictions(self) -> dict[str, NDArray[Any]]:
        """Of each target of the test split in its order: the token, and its loss in nats.

        Every rank has read the whole split.
        """
        return {
            "targets": torch.cat(self._targets).int().numpy(),
            "losses": torch.cat(self._losses).float().numpy(),
        }

    def losses_of(self, batches: Any) -> dict[str, NDArray[Any]]:
        """The same of any text, given in batches; without a trainer."""
        self.on_test_epoch_start()
        with torch.inference_mode():
            for number, batch in enumerate(batches):
                self.test_step(batch.to(self.device), number)
        return self.gathered_predictions()

    # To go on in mid-epoch

    def training_state(self) -> dict[str, Any]:
        """What the base counts, and the carried state."""
        carried = self._carried
        parts = None if carried is None else [part.cpu() for part in carried]
        return {**super().training_state(), "carried": parts}

    def load_training_state(self, state: dict[str, Any]) -> None:
        """Take up what `training_state` told."""
        super().load_training_state(state)
        parts = state["carried"]
        self._carried = None if parts is None else tuple(part.to(self.device) for part in parts)


def tokens_per_character(spec: DataSpec, split: str) -> float:
    """How many predicted tokens stand for a character of a split's text, marks included.

    A text's first token is context only: neither it nor its characters count.
    """
    return (spec.num_tokens[split] - 1) / spec.num_characters[split]


def _check_cutoffs(cutoffs: list[int], vocab_size: int, *, tied: bool) -> None:
    if tied:
        raise ConfigError(
            "task.cutoffs",
            expected="none with task.tied=true",
            got=str(cutoffs),
            remedy="clusters have widths of their own: leave one of the two out",
        )
    if cutoffs != sorted(set(cutoffs)) or cutoffs[-1] >= vocab_size:
        raise ConfigError(
            "task.cutoffs",
            expected=f"ascending numbers below the vocabulary's size, {vocab_size}",
            got=str(cutoffs),
        )


def _chosen(starts_B: Tensor, new: Tensor, old: Tensor) -> Tensor:
    return torch.where(starts_B.view(-1, *[1] * (new.ndim - 1)), new, old.to(new))


def _embedding(inputs: Inputs) -> Tensor:
    if isinstance(inputs, LearnedEmbedding):
        return inputs.embedding.weight
    raise ConfigError(
        "task.tied",
        expected="false unless inputs=learned",
        got="true",
        remedy="there are no input embeddings to share: use inputs=learned",
    )

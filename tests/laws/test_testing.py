"""The laws notice encoders that break them."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from seqbench import testing
from seqbench.models.encoder import Encoded, Encoder
from seqbench.models.lstm import LSTM


class Pointwise(Encoder):
    """A lawful encoder: a linear layer at every position, causal with nothing to carry."""

    causal = True

    def __init__(self) -> None:
        super().__init__()
        self.d_input = self.d_output = 4
        self.linear = nn.Linear(4, 4)

    def forward(self, x_BTD, mask_BT, state=None):
        return Encoded(self.linear(x_BTD), mask_BT, state)

    def initial_state(self, batch_size, device):
        return (torch.zeros(batch_size, 1, device=device),)


class WrongWidth(Pointwise):
    def __init__(self):
        super().__init__()
        self.d_output = 5


class SeesPadding(Pointwise):
    def forward(self, x_BTD, mask_BT, state=None):
        return Encoded(self.linear(x_BTD) + x_BTD.mean(1, keepdim=True), mask_BT, state)


class SeesNext(Pointwise):
    def forward(self, x_BTD, mask_BT, state=None):
        return Encoded(self.linear(x_BTD + x_BTD.roll(-1, dims=1)), mask_BT, state)


class StepsOtherwise(Pointwise):
    def step(self, x_BD, state):
        return self.linear(x_BD) + 1, state


class ForgetsState(LSTM):
    def __init__(self):
        super().__init__(d_input=4, d_hidden=4)

    def forward(self, x_BTD, mask_BT, state=None):
        encoded = super().forward(x_BTD, mask_BT, state)
        return Encoded(encoded.hidden_BTD, mask_BT, state)


class CarriesPadding(LSTM):
    def __init__(self):
        super().__init__(d_input=4, d_hidden=4)

    def forward(self, x_BTD, mask_BT, state=None):
        encoded = super().forward(x_BTD, torch.ones_like(mask_BT), state)
        return Encoded(encoded.hidden_BTD, mask_BT, encoded.state)


class UnusedParameter(Pointwise):
    def __init__(self):
        super().__init__()
        self.unused = nn.Parameter(torch.ones(3))


class UnsavedWeight(Pointwise):
    def __init__(self):
        super().__init__()
        self.register_buffer("shift", torch.randn(4), persistent=False)

    def forward(self, x_BTD, mask_BT, state=None):
        return Encoded(self.linear(x_BTD) + self.shift, mask_BT, state)


class Unseeded(Pointwise):
    calls = 0

    def forward(self, x_BTD, mask_BT, state=None):
        Unseeded.calls += 1
        return Encoded(self.linear(x_BTD) + Unseeded.calls, mask_BT, state)


def test_a_lawful_encoder_passes():
    testing.check_encoder(Pointwise, num_parameters=20)


@pytest.mark.parametrize(
    ("law", "broken", "message"),
    [
        (testing.check_shapes, WrongWidth, "d_output is 5, the width 4"),
        (testing.check_padding_invariance, SeesPadding, "values on padding matter, by"),
        (testing.check_causality, SeesNext, "position 0 sees later ones"),
        (testing.check_step_equals_forward, StepsOtherwise, "step differs from forward, by 1"),
        (testing.check_carried_state, ForgetsState, "cut at 1: two windows differ"),
        (testing.check_carried_state, CarriesPadding, "the state is not that of the last valid"),
        (testing.check_gradients, UnusedParameter, "unused receives no gradient"),
        (testing.check_save_and_load, UnsavedWeight, "loaded, it differs"),
        (testing.check_same_seed_same_bits, Unseeded, "the same seed gives other bits"),
    ],
)
def test_a_broken_law_is_named(law, broken, message):
    with pytest.raises(AssertionError, match=message):
        law(broken)
    with pytest.raises(AssertionError):
        testing.check_encoder(broken)


def test_a_wrong_count_is_named():
    with pytest.raises(AssertionError, match="21 parameters by the formula, 20 by count"):
        testing.check_encoder(Pointwise, num_parameters=21)

"""Recurrent weights dropped in training: the same ones at all positions, whole again afterwards."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from seqbench.models.encoder import Encoder
from seqbench.models.gru import GRU
from seqbench.models.lstm import LSTM
from seqbench.models.peephole_lstm import PeepholeLSTM
from seqbench.models.rnn import RNN

MODELS: dict[str, Callable[..., Encoder]] = {
    "rnn": RNN,
    "lstm": LSTM,
    "gru": GRU,
    "gru before": lambda **options: GRU(reset="before", **options),
    "peephole": PeepholeLSTM,
}


@pytest.mark.parametrize("name", MODELS)
def test_it_acts_in_training_alone(name: str) -> None:
    torch.manual_seed(0)
    encoder = MODELS[name](d_input=4, d_hidden=8, weight_drop=0.5)
    weights = {key: value.clone() for key, value in encoder.state_dict().items()}
    x_BTD, mask_BT = torch.randn(2, 5, 4), torch.ones(2, 5, dtype=torch.bool)
    state = encoder.initial_state(2, x_BTD.device)
    trained = [encoder.train()(x_BTD, mask_BT, state).hidden_BTD for _ in range(2)]
    tested = [encoder.eval()(x_BTD, mask_BT, state).hidden_BTD for _ in range(2)]
    assert torch.equal(*tested)
    assert not torch.equal(*trained)
    # at the first position nothing recurrent has acted yet
    torch.testing.assert_close(trained[0][:, 0], tested[0][:, 0])
    for key, value in encoder.state_dict().items():
        assert torch.equal(value, weights[key])


def test_dropped_weights_receive_no_gradient_and_the_others_do() -> None:
    torch.manual_seed(0)
    encoder = LSTM(d_input=4, d_hidden=8, weight_drop=0.5).train()
    x_BTD, mask_BT = torch.randn(3, 6, 4), torch.ones(3, 6, dtype=torch.bool)
    encoder(x_BTD, mask_BT).hidden_BTD.sum().backward()
    gradient = encoder.forward_layers[0].rnn.weight_hh_l0.grad  # type: ignore[union-attr]
    dropped = (gradient == 0).float().mean()
    assert 0.3 < dropped < 0.7

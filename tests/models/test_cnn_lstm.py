from __future__ import annotations

import pytest
import torch
from torch import nn

from seqbench.errors import ConfigError
from seqbench.models.cnn_lstm import CNNLSTM


def test_equals_torchs_modules_in_a_row():
    torch.manual_seed(0)
    encoder = CNNLSTM(d_input=3, channels=4, kernel_size=3, pool=2, d_hidden=5)
    kernel = encoder.convolution.kernels[0]
    x_BTD = torch.randn(2, 8, 3)
    padded = nn.functional.pad(x_BTD.transpose(1, 2), (1, 1))
    features = nn.functional.max_pool1d(kernel(padded).relu(), 2)
    expected_BTD, _ = encoder.lstm.forward_layers[0].rnn(features.transpose(1, 2))
    got = encoder(x_BTD, torch.ones(2, 8, dtype=torch.bool))
    torch.testing.assert_close(got.hidden_BTD, expected_BTD)


def test_pooling_shortens_each_row_by_its_own_length():
    encoder = CNNLSTM(d_input=3, channels=4, pool=3, d_hidden=5)
    mask_BT = torch.arange(7) < torch.tensor([7, 4, 3, 1])[:, None]
    encoded = encoder(torch.randn(4, 7, 3), mask_BT)
    assert encoded.mask_BT.sum(1).tolist() == [3, 2, 1, 1]


def test_causal_with_pooling_is_refused():
    with pytest.raises(ConfigError, match=r"model.pool: expected 1 .* set model.pool=1"):
        CNNLSTM(d_input=3, causal=True)


def test_causal_in_two_directions_is_refused():
    with pytest.raises(ConfigError, match=r"model.bidirectional: expected false"):
        CNNLSTM(d_input=3, causal=True, pool=1, bidirectional=True)

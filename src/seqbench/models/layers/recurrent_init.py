"""How recurrent weights begin."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def init_gates(input_GI: Tensor, recurrent_GD: Tensor, *biases_G: Tensor) -> None:
    """Xavier input weights, orthogonal recurrent weights, zero biases: each gate on its own.

    Orthogonal recurrent matrices neither shrink nor stretch what they carry over (Saxe et al.
    2014); drawn for the stacked gates at once they would not be orthogonal.

    Args:
        input_GI: weights from the input, the gates' D rows stacked.
        recurrent_GD: weights from the last hidden state, likewise.
        biases_G: any number of biases.
    """
    d_hidden = recurrent_GD.shape[1]
    for gate_DI in torch.split(input_GI, d_hidden):
        nn.init.xavier_uniform_(gate_DI)
    for gate_DD in torch.split(recurrent_GD, d_hidden):
        nn.init.orthogonal_(gate_DD)
    for bias_G in biases_G:
        nn.init.zeros_(bias_G)

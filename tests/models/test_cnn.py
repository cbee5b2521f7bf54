from __future__ import annotations

import pytest
import torch

from seqbench.errors import ConfigError
from seqbench.models.cnn import CNN
from seqbench.models.layers.pooling import Pooling


@pytest.mark.parametrize("causal", [False, True])
def test_equals_a_loop_over_positions_and_kernels(causal):
    torch.manual_seed(0)
    encoder = CNN(d_input=3, channels=2, kernel_sizes=[1, 2, 5], causal=causal)
    x_TD = torch.randn(7, 3)
    got_TD = encoder(x_TD[None], torch.ones(1, 7, dtype=torch.bool)).hidden_BTD[0]
    for position in range(7):
        channels = []
        for kernel in encoder.layers[0].kernels:
            size = kernel.kernel_size[0]
            first = position - (size - 1 if causal else (size - 1) // 2)
            total = kernel.bias.clone()
            for offset in range(size):
                if 0 <= first + offset < 7:
                    total = total + kernel.weight[:, :, offset] @ x_TD[first + offset]
            channels.append(total.relu())
        torch.testing.assert_close(got_TD[position], torch.cat(channels))


def test_max_over_time_finds_a_pattern_wherever_it_stands():
    torch.manual_seed(0)
    encoder = CNN(d_input=3, channels=4, kernel_sizes=[2, 3])
    pool = Pooling(kind="max", d_input=encoder.d_output)
    pattern = torch.randn(3, 3)
    texts_BTD = torch.zeros(2, 12, 3)
    texts_BTD[0, 2:5] = texts_BTD[1, 6:9] = pattern
    one_D, other_D = pool(*encoder(texts_BTD, torch.ones(2, 12, dtype=torch.bool))[:2])
    torch.testing.assert_close(one_D, other_D)


@pytest.mark.parametrize("sizes", [[], [3, 0]])
def test_impossible_kernel_sizes_are_refused(sizes):
    with pytest.raises(ConfigError, match=r"model.kernel_sizes: expected one or more widths >= 1"):
        CNN(d_input=3, kernel_sizes=sizes)

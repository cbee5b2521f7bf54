from __future__ import annotations

import pytest
import torch
from torch import nn

from seqbench.errors import ConfigError
from seqbench.models.layers.transformer_layer import TransformerLayer
from seqbench.models.transformer import Transformer

LENGTHS_B = torch.tensor([6, 3, 1])
MASK_BT = torch.arange(6) < LENGTHS_B[:, None]


def copy_from_torch(reference: nn.TransformerEncoderLayer, layer: TransformerLayer) -> None:
    """Torch's weights into ours; its attention biases, which ours has not, become zero."""
    nn.init.zeros_(reference.self_attn.in_proj_bias)
    nn.init.zeros_(reference.self_attn.out_proj.bias)
    layer.attention.query_key_value.weight.data.copy_(reference.self_attn.in_proj_weight)
    layer.attention.output.weight.data.copy_(reference.self_attn.out_proj.weight)
    layer.feedforward[0].load_state_dict(reference.linear1.state_dict())
    layer.feedforward[2].load_state_dict(reference.linear2.state_dict())
    layer.attention_norm.load_state_dict(reference.norm1.state_dict())
    layer.feedforward_norm.load_state_dict(reference.norm2.state_dict())


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("activation", ["relu", "gelu"])
@pytest.mark.parametrize("norm", ["pre", "post"])
def test_a_stack_equals_torchs(norm, activation, causal):
    torch.manual_seed(0)
    encoder = Transformer(
        d_input=8, d_model=8, num_heads=2, num_layers=2, d_feedforward=12, norm=norm,
        activation=activation, causal=causal, dropout=0.0,
    )  # fmt: skip
    encoder.positions = None
    hidden_BTD = x_BTD = torch.randn(3, 6, 8)
    hidden_BTD = hidden_BTD * 8**0.5
    look_ahead = torch.ones(6, 6, dtype=torch.bool).triu(1) if causal else None
    for layer in encoder.layers:
        reference = nn.TransformerEncoderLayer(
            8, 2, 12, dropout=0.0, activation=activation, batch_first=True, norm_first=norm == "pre"
        )
        copy_from_torch(reference, layer)
        hidden_BTD = reference(hidden_BTD, src_mask=look_ahead, src_key_padding_mask=~MASK_BT)
    expected_BTD = encoder.final_norm(hidden_BTD)
    got_BTD = encoder(x_BTD, MASK_BT).hidden_BTD
    torch.testing.assert_close(got_BTD[MASK_BT], expected_BTD[MASK_BT])


def test_without_positions_order_is_invisible_with_them_it_is_not():
    torch.manual_seed(0)
    x_BTD, order = torch.randn(1, 5, 8), torch.tensor([3, 0, 4, 1, 2])
    mask_BT = torch.ones(1, 5, dtype=torch.bool)
    for positions in ("sinusoidal", "learned", "rotary", None):
        encoder = Transformer(d_input=8, d_model=8, num_heads=2, positions=positions or "learned")
        encoder.eval()
        if positions is None:
            encoder.positions = None
        straight_BD = encoder(x_BTD, mask_BT).hidden_BTD.mean(1)
        shuffled_BD = encoder(x_BTD[:, order], mask_BT).hidden_BTD.mean(1)
        assert torch.allclose(straight_BD, shuffled_BD, atol=1e-6) == (positions is None)


def test_beyond_the_learned_positions_is_refused_with_the_remedy():
    encoder = Transformer(d_input=8, d_model=8, num_heads=2, positions="learned", max_positions=5)
    encoder(torch.randn(1, 5, 8), torch.ones(1, 5, dtype=torch.bool))
    with pytest.raises(ConfigError, match=r"model.max_positions: expected at least 6 .*, got 5"):
        encoder(torch.randn(3, 6, 8), MASK_BT)


def test_a_long_carried_state_meets_the_same_limit():
    encoder = Transformer(
        d_input=8, d_model=8, num_heads=2, positions="learned", max_positions=3, causal=True
    )
    state = encoder.initial_state(1, torch.device("cpu"))
    for _ in range(3):
        _, state = encoder.step(torch.randn(1, 8), state)
    with pytest.raises(ConfigError, match="rotary positions"):
        encoder.step(torch.randn(1, 8), state)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"d_model": 10, "num_heads": 4},
            r"model.num_heads: expected a divisor of model.d_model=10",
        ),
        ({"d_model": 9, "num_heads": 3}, "model.d_model: expected an even number with sinusoidal"),
        (
            {"d_model": 6, "num_heads": 2, "positions": "rotary"},
            "model.d_model / model.num_heads: expected an even number with rotary",
        ),
    ],
)
def test_impossible_widths_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        Transformer(d_input=8, **options)


def test_a_window_hides_what_lies_further_back():
    torch.manual_seed(0)
    encoder = Transformer(
        d_input=8, d_model=8, num_heads=2, causal=True, window=3, dropout=0.0, num_layers=1
    )
    x_BTD = torch.randn(1, 6, 8, requires_grad=True)
    encoder(x_BTD, torch.ones(1, 6, dtype=torch.bool)).hidden_BTD[0, 4].square().sum().backward()
    assert x_BTD.grad.any(-1).tolist() == [[False, False, True, True, True, False]]


@pytest.mark.parametrize(("window", "kept"), [(1, 1), (2, 1), (4, 3), (None, 30)])
def test_a_window_bounds_the_cache(window, kept):
    encoder = Transformer(d_input=8, d_model=8, num_heads=2, causal=True, window=window)
    state = encoder.initial_state(2, torch.device("cpu"))
    for _ in range(3):
        mask_BT = torch.ones(2, 10, dtype=torch.bool)
        state = encoder(torch.randn(2, 10, 8), mask_BT, state).state
    assert [part.shape[1 if part.ndim == 2 else 2] for part in state] == [kept] * 3
    assert state[0][:, -1].tolist() == [29, 29]


def test_a_window_without_causal_is_refused():
    with pytest.raises(ConfigError, match=r"model.window: expected null unless model.causal=true"):
        Transformer(d_input=8, window=3)

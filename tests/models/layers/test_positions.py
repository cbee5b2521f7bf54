from __future__ import annotations

import math

import pytest
import torch

from seqbench.models.layers.positions import RotaryPositions, SinusoidalPositions


def test_sinusoids_are_those_of_the_paper_up_to_the_order_of_features():
    code_TD = SinusoidalPositions(d_model=6)(torch.zeros(1, 9, 6), torch.arange(9)[None])[0]
    for position in range(9):
        for pair in range(3):
            angle = position / 10_000 ** (2 * pair / 6)
            assert code_TD[position, pair] == pytest.approx(math.sin(angle), abs=1e-6)
            assert code_TD[position, pair + 3] == pytest.approx(math.cos(angle), abs=1e-6)


def test_rotation_is_multiplication_by_a_complex_number():
    torch.manual_seed(0)
    x_BHTD = torch.randn(2, 3, 5, 8)
    positions_BT = torch.tensor([[0, 1, 2, 3, 4], [7, 8, 9, 9, 9]])
    turned = RotaryPositions(d_head=8)(x_BHTD, positions_BT)
    frequencies_F = torch.tensor([10_000 ** (-2 * pair / 8) for pair in range(4)])
    angles = positions_BT[:, None, :, None] * frequencies_F
    expected = torch.complex(x_BHTD[..., :4], x_BHTD[..., 4:]) * torch.polar(
        torch.ones_like(angles), angles
    )
    torch.testing.assert_close(turned, torch.cat([expected.real, expected.imag], -1))


def test_a_rotary_score_depends_on_the_distance_alone():
    torch.manual_seed(0)
    rotary = RotaryPositions(d_head=8)
    query, key = torch.randn(1, 1, 1, 8), torch.randn(1, 1, 1, 8)

    def score(at: int, of: int) -> float:
        turned = (rotary(x, torch.tensor([[p]])) for x, p in ((query, at), (key, of)))
        return math.fsum((next(turned) * next(turned)).flatten().tolist())

    assert score(3, 1) == pytest.approx(score(103, 101), abs=1e-4)
    assert score(3, 1) != pytest.approx(score(3, 2), abs=1e-3)

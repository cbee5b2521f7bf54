"""Where a vector stands in the sequence, three ways to say it."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from seqbench.errors import ConfigError


class SinusoidalPositions(nn.Module):
    """Adds sines and cosines of geometrically spaced wavelengths; nothing is learned, no limit.

    Vaswani et al. 2017 (Attention Is All You Need, section 3.5). Sines fill the first half of the
    features and cosines the second, which is a permutation of the paper's interleaving.

    Args:
        d_model: width of the vectors, even.
    """

    inverse_wavelength_F: Tensor

    def __init__(self, *, d_model: int) -> None:
        super().__init__()
        self.register_buffer("inverse_wavelength_F", _frequencies(d_model), persistent=False)

    def forward(self, x_BTD: Tensor, positions_BT: Tensor) -> Tensor:
        """x_BTD with the code of each position added."""
        angles_BTF = positions_BT[..., None] * self.inverse_wavelength_F
        return x_BTD + torch.cat([angles_BTF.sin(), angles_BTF.cos()], dim=-1).to(x_BTD.dtype)


class LearnedPositions(nn.Module):
    """Adds a learned vector a position, up to a limit.

    Gehring et al. 2017 (Convolutional Sequence to Sequence Learning, section 3.1); Vaswani et al.
    2017 found it equal to sinusoids.

    Args:
        d_model: width of the vectors.
        max_positions: number of positions.
    """

    def __init__(self, *, d_model: int, max_positions: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(max_positions, d_model)
        # As large as sinusoids are: smaller ones drown in the scaled input and are learned late.
        nn.init.normal_(self.embedding.weight, std=math.sqrt(0.5))

    def forward(self, x_BTD: Tensor, positions_BT: Tensor) -> Tensor:
        """x_BTD with the vector of each position added.

        Raises:
            ConfigError: a position at or beyond `max_positions`.
        """
        limit = self.embedding.num_embeddings
        if positions_BT.numel() and int(positions_BT.max()) >= limit:
            raise ConfigError(
                "model.max_positions",
                expected=f"at least {int(positions_BT.max()) + 1} for this sequence",
                got=str(limit),
                remedy="raise it, shorten the sequences, or use sinusoidal or rotary positions",
            )
        positioned: Tensor = x_BTD + self.embedding(positions_BT)
        return positioned


class RotaryPositions(nn.Module):
    """Turns queries and keys by an angle that grows with the position.

    Su et al. 2021 (RoFormer, section 3.2): a score then depends on how far apart two positions are.
    Feature i is paired with feature i + d/2, which is a permutation of the paper's neighbours.

    Args:
        d_head: width of a head, even.
    """

    inverse_wavelength_F: Tensor

    def __init__(self, *, d_head: int) -> None:
        super().__init__()
        self.register_buffer("inverse_wavelength_F", _frequencies(d_head), persistent=False)

    def forward(self, x_BHTD: Tensor, positions_BT: Tensor) -> Tensor:
        """Queries or keys x_BHTD, or both of them stacked in front, turned."""
        angles_B1TF = (positions_BT[..., None] * self.inverse_wavelength_F)[:, None]
        cos, sin = angles_B1TF.cos().to(x_BHTD.dtype), angles_B1TF.sin().to(x_BHTD.dtype)
        left, right = x_BHTD.chunk(2, dim=-1)
        return torch.cat([left * cos - right * sin, right * cos + left * sin], dim=-1)


def _frequencies(width: int) -> Tensor:
    """1 / wavelength (in radians a position) of each pair of features: 1 down to 1 / 10,000."""
    exponents_F = torch.arange(0, width, 2, dtype=torch.float32) / width
    return 10_000.0**-exponents_F

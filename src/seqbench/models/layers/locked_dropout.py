"""Dropout with one mask for all time steps."""

from __future__ import annotations

from torch import Tensor, nn


class LockedDropout(nn.Module):
    """Drops the same features at every position of a sequence; each row has its own mask.

    "Variational" dropout of Gal and Ghahramani 2016 (section 4), "locked" in Merity et al. 2018.

    Args:
        rate: share of features dropped in training; the others are scaled by 1 / (1 - rate).
    """

    def __init__(self, *, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x_BTD: Tensor) -> Tensor:
        """x_BTD with some features of each row set to zero throughout."""
        if not self.training or self.rate == 0.0:
            return x_BTD
        mask_B1D = x_BTD.new_empty(x_BTD.shape[0], 1, x_BTD.shape[2]).bernoulli_(1 - self.rate)
        return x_BTD * (mask_B1D / (1 - self.rate))

    def extra_repr(self) -> str:
        """The rate, for `print(model)`."""
        return f"rate={self.rate}"

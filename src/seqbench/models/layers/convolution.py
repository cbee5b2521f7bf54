"""Convolution over the positions of a padded sequence, several kernel widths side by side."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Convolution(nn.Module):
    """Kernels of several widths read every position; their channels stand side by side.

    T stays as it is: zeros stand where a kernel reaches beyond the sequence, on both sides or, when
    causal, on the left alone.

    Args:
        d_input: width of the vectors that come in.
        channels: channels of each kernel width.
        kernel_sizes: widths in positions.
        causal: whether a kernel ends at its position instead of being centred on it.
    """

    def __init__(
        self, *, d_input: int, channels: int, kernel_sizes: list[int], causal: bool
    ) -> None:
        super().__init__()
        self.causal = causal
        self.reach = max(kernel_sizes) - 1
        self.kernels = nn.ModuleList([nn.Conv1d(d_input, channels, k) for k in kernel_sizes])
        for kernel in self.kernels:
            assert isinstance(kernel, nn.Conv1d) and kernel.bias is not None
            nn.init.xavier_uniform_(kernel.weight)
            nn.init.zeros_(kernel.bias)

    def forward(
        self, x_BTD: Tensor, mask_BT: Tensor, past_BKD: Tensor | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """The convolved sequence, and the last `reach` valid inputs of each row.

        Args:
            x_BTD: vectors; padding counts as zeros.
            mask_BT: True on valid positions.
            past_BKD: the `reach` inputs before the first; causal only. Without it they are zeros,
                and None comes back in its place.
        """
        x_BTD = x_BTD.masked_fill(~mask_BT[..., None], 0.0)
        left = self.reach if self.causal else self.reach // 2
        if past_BKD is None:
            padded_BTD = F.pad(x_BTD, (0, 0, left, self.reach - left))
        else:
            padded_BTD = torch.cat([past_BKD, x_BTD], dim=1)
        hidden_BTD = torch.cat([self._convolve(k, padded_BTD, left) for k in self.kernels], dim=1)
        after_BKD = None if past_BKD is None else last_valid(padded_BTD, mask_BT, self.reach)
        return hidden_BTD.transpose(1, 2), after_BKD

    def _convolve(self, kernel: nn.Module, padded_BTD: Tensor, left: int) -> Tensor:
        """One kernel width over as many positions as came in."""
        assert isinstance(kernel, nn.Conv1d)
        reach = kernel.kernel_size[0] - 1
        first = left - (reach if self.causal else reach // 2)
        end = padded_BTD.shape[1] - self.reach + reach + first
        # As a picture one pixel high: B D 1 T seen from B T D is torch's channels-last layout,
        # which needs no copy: about a seventh faster on a CPU.
        image_BD1T = padded_BTD[:, first:end].transpose(1, 2)[:, :, None]
        return F.conv2d(image_BD1T, kernel.weight[:, :, None], kernel.bias).squeeze(2)


def last_valid(padded_BTD: Tensor, mask_BT: Tensor, count: int) -> Tensor:
    """The last `count` vectors of each row; `count` older ones precede its valid positions."""
    index_BK = mask_BT.sum(1)[:, None] + torch.arange(count, device=mask_BT.device)
    return padded_BTD.gather(1, index_BK[..., None].expand(-1, -1, padded_BTD.shape[2]))

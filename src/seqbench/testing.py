"""The laws that every encoder keeps, ours and a user's own.

    from seqbench.testing import check_encoder
    check_encoder(lambda: MyEncoder(d_input=8))

Every law is a function of its own, too; each raises AssertionError and says what was broken.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from seqbench.models.encoder import Encoder, State

MakeEncoder = Callable[[], Encoder]

LENGTHS = (7, 4, 1)
"""Lengths of the rows that the laws are tried on: a full one, a shorter one, the shortest."""


def check_encoder(
    make_encoder: MakeEncoder,
    *,
    num_parameters: int | None = None,
    tolerance: float = 1e-5,
    seed: int = 0,
) -> None:
    """Run every law.

    Args:
        make_encoder: makes a new encoder, the same each time but for its random weights.
        num_parameters: what the closed formula says; None leaves this law out.
        tolerance: how far two numbers may lie apart that are computed in different orders.
        seed: of weights and inputs.

    Raises:
        AssertionError: a law is broken; the message says which and how.
    """
    check_shapes(make_encoder, seed=seed)
    check_padding_invariance(make_encoder, tolerance=tolerance, seed=seed)
    check_causality(make_encoder, seed=seed)
    check_step_equals_forward(make_encoder, tolerance=tolerance, seed=seed)
    check_carried_state(make_encoder, tolerance=tolerance, seed=seed)
    check_gradients(make_encoder, seed=seed)
    check_save_and_load(make_encoder, seed=seed)
    check_same_seed_same_bits(make_encoder, seed=seed)
    if num_parameters is not None:
        check_num_parameters(make_encoder, num_parameters)


def check_shapes(make_encoder: MakeEncoder, *, seed: int = 0) -> None:
    """Widths are as declared; mask and vectors agree; no row is lost; no state unasked."""
    encoder = _make(make_encoder, seed)
    x_BTD, mask_BT = _batch(encoder.d_input, seed)
    hidden_BTD, out_mask_BT, state = encoder(x_BTD, mask_BT)
    batch, time, width = hidden_BTD.shape
    _require(batch == len(x_BTD), f"{len(x_BTD)} rows in, {batch} out")
    _require(width == encoder.d_output, f"d_output is {encoder.d_output}, the width {width}")
    _require(0 < time <= x_BTD.shape[1], f"{x_BTD.shape[1]} positions in, {time} out")
    _require(out_mask_BT.shape == (batch, time), f"mask of shape {tuple(out_mask_BT.shape)}")
    _require(out_mask_BT.dtype == torch.bool, f"mask of type {out_mask_BT.dtype}")
    _require(bool(out_mask_BT[:, 0].all()), "a row without any position came out")
    gaps = out_mask_BT[:, 1:] & ~out_mask_BT[:, :-1]
    _require(not bool(gaps.any()), "padding came out on the left of a position")
    _require(state is None, "a state came out where none went in")
    if encoder.causal:
        _require(time == x_BTD.shape[1], "a causal encoder must keep every position")
        for part in encoder.initial_state(batch, x_BTD.device):
            _require(len(part) == batch, "batch must be dimension 0 of every tensor of the state")


def check_padding_invariance(
    make_encoder: MakeEncoder, *, tolerance: float = 1e-5, seed: int = 0
) -> None:
    """More padding, or other values on it, changes nothing; nor do the other rows of a batch."""
    encoder = _make(make_encoder, seed)
    x_BTD, mask_BT = _batch(encoder.d_input, seed)
    expected_ND = _valid(encoder, x_BTD, mask_BT)

    garbage_BTD = torch.where(mask_BT[..., None], x_BTD, 1e3 * torch.randn_like(x_BTD))
    _close(
        _valid(encoder, garbage_BTD, mask_BT), expected_ND, tolerance, "values on padding matter"
    )

    more_BTD = torch.cat([garbage_BTD, 1e3 * torch.randn_like(x_BTD[:, :5])], dim=1)
    more_BT = torch.cat([mask_BT, torch.zeros_like(mask_BT[:, :5])], dim=1)
    _close(_valid(encoder, more_BTD, more_BT), expected_ND, tolerance, "more padding matters")

    alone_ND = torch.cat(
        [
            _valid(encoder, x_BTD[row : row + 1, :length], mask_BT[row : row + 1, :length])
            for row, length in enumerate(LENGTHS)
        ]
    )
    _close(alone_ND, expected_ND, tolerance, "a row alone differs from the row in a batch")

    garbage_BTD.requires_grad_()
    torch.autograd.backward(_valid(encoder, garbage_BTD, mask_BT).square().sum())
    gradient_ND = _gradient(garbage_BTD)[~mask_BT]
    _require(not bool(gradient_ND.any()), "padding receives a gradient")


def check_causality(make_encoder: MakeEncoder, *, seed: int = 0) -> None:
    """What a causal encoder says at a position has no gradient from later ones."""
    encoder = _make(make_encoder, seed)
    if not encoder.causal:
        return
    x_BTD, mask_BT = _batch(encoder.d_input, seed, lengths=(7, 7, 7))
    for position in range(x_BTD.shape[1]):
        x_BTD = x_BTD.detach().requires_grad_()
        hidden_BTD = encoder(x_BTD, mask_BT).hidden_BTD
        torch.autograd.backward(_weighted_sum(hidden_BTD[:, position]))
        gradient_BTD = _gradient(x_BTD)
        future = bool(gradient_BTD[:, position + 1 :].any())
        _require(not future, f"position {position} sees later ones")
        _require(bool(gradient_BTD.any()), f"position {position} sees nothing")


def check_step_equals_forward(
    make_encoder: MakeEncoder, *, tolerance: float = 1e-5, seed: int = 0
) -> None:
    """A causal encoder stepped through a sequence says what it says to the whole."""
    encoder = _make(make_encoder, seed)
    if not encoder.causal:
        return
    x_BTD, mask_BT = _batch(encoder.d_input, seed, lengths=(7, 7, 7))
    state = encoder.initial_state(len(x_BTD), x_BTD.device)
    stepped = []
    for x_BD in x_BTD.unbind(1):
        hidden_BD, state = encoder.step(x_BD, state)
        stepped.append(hidden_BD)
    whole_BTD = encoder(x_BTD, mask_BT).hidden_BTD
    _close(torch.stack(stepped, 1), whole_BTD, tolerance, "step differs from forward")


def check_carried_state(
    make_encoder: MakeEncoder, *, tolerance: float = 1e-5, seed: int = 0
) -> None:
    """A sequence in two windows, the state carried over, is the same as in one: hidden and state.

    The rows end at different places: one within the first window, which leaves nothing of it for
    the second.
    """
    encoder = _make(make_encoder, seed)
    if not encoder.causal:
        return
    x_BTD, mask_BT = _batch(encoder.d_input, seed)
    start = encoder.initial_state(len(x_BTD), x_BTD.device)
    whole = encoder(x_BTD, mask_BT, start)
    _require(whole.state is not None, "no state came out where one went in")
    fresh_BTD = encoder(x_BTD, mask_BT).hidden_BTD
    _close(whole.hidden_BTD[mask_BT], fresh_BTD[mask_BT], tolerance, "initial_state matters")
    for cut in (1, 3, 5):
        first = encoder(x_BTD[:, :cut], mask_BT[:, :cut], start)
        second = encoder(x_BTD[:, cut:], mask_BT[:, cut:], first.state)
        hidden_BTD = torch.cat([first.hidden_BTD, second.hidden_BTD], 1)
        expected_ND = whole.hidden_BTD[mask_BT]
        _close(hidden_BTD[mask_BT], expected_ND, tolerance, f"cut at {cut}: two windows differ")
        after_BD = _continue(encoder, second.state)
        expected_BD = _continue(encoder, whole.state)
        _close(after_BD, expected_BD, tolerance, f"cut at {cut}: the state differs")
    for row, length in enumerate(LENGTHS):
        one = slice(row, row + 1)
        alone = encoder(
            x_BTD[one, :length],
            mask_BT[one, :length],
            encoder.initial_state(1, x_BTD.device),
        )
        after_BD = _continue(encoder, alone.state)
        expected_BD = _continue(encoder, whole.state)[one]
        _close(after_BD, expected_BD, tolerance, "the state is not that of the last valid position")


def check_gradients(make_encoder: MakeEncoder, *, seed: int = 0) -> None:
    """Every parameter receives a gradient, finite and somewhere not zero."""
    encoder = _make(make_encoder, seed)
    x_BTD, mask_BT = _batch(encoder.d_input, seed)
    hidden_BTD, out_mask_BT, _ = encoder(x_BTD, mask_BT)
    if not any(True for _ in encoder.parameters()):
        return
    torch.autograd.backward(_weighted_sum(hidden_BTD[out_mask_BT]))
    for name, parameter in encoder.named_parameters():
        _require(parameter.grad is not None, f"{name} receives no gradient")
        gradient = _gradient(parameter)
        _require(bool(gradient.isfinite().all()), f"the gradient of {name} is not finite")
        _require(bool(gradient.any()), f"the gradient of {name} is zero")


def check_save_and_load(make_encoder: MakeEncoder, *, seed: int = 0) -> None:
    """Saved and loaded into a differently seeded one, plain tensors only, it says the same bits."""
    saved, loaded = _make(make_encoder, seed), _make(make_encoder, seed + 1)
    file = io.BytesIO()
    torch.save(saved.state_dict(), file)
    file.seek(0)
    loaded.load_state_dict(torch.load(file, weights_only=True))
    x_BTD, mask_BT = _batch(saved.d_input, seed)
    same = torch.equal(_valid(saved, x_BTD, mask_BT), _valid(loaded, x_BTD, mask_BT))
    _require(same, "loaded, it differs from what was saved")


def check_same_seed_same_bits(make_encoder: MakeEncoder, *, seed: int = 0) -> None:
    """The same seed gives the same weights, and in training, dropout and all, the same bits."""
    outputs = []
    for _ in range(2):
        encoder = _make(make_encoder, seed).train()
        x_BTD, mask_BT = _batch(encoder.d_input, seed)
        torch.manual_seed(seed)
        outputs.append([*encoder.state_dict().values(), _valid(encoder, x_BTD, mask_BT)])
    for one, other in zip(*outputs, strict=True):
        _require(torch.equal(one, other), "the same seed gives other bits")


def check_num_parameters(make_encoder: MakeEncoder, expected: int) -> None:
    """There are as many trainable parameters as the closed formula says."""
    got = sum(parameter.numel() for parameter in make_encoder().parameters())
    _require(got == expected, f"{expected} parameters by the formula, {got} by count")


def check_widths(encoder: type[Encoder], arguments: Mapping[str, Any]) -> None:
    """What it declares to make it wider does: each number of steps is built, and more parameters.

    Args:
        encoder: the class; one that declares nothing keeps this law.
        arguments: keyword arguments to build it with, all that it takes.
    """
    widths = encoder.widths(arguments)
    if widths is None:
        return
    missing = [name for name in widths.names if name not in arguments]
    _require(not missing, f"widths names {', '.join(missing)}, which are no arguments")
    sizes = []
    for number in (1, 2, 3, 8):
        made = encoder(**{**arguments, **widths.at(number, arguments)})
        sizes.append(sum(parameter.numel() for parameter in made.parameters()))
    _require(sizes == sorted(set(sizes)), f"wider is not larger: {sizes} parameters")


def _make(make_encoder: MakeEncoder, seed: int) -> Encoder:
    torch.manual_seed(seed)
    return make_encoder().eval()


def _batch(d_input: int, seed: int, lengths: tuple[int, ...] = LENGTHS) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    x_BTD = torch.randn(len(lengths), max(lengths), d_input, generator=generator)
    return x_BTD, torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]


def _valid(encoder: Encoder, x_BTD: Tensor, mask_BT: Tensor) -> Tensor:
    """The hidden_ND on valid positions, row after row."""
    hidden_BTD, out_mask_BT, _ = encoder(x_BTD, mask_BT)
    valid_ND: Tensor = hidden_BTD[out_mask_BT]
    return valid_ND


def _continue(encoder: Encoder, state: State | None) -> Tensor:
    """What the encoder says next: states may be laid out differently and mean the same."""
    assert state is not None
    hidden_BD, _ = encoder.step(torch.ones(len(state[0]), encoder.d_input), state)
    return hidden_BD


def _weighted_sum(hidden: Tensor) -> Tensor:
    """A loss of which no normalisation knows the gradient in advance."""
    generator = torch.Generator().manual_seed(0)
    return (hidden * torch.randn(hidden.shape, generator=generator)).sum()


def _gradient(tensor: Tensor) -> Tensor:
    return torch.zeros_like(tensor) if tensor.grad is None else tensor.grad


def _close(got: Tensor, expected: Tensor, tolerance: float, broken: str) -> None:
    _require(got.shape == expected.shape, f"{broken}: {got.shape} and {expected.shape}")
    gap = float((got - expected).detach().abs().max()) if got.numel() else 0.0
    _require(gap <= tolerance, f"{broken}, by {gap:.2g}")


def _require(holds: bool, broken: str) -> None:
    if not holds:
        raise AssertionError(broken)

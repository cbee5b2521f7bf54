"""FLOPs of what torch's counter does not know: fused recurrent layers, attention on a CPU.

A multiplication with its addition counts as 2. In the backward pass a product is made once more for
each of its factors that needs a gradient. What a kernel does beyond that, such as computing
attention weights anew, is not counted: a number says what the mathematics needs, whichever kernel
did it, and a fused layer counts as much as the same one taken step by step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any

import torch
from torch import Tensor

Formula = Callable[..., int]
Shape = Sequence[int]

aten = torch.ops.aten


def _of_arguments(operator: Any) -> Callable[[Callable[[Mapping[str, Any]], int]], Formula]:
    """Has a formula called with the operator's arguments by the names of its schema."""
    names = [argument.name for argument in operator.default._schema.arguments]

    def decorate(formula: Callable[[Mapping[str, Any]], int]) -> Formula:
        def called(*arguments: Any, out_val: Any = None, **others: Any) -> int:
            return formula(dict(zip(names, arguments, strict=False)) | others)

        called._get_raw = True  # type: ignore[attr-defined]  # the counter's word: no bare shapes
        return called

    return decorate


@_of_arguments(aten.mkldnn_rnn_layer)
def _mkldnn_rnn(given: Mapping[str, Any]) -> int:
    """One layer, one direction: each weight meets every position."""
    weights = given["weight0"].numel() + given["weight1"].numel()
    return 2 * _positions(given["input"]) * int(weights)


@_of_arguments(aten.mkldnn_rnn_layer_backward)
def _mkldnn_rnn_backward(given: Mapping[str, Any]) -> int:
    x, hidden, of_x, of_hidden = (given[key] for key in ("input", "hx_", "weight1", "weight2"))
    positions, first = _positions(x), _positions(hidden)
    by_x = positions * (of_x.requires_grad + x.requires_grad)
    by_hidden = positions * (of_hidden.requires_grad + 1) - first * (not hidden.requires_grad)
    return int(2 * (by_x * of_x.numel() + by_hidden * of_hidden.numel()))


@_of_arguments(aten._cudnn_rnn)
def _cudnn_rnn(given: Mapping[str, Any]) -> int:
    """All layers and directions; what is no matrix is a bias."""
    matrices = sum(weight.numel() for weight in given["weight"] if weight.dim() == 2)
    return 2 * _positions(given["input"]) * int(matrices)


@_of_arguments(aten._cudnn_rnn_backward)
def _cudnn_rnn_backward(given: Mapping[str, Any]) -> int:
    of_x, of_hidden, _, of_weights = given["output_mask"]  # which gradients are needed
    forward = int(_cudnn_rnn(given["input"], given["weight"]))
    weights, each = given["weight"], given["weight_stride0"]
    directions = 2 if given["bidirectional"] else 1
    backward = forward * (2 if of_weights else 1)
    if not of_x:  # by the first layer
        sizes = [weights[at].numel() for at in range(0, directions * each, each)]
        backward -= 2 * _positions(given["input"]) * sum(sizes)
    if not of_hidden:  # at the first position of every layer
        sizes = [weights[at].numel() for at in range(1, len(weights), each)]
        backward -= 2 * int(given["hx"].shape[1]) * sum(sizes)
    return backward


def _positions(x: Tensor) -> int:
    """All positions of all rows, whether x is padded or packed."""
    return prod(x.shape[:-1])


def _attention(query: Shape, key: Shape, value: Shape, *_: Any, **__: Any) -> int:
    """Queries by keys, then weights by values; a mask or a causal order saves nothing."""
    scores = prod(query[:-1]) * key[-2]
    return 2 * scores * (query[-1] + value[-1])


def _attention_backward(
    grad: Shape, query: Shape, key: Shape, value: Shape, *_: Any, **__: Any
) -> int:
    return 2 * _attention(query, key, value)


@_of_arguments(aten.convolution_backward)
def _convolution_backward(given: Mapping[str, Any]) -> int:
    """As forward for each gradient: torch's own formula forgets groups.

    A weight (out, in / groups, …) meets every position of the output, a transposed one, which is
    (in, out / groups, …), every position of the input.
    """
    of_x, of_weight, _ = given["output_mask"]
    at = given["input"] if given["transposed"] else given["grad_output"]
    positions = at.shape[0] * prod(at.shape[2:])
    return int(2 * positions * given["weight"].numel() * (of_x + of_weight))


def _dot(vector: Shape, *_: Any, **__: Any) -> int:
    return 2 * prod(vector)


def _matrix_by_vector(matrix: Shape, *_: Any, **__: Any) -> int:
    return 2 * prod(matrix)


FORMULAS: dict[Any, Formula] = {
    aten.mkldnn_rnn_layer: _mkldnn_rnn,
    aten.mkldnn_rnn_layer_backward: _mkldnn_rnn_backward,
    aten._cudnn_rnn: _cudnn_rnn,
    aten._cudnn_rnn_backward: _cudnn_rnn_backward,
    aten._scaled_dot_product_flash_attention_for_cpu: _attention,
    aten._scaled_dot_product_flash_attention_for_cpu_backward: _attention_backward,
    aten._scaled_dot_product_flash_attention_backward: _attention_backward,
    aten._scaled_dot_product_efficient_attention_backward: _attention_backward,
    aten._scaled_dot_product_cudnn_attention_backward: _attention_backward,
    aten.convolution_backward: _convolution_backward,
    aten.mv: _matrix_by_vector,
    aten.dot: _dot,
    aten.vdot: _dot,
}
"""By operator; the backward ones of attention and convolution take the place of torch's own."""

_TORCHS_OWN = frozenset(("aten", "prim", "prims", "profiler", "_c10d_functional", "c10d"))
_UNKNOWN = frozenset(("_trilinear", "_fft_c2c", "_fft_c2r", "_fft_r2c", "linalg_matrix_exp"))


def is_unknown(operator: Any) -> bool:
    """Whether an operator may multiply much and has no formula: a counter would count 0."""
    namespace, _, name = operator._schema.name.partition("::")
    return namespace not in _TORCHS_OWN or name in _UNKNOWN

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from seqbench.errors import RecordError
from seqbench.training.checkpoint_file import write_checkpoint
from seqbench.training.weights import differing_weights, weights_hash

NAN = float("nan")


def state(**changes: Tensor) -> dict[str, Tensor]:
    torch.manual_seed(0)
    return {**nn.LSTM(3, 4).state_dict(), "scale": torch.tensor(2.0), **changes}


def test_the_hash_is_of_names_types_shapes_and_bits() -> None:
    found = weights_hash(state())
    assert found == weights_hash(dict(reversed(state().items())))
    others = [
        {"scale": torch.tensor(2.0000002)},
        {"scale": torch.tensor([2.0])},
        {"scale": torch.tensor(2.0, dtype=torch.float64)},
        {"other": torch.tensor(2.0)},
        {"bias_ih_l0": state()["bias_hh_l0"], "bias_hh_l0": state()["bias_ih_l0"]},
    ]
    assert len({found, *(weights_hash(state(**other)) for other in others)}) == 1 + len(others)


def test_zero_and_its_negative_differ_and_a_nan_is_itself() -> None:
    zero, minus, nan = (weights_hash({"x": torch.tensor(x)}) for x in (0.0, -0.0, NAN))
    assert zero != minus and nan == weights_hash({"x": torch.tensor(NAN)})


def test_tensors_of_any_layout_and_type() -> None:
    matrix = torch.arange(6.0).reshape(2, 3)
    assert weights_hash({"x": matrix.T}) == weights_hash({"x": matrix.T.contiguous()})
    assert weights_hash({"x": matrix.bfloat16()}) != weights_hash({"x": matrix})
    weights_hash({"x": torch.empty(0), "y": torch.tensor([True])})


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    return tmp_path / "a.ckpt", tmp_path / "b.ckpt"


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({}, ""),
        (
            {"scale": torch.tensor(2.5), "bias_ih_l0": state()["bias_ih_l0"] + 0.125},
            "2 of 5 tensors differ, the most by 0.5 in scale",
        ),
        ({"scale": torch.tensor(NAN)}, "1 of 5 tensors differ, the most by inf in scale"),
        ({"scale": torch.tensor([2.0])}, "other tensors, or other shapes"),
        ({"more": torch.tensor(1.0)}, "other tensors, or other shapes"),
    ],
)
def test_how_two_checkpoints_differ(
    changes: dict[str, Tensor], line: str, files: tuple[Path, Path]
) -> None:
    write_checkpoint(files[0], {"state_dict": state()})
    write_checkpoint(files[1], {"state_dict": state(**changes)})
    assert differing_weights(*files) == line


def test_a_damaged_checkpoint(files: tuple[Path, Path]) -> None:
    write_checkpoint(files[0], {"state_dict": state()})
    files[1].write_bytes(files[0].read_bytes()[:-1])
    with pytest.raises(RecordError, match=r"b\.ckpt: expected a checkpoint, got a damaged one"):
        differing_weights(*files)

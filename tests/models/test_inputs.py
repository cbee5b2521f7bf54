from __future__ import annotations

import math

import pytest
import torch
from pytorch_lightning import LightningModule, Trainer
from torch.utils.data import DataLoader

from seqbench.batch import TokenBatch
from seqbench.models.inputs import Counts, LearnedEmbedding, OneHot

IDS_BT = torch.tensor([[3, 4, 3], [5, 0, 0]])
BATCH = TokenBatch(
    ids_BT=IDS_BT, lengths_B=torch.tensor([3, 1]), labels_B=None, rows_B=torch.arange(2)
)
MASK = [[True, True, True], [True, False, False]]


def test_learned_embedding_looks_vectors_up_and_leaves_padding_at_zero():
    inputs = LearnedEmbedding(vocab_size=6, pad_id=0, d_embed=4).eval()
    x_BTD, mask_BT = inputs(BATCH)
    assert inputs.d_output == 4 and mask_BT.tolist() == MASK
    torch.testing.assert_close(x_BTD[0, 1], inputs.embedding.weight[4])
    assert not x_BTD[1, 1:].any()


def test_padding_learns_nothing():
    inputs = LearnedEmbedding(vocab_size=6, pad_id=0, d_embed=4, dropout=0.0)
    inputs(BATCH)[0].sum().backward()
    assert inputs.embedding.weight.grad.any(dim=1).tolist() == [False] * 3 + [True] * 3


def test_word_dropout_drops_a_word_wherever_it_stands_and_scales_the_rest():
    torch.manual_seed(0)
    inputs = LearnedEmbedding(vocab_size=6, pad_id=0, d_embed=4, dropout=0.0, word_dropout=0.5)
    plain_BTD, _ = inputs.eval()(BATCH)
    inputs.train()
    kept = torch.stack([(inputs(BATCH)[0][0] / plain_BTD[0]).detach() for _ in range(400)])
    assert torch.equal(kept[:, 0], kept[:, 2])
    assert set(kept.round(decimals=4).abs().unique().tolist()) == {0.0, 2.0}
    assert kept.mean().item() == pytest.approx(1.0, abs=0.1)


def test_element_dropout_acts_in_training_only():
    torch.manual_seed(0)
    inputs = LearnedEmbedding(vocab_size=6, pad_id=0, d_embed=50, dropout=0.5)
    assert (inputs(BATCH)[0][0] == 0).any()
    assert not (inputs.eval()(BATCH)[0][0] == 0).any()


def test_one_hot():
    inputs = OneHot(vocab_size=6, pad_id=0)
    x_BTV, mask_BT = inputs(BATCH)
    assert inputs.d_output == 6 and mask_BT.tolist() == MASK
    assert x_BTV.argmax(2)[0].tolist() == [3, 4, 3]
    assert x_BTV.sum(2).tolist() == [[1, 1, 1], [1, 0, 0]]


@pytest.mark.parametrize(
    ("options", "three", "four"),
    [
        ({"log": False}, 2.0, 1.0),
        ({"log": True}, math.log(3), math.log(2)),
        ({"log": False, "binary": True}, 1.0, 1.0),
        ({"log": True, "binary": True}, math.log(2), math.log(2)),
    ],
)
def test_counts(options, three, four):
    x_B1V, mask_B1 = Counts(vocab_size=6, pad_id=0, **options)(BATCH)
    expected_BV = torch.zeros(2, 6)
    expected_BV[0, 3], expected_BV[0, 4], expected_BV[1, 5] = three, four, four
    torch.testing.assert_close(x_B1V[:, 0], expected_BV)
    assert mask_B1.tolist() == [[True], [True]]


@pytest.mark.parametrize("make", [LearnedEmbedding, OneHot, Counts])
@pytest.mark.parametrize(
    ("precision", "expected"), [("64-true", torch.float64), ("bf16-mixed", torch.float32)]
)
def test_every_precision_of_the_trainer(make, precision, expected, tmp_path):
    found = []

    class Module(LightningModule):
        def __init__(self):
            super().__init__()
            self.inputs = make(vocab_size=6, pad_id=0)
            self.head = torch.nn.Linear(self.inputs.d_output, 1)

        def training_step(self, batch, _):
            x_BTD, _ = self.inputs(batch)
            found.append(x_BTD.dtype)
            return self.head(x_BTD).sum()

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=0.1)

    trainer = Trainer(
        accelerator="cpu", precision=precision, max_epochs=1, logger=False,
        enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
        default_root_dir=tmp_path,
    )  # fmt: skip
    trainer.fit(Module(), DataLoader([BATCH], batch_size=None))
    assert found == [expected]

"""The training FLOPs of a whole run: exact, and counted without a trace."""

from __future__ import annotations

import logging
import random
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.training.stopping import record_of
from torch import nn

from seqbench.config.compose import compose_job
from seqbench.data.datamodule import SeqDataModule
from seqbench.models.encoder import Encoded
from seqbench.models.lstm import LSTM
from seqbench.records.folder import RunFolder
from seqbench.tasks.task import Task
from seqbench.training.assemble import build_task, set_up_data
from seqbench.training.execute import execute
from seqbench.training.fit_network import meets_other_ranks
from seqbench.training.flops import batch_flops, few_of, training_flops
from seqbench.training.kinds import KINDS

CPU = torch.device("cpu")
MODELS = {
    "lstm": ["model=lstm"],
    "cnn": ["model=cnn", "~model.d_hidden", "model.channels=4"],
    "transformer": ["model=transformer", "~model.d_hidden", "model.d_model=8"],
}


class Foreign(LSTM):
    """An encoder with what others have: normalisation over the batch, dropout, layers at rest."""

    def __init__(self, *, d_input: int) -> None:
        super().__init__(d_input=d_input, d_hidden=6)
        self.norm = nn.BatchNorm1d(6)
        self.at_rest = nn.Dropout(0.5).eval()

    def forward(self, x_BTD: Any, mask_BT: Any, state: Any = None) -> Encoded:
        hidden_BTD, mask_BT, state = super().forward(x_BTD, mask_BT, state)
        np.random.rand(), random.random()
        normed_BTD = self.norm(hidden_BTD.transpose(1, 2)).transpose(1, 2)
        return Encoded(self.at_rest(normed_BTD), mask_BT, state)


def counted(task: Task, datamodule: SeqDataModule, *, tokens: int) -> float | None:
    kind = KINDS[datamodule.task]
    per_token = partial(kind.flops_per_token, task, datamodule, CPU)
    return training_flops(task, per_token, tokens=tokens, device=CPU)


@pytest.mark.parametrize("model", MODELS)
def test_it_is_the_sum_over_all_batches_of_all_epochs(model: str, make_job: Any) -> None:
    config = make_job(*MODELS[model], "data.batch_size=2").config
    datamodule = set_up_data(config)
    task = build_task(config, datamodule.spec)
    batches = list(datamodule.train_dataloader())
    assert len({batch.ids_BT.shape[1] for batch in batches}) > 3  # more than are measured
    expected = sum(batch_flops(task, batch) for batch in batches)
    tokens = sum(batch.num_tokens() for batch in batches)
    for epochs in (1, 3):
        flops = counted(task, datamodule, tokens=epochs * tokens)
        assert flops == pytest.approx(epochs * expected, rel=1e-9)


def test_a_run_has_it_in_its_record(network_run: Path, baseline_run: Path) -> None:
    from seqbench.config.job import thaw

    config = thaw(RunFolder(network_run).config).config
    datamodule = set_up_data(config)
    task = build_task(config, datamodule.spec)
    epoch = sum(batch_flops(task, batch) for batch in datamodule.train_dataloader())
    assert record_of(network_run).cost.flops == pytest.approx(2 * epoch)
    assert record_of(baseline_run).cost.flops is None


def test_nothing_of_it_is_left(make_job: Any) -> None:
    config = make_job().config
    datamodule = set_up_data(config)
    task = build_task(config, datamodule.spec)
    task.encoder = Foreign(d_input=task.inputs.d_output)
    task.head = nn.Linear(6, 2)
    loader = datamodule.train_dataloader()
    batches = iter(loader)
    task.outputs(next(batches)).loss_sum.backward()
    task.eval()
    task.head.train()

    def state() -> dict[str, Any]:
        return {
            "weights": {name: each.clone() for name, each in task.state_dict().items()},
            "gradients": [p.grad.clone() for p in task.parameters() if p.grad is not None],
            "modes": [part.training for part in task.modules()],
            "metrics": task.validation_loss.metric_state,
            "counts": task.training_state(),
            "torch": torch.get_rng_state(),
            "numpy": str(np.random.get_state(legacy=False)),
            "python": random.getstate(),
            "loader": loader.state_dict(),
        }

    before = state()
    assert counted(task, datamodule, tokens=10)
    after = state()
    assert after["gradients"]
    assert after.pop("numpy") == before.pop("numpy")
    torch.testing.assert_close(after, before, rtol=0, atol=0)
    assert next(batches).rows_B.tolist() == list(datamodule.train_dataloader())[1].rows_B.tolist()


def test_a_run_is_the_same_to_the_bit_without_it(
    make_job: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = [make_job(f"paths.outputs={tmp_path / name}") for name in ("with", "without")]
    execute(jobs[0])
    monkeypatch.setattr("seqbench.training.fit_network.training_flops", lambda *_, **__: None)
    execute(jobs[1])
    files = ["predictions.parquet", "tokenizer.json"]
    for name in files:
        assert (jobs[0].folder / name).read_bytes() == (jobs[1].folder / name).read_bytes()
    both = [record_of(job.folder) for job in jobs]
    assert both[0].scores == both[1].scores
    assert (both[0].cost.flops is None, both[1].cost.flops is None) == (False, True)


def test_where_it_cannot_be_counted_the_run_completes_all_the_same(
    make_job: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from torch.utils._python_dispatch import _get_current_dispatch_mode

    forward = LSTM.forward

    def unsuited(self: LSTM, *args: Any) -> Encoded:
        if _get_current_dispatch_mode() is not None:
            raise NotImplementedError("no such tensors\nand more")
        return forward(self, *args)

    monkeypatch.setattr(LSTM, "forward", unsuited)
    job = make_job()
    record = execute(job).record
    assert (record.status, record.cost.flops) == ("completed", None)
    told = (job.folder / "log.txt").read_text()
    assert "training FLOPs could not be counted: no such tensors\n" in told


def test_compiled_models_run_as_they_were_written(
    make_job: Any, caplog: pytest.LogCaptureFixture
) -> None:
    config = make_job().config
    datamodule = set_up_data(config)
    task = build_task(config, datamodule.spec)
    plain = counted(task, datamodule, tokens=10)

    def no_backend(*_: Any) -> Any:
        raise AssertionError("compiled for a shape that occurs once")

    task.encoder.compile(backend=no_backend)
    with caplog.at_level(logging.INFO):
        assert counted(task, datamodule, tokens=10) == plain, caplog.text


def test_few_lengths_stand_for_all() -> None:
    assert few_of(np.array([7])) == [7]
    assert few_of(np.array([9, 7, 7])) == [7, 9]
    assert few_of(np.array([5, 5, 6, 7, 8, 9, 30])) == [5, 7, 8, 30]


def test_a_language_model_counts_a_window(tmp_path: Path, cache_dir: Path) -> None:
    """By hand: an LSTM's gates, and an output layer over the vocabulary."""
    overrides = [
        "data=text_file", f"data.source.train={tmp_path / 'text.txt'}", "tokenizer=char",
        "data.window=16", "data.batch_size=4", "model=lstm", "model.d_hidden=5",
        "inputs.d_embed=6", f"paths.cache={cache_dir}",
    ]  # fmt: skip
    (tmp_path / "text.txt").write_text("abcdefgh " * 300)
    config = compose_job(overrides).config
    datamodule = set_up_data(config)
    task = build_task(config, datamodule.spec)
    vocabulary = datamodule.spec.vocab_size
    assert vocabulary is not None
    forward = 2 * 4 * 5 * (6 + 5) + 2 * 5 * vocabulary
    found = counted(task, datamodule, tokens=1)
    assert found == pytest.approx(3 * forward, rel=0.01)


class OnceABatch(LSTM):
    """Projects positions once, whatever the number of texts, as Transformer-XL does."""

    def __init__(self, *, d_input: int) -> None:
        super().__init__(d_input=d_input, d_hidden=6)
        self.relative = nn.Linear(64, 6)

    def forward(self, x_BTD: Any, mask_BT: Any, state: Any = None) -> Encoded:
        hidden_BTD, mask_BT, state = super().forward(x_BTD, mask_BT, state)
        positions_TD = self.relative(torch.ones(x_BTD.shape[1], 64))
        return Encoded(hidden_BTD + positions_TD, mask_BT, state)


def test_what_is_computed_once_a_batch_is_counted_once(make_job: Any) -> None:
    config = make_job("data.batch_size=16").config
    datamodule = set_up_data(config)
    task = build_task(config, datamodule.spec)
    task.encoder, task.head = OnceABatch(d_input=task.inputs.d_output), nn.Linear(6, 2)
    batches = list(datamodule.train_dataloader())
    expected = sum(batch_flops(task, batch) for batch in batches)
    tokens = sum(batch.num_tokens() for batch in batches)
    assert counted(task, datamodule, tokens=tokens) == pytest.approx(expected, rel=1e-9)


@torch.library.custom_op("seqbench_tests::scan", mutates_args=())
def scan(x: torch.Tensor) -> torch.Tensor:
    return x.clone()


scan.register_autograd(lambda _, grad: grad)


@pytest.mark.parametrize(
    ("strange", "name"),
    [
        (scan, "seqbench_tests.scan"),
        (lambda x_BTD: torch.fft.irfft(torch.fft.rfft(x_BTD, dim=1), x_BTD.shape[1], dim=1),
         "aten._fft_c2c, aten._fft_c2r, aten._fft_r2c"),
        (lambda x_BTD: nn.functional.bilinear(x_BTD, x_BTD, torch.ones(5, 5, 5)),
         "aten._trilinear"),
    ],
)  # fmt: skip
def test_an_operator_without_a_formula_is_told(
    strange: Any, name: str, make_job: Any, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    forward = LSTM.forward

    def with_it(self: LSTM, *args: Any) -> Encoded:
        hidden_BTD, mask_BT, state = forward(self, *args)
        return Encoded(strange(hidden_BTD), mask_BT, state)

    monkeypatch.setattr(LSTM, "forward", with_it)
    config = make_job().config
    datamodule = set_up_data(config)
    with caplog.at_level(logging.INFO):
        assert counted(build_task(config, datamodule.spec), datamodule, tokens=10) is None
    assert f"training FLOPs could not be counted: no formula for {name}" in caplog.text


def test_what_waits_for_other_ranks_is_known() -> None:
    assert meets_other_ranks(nn.Sequential(nn.Linear(2, 2), nn.SyncBatchNorm(2)))
    assert not meets_other_ranks(nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)))

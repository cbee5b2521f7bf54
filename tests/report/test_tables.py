from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from scipy import stats

from seqbench.records.load import load_records
from seqbench.records.record import Primary
from seqbench.report.content import gather
from seqbench.report.load import load_frame
from seqbench.report.tables import build_tables


def test_numbers_equal_a_few_lines_of_pandas(study: Path) -> None:
    (table,) = build_tables(load_records(study).runs)
    frame = load_frame(study)
    grouped = frame[frame["status"] == "completed"].groupby("model")
    accuracy = grouped["test/accuracy"]
    expected = pd.DataFrame({"mean": accuracy.mean(), "sd": accuracy.std(), "n": accuracy.size()})
    half = stats.t.ppf(0.975, expected["n"] - 1) * expected["sd"] / expected["n"] ** 0.5
    expected = expected.assign(half=half).sort_values("mean", ascending=False)
    assert [row.model for row in table.rows] == list(expected.index)
    for row, (_, values) in zip(table.rows, expected.iterrows(), strict=True):
        assert row.score.n == values["n"]
        assert row.score.mean == pytest.approx(values["mean"])
        if row.score.n > 1:
            assert row.score.half_width == pytest.approx(values["half"])
    means = grouped[["train_seconds", "test/macro_f1", "test/calibration_error"]].mean()
    best = table.rows[0]
    assert best.costs["train_seconds"] == pytest.approx(means.loc["lstm", "train_seconds"])
    assert best.scores["macro_f1"].mean == pytest.approx(means.loc["lstm", "test/macro_f1"])
    assert best.scores["calibration_error"].mean == pytest.approx(
        means.loc["lstm", "test/calibration_error"]
    )


def test_the_frame_has_a_row_for_every_run(study: Path) -> None:
    frame = load_frame(study)
    assert len(frame) == 16
    assert frame["status"].value_counts().to_dict() == {
        "completed": 14,
        "failed": 1,
        "interrupted": 1,
    }
    failed = frame[frame["status"] == "failed"].iloc[0]
    assert failed["error"] == "TrainingError: the loss is not finite at step 31"
    assert frame[frame["baseline"]]["model"].tolist() == ["majority", "tfidf_regression"]
    assert frame.groupby("configuration")["seed"].nunique().max() == 3


def test_seeds_group_and_settings_do_not(store, tmp_path: Path) -> None:
    for seed in (0, 1):
        store(model="lstm", seed=seed, settings={"d_hidden": 64, "num_layers": 1})
        store(model="lstm", seed=seed, settings={"d_hidden": 128, "num_layers": 1})
    store(model="gru")
    (table,) = build_tables(load_records(tmp_path).runs)
    assert {row.label: row.score.n for row in table.rows} == {
        "lstm (d_hidden=64)": 2,
        "lstm (d_hidden=128)": 2,
        "gru": 1,
    }


def test_keys_that_cannot_change_a_result_are_no_settings(store, tmp_path: Path) -> None:
    for seed in range(3):
        store(seed=seed, config={"trainer": {"log_every": 10 + seed, "profiler": None}})
    (table,) = build_tables(load_records(tmp_path).runs)
    assert [(row.label, row.score.n) for row in table.rows] == [("lstm", 3)]


def test_other_files_are_another_dataset(store, tmp_path: Path) -> None:
    for name, score in (("a.csv", 0.9), ("b.csv", 0.5)):
        data = {"files": {"train": name, "test": None}, "text_column": "text", "max_len": 9}
        store(
            data="text_classification",
            score=score,
            settings={"d_hidden": len(name)},
            config={"data": data, "seed": ord(name[0])},
            seed=ord(name[0]),
            data_fingerprint=name,
        )
    tables = build_tables(load_records(tmp_path).runs)
    assert [(table.data, table.rows[0].label, table.rows[0].score.mean) for table in tables] == [
        ("text_classification (files.train=a.csv)", "lstm", 0.9),
        ("text_classification (files.train=b.csv)", "lstm", 0.5),
    ]
    content = gather(tmp_path)
    assert content.answers[1].startswith("On text_classification (files.train=b.csv), lstm reaches")
    assert not any("fingerprints" in note for note in content.notes)


@pytest.mark.parametrize(("sizes", "warned"), [((100, 200), False), ((100, 100), True)])
def test_fewer_training_examples_are_meant_to_differ(
    sizes: tuple[int, int], warned: bool, store, tmp_path: Path
) -> None:
    for seed, size in enumerate(sizes):
        config = {"data": {"source": {"hub_id": "x"}, "train_examples": size}}
        store(seed=seed, config=config, data_fingerprint=f"f{seed}")
    assert any("2 fingerprints" in note for note in gather(tmp_path).notes) is warned


def test_datasets_and_metrics_have_tables_of_their_own(store, tmp_path: Path) -> None:
    loss = Primary(name="perplexity", higher_is_better=False)
    store(model="lstm", data="b", score=3.0, primary=loss)
    store(model="gru", data="b", score=2.0, primary=loss)
    store(model="lstm", data="b", seed=7, score=0.5)
    store(model="lstm", data="a")
    store(model="cnn", data="b", score=None, primary=loss)
    tables = build_tables(load_records(tmp_path).runs)
    assert [(table.data, table.primary.name) for table in tables] == [
        ("a", "accuracy"),
        ("b", "accuracy"),
        ("b", "perplexity"),
    ]
    assert [row.label for row in tables[2].rows] == ["gru", "lstm", "cnn"]

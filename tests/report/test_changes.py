"""Two studies side by side: before and after a change."""

from __future__ import annotations

from pathlib import Path

from seqbench.report.content import gather
from seqbench.report.markdown import render_markdown


def test_before_and_after(store, tmp_path: Path) -> None:
    for seed in range(3):
        store(model="lstm", seed=seed, score=0.60 + 0.01 * seed, study="old")
        store(model="lstm", seed=seed, score=0.65 + 0.011 * seed, study="new", code="c2")
        store(model="gru", seed=seed, score=0.60 + 0.01 * seed, study="old")
        store(model="gru", seed=seed, score=0.60 + 0.01 * seed, study="new", code="c2")
    store(model="cnn", study="new")
    outputs = tmp_path / "outputs"
    content = gather([outputs / "old", outputs / "new"])
    (found,) = content.changes
    assert (found.before, found.after) == ("old", "new")
    assert found.only == ("cnn · new",)
    by_label = {change.label: change.difference for change in found.rows}
    assert by_label["lstm"].n == 3
    assert abs(by_label["lstm"].mean - 0.051) < 1e-9
    # differences 5.0, 5.1, 5.2 points: 5.1 ± 4.3027 · 0.1 / √3 = 5.1 ± 0.25
    assert "lstm is 5.1 points better (95 % interval 4.9 to 5.3)" in found.answer
    assert "gru is the same in all 3 seeds" in found.answer
    assert content.answers[0] == found.answer
    labels = {row.label for row in content.tables[0].rows}
    assert labels == {"lstm · old", "lstm · new", "gru · old", "gru · new", "cnn · new"}
    assert "from old to new" in render_markdown(content)


def test_the_order_is_that_of_the_command(store, tmp_path: Path) -> None:
    for study, score in (("a", 0.7), ("b", 0.5)):
        store(score=score, study=study)
    outputs = tmp_path / "outputs"
    (found,) = gather([outputs / "b", outputs / "a"]).changes
    assert (found.before, found.after) == ("b", "a")
    assert found.answer == (
        "On docstrings, from b to a: lstm is 20.0 points better in one seed, "
        "which tells nothing for sure."
    )


def test_a_model_whose_settings_changed_is_matched_by_its_name(store, tmp_path: Path) -> None:
    for study, width in (("old", 16), ("new", 32)):
        for seed in range(2):
            store(seed=seed, study=study, settings={"d_hidden": width}, score=width / 100)
    (found,) = gather([tmp_path / "outputs" / "old", tmp_path / "outputs" / "new"]).changes
    (change,) = found.rows
    assert change.difference.mean == 0.16
    assert "lstm (d_hidden=32) is 16.0 points better" in found.answer


def test_three_studies_are_rows_without_a_before(store, tmp_path: Path) -> None:
    for number, study in enumerate("abc"):
        store(study=study, score=0.5 + number / 10)
    content = gather(tmp_path / "outputs")
    assert content.changes == ()
    assert [row.label for row in content.tables[0].rows] == ["lstm · c", "lstm · b", "lstm · a"]


def test_studies_of_one_name_are_told_apart_by_what_is_above(store, tmp_path: Path) -> None:
    store(study="s", score=0.5)
    (tmp_path / "outputs" / "s").rename(tmp_path / "first")
    store(study="s", score=0.6)
    (tmp_path / "before").mkdir()
    (tmp_path / "first").rename(tmp_path / "before" / "s")
    content = gather([tmp_path / "before" / "s", tmp_path / "outputs" / "s"])
    (found,) = content.changes
    assert (found.before, found.after) == ("before/s", "outputs/s")


def test_run_folders_keep_their_order(store, tmp_path: Path) -> None:
    records = [store(study=study, score=score) for study, score in (("a", 0.7), ("b", 0.5))]
    folders = [tmp_path / "outputs" / record.study / record.run_id for record in records]
    (found,) = gather(folders[::-1]).changes
    assert (found.before, found.after) == ("b", "a")


def test_studies_of_other_data_did_not_change(store, tmp_path: Path) -> None:
    store(study="a", data="imdb")
    store(study="b", data="docstrings")
    assert gather(tmp_path / "outputs").changes == ()

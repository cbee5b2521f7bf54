from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seqbench.data.sources import hub_download
from seqbench.data.sources.clean import clean_texts
from seqbench.data.sources.hub import HubSource
from seqbench.errors import DataError


def test_the_mirror_is_read(mirror: Path, tmp_path: Path) -> None:
    source = HubSource(hub_id="stanfordnlp/imdb", clean="html_breaks")
    data = source.load(cache_dir=tmp_path, datasets_dir=mirror)
    assert set(data.splits) == {"train", "test"}
    assert data.splits["train"].texts[0] == "train a dull and tedious mess , scene 0  the end"
    assert data.splits["train"].labels.tolist() == [0, 1] * 10
    assert data.label_names == ("0", "1")


def test_load_dataset_reads_the_same_mirror(mirror: Path, tmp_path: Path) -> None:
    import datasets

    datasets.disable_progress_bars()
    loaded = datasets.load_dataset(str(mirror / "stanfordnlp/sst2"), cache_dir=str(tmp_path / "hf"))
    ours = HubSource(hub_id="stanfordnlp/sst2", text_column="sentence").load(
        cache_dir=tmp_path, datasets_dir=mirror
    )
    for split in ("train", "validation", "test"):
        assert loaded[split]["sentence"][:] == list(ours.splits[split].texts)
        assert loaded[split]["label"][:] == ours.splits[split].labels.tolist()


def test_string_labels_and_label_text_name_the_classes(mirror: Path, tmp_path: Path) -> None:
    names = HubSource(hub_id="names", text_column="name", label_column="nationality")
    data = names.load(cache_dir=tmp_path, datasets_dir=mirror)
    assert data.label_names == ("English", "Russian")
    assert data.splits["train"].labels[:2].tolist() == [1, 0]
    groups = HubSource(
        hub_id="SetFit/20_newsgroups", label_text_column="label_text", clean="headers"
    )
    data = groups.load(cache_dir=tmp_path, datasets_dir=mirror)
    assert data.label_names == ("group.0", "group.1", "group.2", "group.3")
    assert "From:" not in data.splits["test"].texts[0]


def test_class_names_in_the_features_are_used(tmp_path: Path) -> None:
    features = {"label": {"names": ["no", "yes"], "_type": "ClassLabel"}}
    table = pa.table({"text": ["a", "b"], "label": [0, 1]}).replace_schema_metadata(
        {"huggingface": json.dumps({"info": {"features": features}})}
    )
    (tmp_path / "x/y").mkdir(parents=True)
    pq.write_table(table, tmp_path / "x/y/train.parquet")
    data = HubSource(hub_id="x/y").load(cache_dir=tmp_path, datasets_dir=tmp_path)
    assert data.label_names == ("no", "yes")


def test_secret_test_labels_make_validation_the_test_split(mirror: Path, tmp_path: Path) -> None:
    path = mirror / "stanfordnlp/sst2/test.parquet"
    secret = pq.read_table(path).to_pydict() | {"label": [-1] * 20}
    pq.write_table(pa.table(secret), path)
    source = HubSource(hub_id="stanfordnlp/sst2", text_column="sentence")
    data = source.load(cache_dir=tmp_path, datasets_dir=mirror)
    assert set(data.splits) == {"train", "test"}
    assert data.splits["test"].texts[0].startswith("validation ")
    assert "the validation split is used as test" in data.notes[0]


def test_a_configuration_is_a_folder_below(mirror: Path, tmp_path: Path) -> None:
    (mirror / "stanfordnlp/imdb").rename(mirror / "stanfordnlp/x")
    (mirror / "stanfordnlp/imdb").mkdir()
    (mirror / "stanfordnlp/x").rename(mirror / "stanfordnlp/imdb/plain")
    source = HubSource(hub_id="stanfordnlp/imdb", config="plain")
    assert len(source.load(cache_dir=tmp_path, datasets_dir=mirror).splits["train"]) == 20


def test_the_key_follows_the_bytes(mirror: Path, tmp_path: Path) -> None:
    source = HubSource(hub_id="stanfordnlp/imdb")
    before = source.key(cache_dir=tmp_path, datasets_dir=mirror)
    assert source.key(cache_dir=tmp_path, datasets_dir=mirror) == before
    path = mirror / "stanfordnlp/imdb/test.parquet"
    changed = pq.read_table(path).to_pydict() | {"label": [1] * 20}
    pq.write_table(pa.table(changed), path)
    assert source.key(cache_dir=tmp_path, datasets_dir=mirror) != before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"text_column": "txt"}, r"expected a column 'txt', got the columns text, label"),
        ({"label_names": ["only"]}, r"column label: expected one of only, or their ids, got 1"),
    ],
)
def test_wrong_columns_and_labels(
    mirror: Path, tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        HubSource(hub_id="stanfordnlp/imdb", **options).load(
            cache_dir=tmp_path, datasets_dir=mirror
        )


def test_a_damaged_parquet_file_is_named(mirror: Path, tmp_path: Path) -> None:
    (mirror / "stanfordnlp/imdb/train.parquet").write_bytes(b"not parquet")
    with pytest.raises(DataError, match=r"train\.parquet: expected a Parquet file"):
        HubSource(hub_id="stanfordnlp/imdb").load(cache_dir=tmp_path, datasets_dir=mirror)


@pytest.fixture
def unreachable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import datasets
    import huggingface_hub.constants

    monkeypatch.setattr(hub_download, "reachable", lambda endpoint: False)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "hf")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))


@pytest.mark.usefixtures("unreachable")
def test_nowhere_to_be_found_says_how_to_fill_the_mirror(tmp_path: Path) -> None:
    message = (
        r"dataset no/such: .*got nothing \(.*mirror/no/such/<split>\.parquet; .*cannot be reached\)"
        r"; .*hf download --repo-type dataset no/such.*DIR/no/such and set SEQBENCH_DATASETS=DIR"
    )
    with pytest.raises(DataError, match=message):
        HubSource(hub_id="no/such").key(cache_dir=tmp_path, datasets_dir=tmp_path / "mirror")


def test_a_name_without_owner_is_never_asked_of_the_hub(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"paths\.datasets is not set; it is not on the hub"):
        HubSource(hub_id="names").key(cache_dir=tmp_path, datasets_dir=None)


def test_what_comes_from_the_hub_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    asked = []

    def load_dataset(hub_id: str, config: str | None, revision: str | None) -> Any:
        asked.append((hub_id, config, revision))
        features = datasets.Features(
            text=datasets.Value("string"), label=datasets.ClassLabel(names=["no", "yes"])
        )
        split = datasets.Dataset.from_dict({"text": ["a", "b"], "label": [0, 1]}, features=features)
        return datasets.DatasetDict(train=split, test=split)

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    monkeypatch.setattr(hub_download, "reachable", lambda endpoint: True)
    datasets.disable_progress_bars()
    source = HubSource(hub_id="x/y", revision="v1")
    for _ in range(2):
        data = source.load(cache_dir=tmp_path, datasets_dir=None)
        assert data.label_names == ("no", "yes")
        assert data.splits["test"].texts == ["a", "b"]
    assert asked == [("x/y", None, "v1")]


def test_cleaning() -> None:
    assert clean_texts(["a<br />b<BR>c"], "html_breaks") == ["a b c"]
    posts = [
        "From: x\nTo: y\n\nbody\n\nmore",
        " path!of!post\nSubject: z\n\nbody",
        "no empty line",
        "first paragraph: no header\n\nsecond",
    ]
    assert clean_texts(posts, "headers") == ["body\n\nmore", "body", *posts[2:]]


@pytest.mark.mirror
@pytest.mark.parametrize(
    ("hub_id", "options", "rows", "classes"),
    [
        ("stanfordnlp/imdb", {}, {"train": 25000, "test": 25000}, 2),
        (
            "stanfordnlp/sst2",
            {"text_column": "sentence"},
            {"train": 67349, "validation": 872, "test": 1821},
            2,
        ),
        (
            "SetFit/20_newsgroups",
            {"label_text_column": "label_text"},
            {"train": 11314, "test": 7532},
            20,
        ),
        ("names", {"text_column": "name", "label_column": "nationality"}, {"train": 20050}, 18),
    ],
)
def test_the_real_mirror(
    real_mirror: Path, tmp_path: Path, hub_id: str, options: Any, rows: Any, classes: int
) -> None:
    data = HubSource(hub_id=hub_id, **options).load(cache_dir=tmp_path, datasets_dir=real_mirror)
    assert {split: len(examples) for split, examples in data.splits.items()} == rows
    assert len(data.label_names) == classes
    assert len(np.unique(data.splits["train"].labels)) == classes


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (
            {"text": ["a", None], "label": [0, 1]},
            r"column text, example 2: expected a text, got no",
        ),
        ({"text": ["a", "b"], "label": [0, None]}, r"column label: .*got none for example 2"),
        ({"text": ["a", "b"], "label": [None, "x"]}, r"column label: .*got none for example 1"),
    ],
)
def test_missing_texts_and_labels(tmp_path: Path, columns: Any, message: str) -> None:
    (tmp_path / "x/y").mkdir(parents=True)
    pq.write_table(pa.table(columns), tmp_path / "x/y/train.parquet")
    with pytest.raises(DataError, match=message):
        HubSource(hub_id="x/y").load(cache_dir=tmp_path, datasets_dir=tmp_path)

"""The user's own files: every mistake has its message, and nothing else comes out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seqbench.data.sources.files import Files, FileSource
from seqbench.data.sources.source import SourceData
from seqbench.errors import SeqbenchError

CSV = "text,label\nfine film,good\nawful,bad\n"


def load(path: Path, *, test: Path | None = None, **options: Any) -> SourceData:
    files = Files(train=str(path), test=str(test) if test else None)
    given = {"text_column": "text", "label_column": "label", **options}
    source = FileSource(files=files, **given)
    source.key(cache_dir=path.parent, datasets_dir=None)
    return source.load(cache_dir=path.parent, datasets_dir=None)


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", CSV),
        ("a.csv", "\ufeff" + CSV.replace("\n", "\r\n")),
        ("A.CSV", 'id,label,text\n1,good,"fine film"\n\n2,bad,awful\n'),
        ("a.tsv", CSV.replace(",", "\t")),
        ("a.jsonl", '{"text": "fine film", "label": "good"}\n\n{"text": "awful", "label": "bad"}'),
    ],
)
def test_text_files(tmp_path: Path, name: str, content: str) -> None:
    data = load(write(tmp_path, name, content))
    assert data.splits["train"].texts == ["fine film", "awful"]
    assert data.label_names == ("bad", "good")
    assert data.splits["train"].labels.tolist() == [1, 0]


def test_parquet_and_numeric_labels_in_numeric_order(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": ["a", "b", "c"], "label": [10, 9, -1]}), path)
    assert load(path).label_names == ("-1", "9", "10")


def test_columns_encoding_and_delimiter_are_options(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", "review;stars\ncaf\xe9;1\nthé;2".encode("latin-1"))
    options = {"text_column": "review", "label_column": "stars", "delimiter": ";"}
    data = load(path, encoding="latin-1", **options)
    assert data.splits["train"].texts == ["café", "thé"]


def test_a_tabulator_may_be_spelt_out(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", CSV.replace(",", "\t"))
    assert load(path, delimiter="\\t").splits["train"].texts == ["fine film", "awful"]


def test_quotes_and_line_ends_inside_quotes_are_kept(tmp_path: Path) -> None:
    content = 'text,label\n"a ""fine"" film,\nit was",good\nso "bad",bad\n'
    texts = load(write(tmp_path, "a.csv", content)).splits["train"].texts
    assert texts == ['a "fine" film,\nit was', 'so "bad"']


def test_a_path_may_begin_at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    write(tmp_path, "a.csv", CSV)
    assert load(Path("~/a.csv")).splits["train"].texts == ["fine film", "awful"]


def test_empty_texts_are_kept(tmp_path: Path) -> None:
    data = load(write(tmp_path, "a.csv", 'text,label\n"",x\nb,y\n'))
    assert data.splits["train"].texts == ["", "b"]


def test_a_very_long_text(tmp_path: Path) -> None:
    data = load(write(tmp_path, "a.csv", "text,label\n" + "word " * 100_000 + ",x\nb,y\n"))
    assert len(data.splits["train"].texts[0].split()) == 100_000


MISTAKES = [
    ("b.csv", CSV, r"file .*a\.csv: expected a file, got nothing there"),
    ("a.csv", "", r"expected examples, got an empty file"),
    ("a.csv", "text,label\n", r"expected at least one example, got none"),
    (
        "a.csv",
        "txt,label\na,b\n",
        r"expected a column 'text', got the columns 'txt', 'label'; did you mean 'txt'\?",
    ),
    ("a.csv", "text,label,text\na,b,c\n", r"expected one column 'text', got several"),
    ("a.csv", "text,label\na,b,c\n", r"line 2: expected 2 fields as in the header, got 3"),
    ("a.csv", "text,label\na,\n", r"column label, example 1: expected a label, got nothing"),
    ("a.csv", "text,label\na,x\nb,x\n", r"expected at least 2 classes, got only 'x'"),
    (
        "a.csv",
        b"text,label\nfine,x\ncaf\xe9,y\n",
        r"expected utf-8 text, got byte 0xe9 at offset 21, line 3; .*data\.encoding=cp1252",
    ),
    (
        "a.csv",
        'label,text\n1,fine\n0,"awful\n1,good\n0,bad\n',
        r"line 5: expected CSV, got unexpected end of data; a field that begins with a quote must",
    ),
    ("a.tsv", 'label\ttext\n1\t"Good\n0\tbad" ok\n', r"line 3: expected CSV, got .*expected after"),
    (
        "a.csv",
        "text;label\na;1\n",
        r"expected columns that ',' separates, got 'text;label'; set \"data\.delimiter=';'\"",
    ),
    ("a.tsv", CSV, r"set \"data\.delimiter=','\""),
    ("a.jsonl", "{", r"line 1: expected a JSON object"),
    ("a.jsonl", "[" * 100_000, r"line 1: expected a JSON object"),
    ("a.jsonl", "\n[1]", r"line 2: expected a JSON object, got a JSON list"),
    ("a.jsonl", '{"text": "a"}', r"line 1: expected a column 'label'"),
    ("a.jsonl", '{"text": null, "label": 1}', r"column text, example 1: expected a text, got noth"),
    ("a.jsonl", '{"text": [], "label": 1}', r"column text, example 1: expected a text, got a list"),
    (
        "a.jsonl",
        '{"text": "a", "label": {}}',
        r"expected a label: a text or an integer, got a dict",
    ),
    ("a.jsonl", '{"text": "a", "label": NaN}', r"example 1: expected a label, got nothing"),
    ("a.parquet", "no parquet", r"expected a Parquet file"),
]


@pytest.mark.parametrize(("name", "content", "message"), MISTAKES)
def test_mistakes(tmp_path: Path, name: str, content: str | bytes, message: str) -> None:
    path = write(tmp_path, name, content)
    with pytest.raises(SeqbenchError, match=message):
        load(tmp_path / "a.csv" if name == "b.csv" else path)


def test_a_near_file_name_is_offered(tmp_path: Path) -> None:
    write(tmp_path, "reviews.csv", CSV)
    with pytest.raises(SeqbenchError, match=r"did you mean reviews\.csv\?"):
        load(tmp_path / "reveiws.csv")


def test_unknown_endings_encodings_delimiters_and_folders(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", CSV)
    (tmp_path / "d.csv").mkdir()
    with pytest.raises(SeqbenchError, match=r"expected a name ending in \.csv, \.tsv, \.jsonl"):
        load(write(tmp_path, "a.xlsx", CSV))
    for encoding in ("utf-9", "hex", "idna\x00"):
        with pytest.raises(SeqbenchError, match=r"data\.encoding: expected"):
            load(path, encoding=encoding)
    with pytest.raises(SeqbenchError, match=r"data\.delimiter: expected one character, got '::'"):
        load(path, delimiter="::")
    with pytest.raises(SeqbenchError, match="expected a file, got a folder"):
        load(tmp_path / "d.csv")


def test_a_label_unseen_in_training_names_the_file(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", CSV)
    test = write(tmp_path, "t.csv", "text,label\na,goood\n")
    message = (
        r"file .*t\.csv, label of example 1: expected one of the training classes 'bad', 'good'"
    )
    with pytest.raises(SeqbenchError, match=message + r", got 'goood'; did you mean 'good'\?"):
        load(path, test=test)


FUZZ = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@FUZZ
@given(
    content=st.binary(max_size=200),
    head=st.booleans(),
    name=st.sampled_from(["a.csv", "a.jsonl", "a.parquet"]),
)
def test_any_bytes_give_data_or_our_errors(
    tmp_path: Path, content: bytes, head: bool, name: str
) -> None:
    prefix = {"a.csv": b"text,label\n", "a.jsonl": b'{"text": "a", "label": ', "a.parquet": b"PAR1"}
    path = write(tmp_path, name, (prefix[name] if head else b"") + content)
    _load_or_our_error(path)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=3,
)


@FUZZ
@given(rows=st.lists(st.tuples(JSON, JSON), max_size=5))
def test_any_json_gives_data_or_our_errors(tmp_path: Path, rows: list[tuple[Any, Any]]) -> None:
    lines = [json.dumps({"text": text, "label": label}) for text, label in rows]
    _load_or_our_error(write(tmp_path, "a.jsonl", "\n".join(lines)))


def _load_or_our_error(path: Path) -> None:
    try:
        data = load(path)
    except SeqbenchError as error:
        assert "\n" not in str(error)
    else:
        assert len(data.label_names) >= 2 and len(data.splits["train"]) >= 2

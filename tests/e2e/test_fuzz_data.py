"""Data files of any content: a dataset, or one line that says what is wrong; never a crash."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import strategies as st
from tests.e2e.mutations import Examples, byte_mutations, few_or_many, fuzz, tree_mutations

from seqbench.data.file_text_classification import FileTextClassificationData
from seqbench.data.language_modeling import LanguageModelingData
from seqbench.data.sources.files import Files
from seqbench.data.sources.hub import HubSource
from seqbench.data.sources.hub_text import HubTextSource
from seqbench.data.sources.text_files import TextFileSource
from seqbench.data.text_classification import TextClassificationData
from seqbench.data.tokenizers import load_tokenizer
from seqbench.data.tokenizers.bpe import BpeTokenizer
from seqbench.data.tokenizers.char import CharTokenizer
from seqbench.data.tokenizers.unigram import UnigramTokenizer
from seqbench.data.tokenizers.whitespace import WhitespaceTokenizer
from seqbench.data.tokenizers.word import WordTokenizer
from seqbench.data.tokenizers.wordpiece import WordpieceTokenizer

ROWS = [{"text": f"{word} film, \"{word}\"", "label": "ab"[n % 2]} for n, word in
        enumerate(["dull", "fine", "grim", "café", "cold", "warm", "odd", "good"])]  # fmt: skip
FORMS: dict[str, bytes] = {
    "a.csv": ("text,label\n" + "".join(
        '"{}",{}\n'.format(row["text"].replace('"', '""'), row["label"]) for row in ROWS
    )).encode(),
    "a.tsv": b"text\tlabel\n" + b"".join(b"a b\tc\nd\te\n" for _ in range(4)),
    "a.jsonl": "".join(json.dumps(row) + "\n" for row in ROWS).encode(),
}  # fmt: skip
TEXT = "The cat sat on the mat.\r\nAnd then, it slept — for long.\n" * 20


@pytest.fixture
def place(tmp_path: Path) -> Callable[[], Path]:
    """A new folder each time: what one input leaves is not for the next."""
    numbers = itertools.count()

    def make() -> Path:
        folder = tmp_path / str(next(numbers))
        folder.mkdir()
        return folder

    return make


def parquet(columns: dict[str, Any]) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(columns), sink)
    return bytes(sink.getvalue())


COLUMNS = {name: [row[name] for row in ROWS] for name in ("text", "label")}
FORMS["a.parquet"] = parquet(COLUMNS)


def classify(folder: Path, **files: bytes) -> None:
    """All of what a run does with files before it trains."""
    for name, content in files.items():
        (folder / name).write_bytes(content)
    paths = [str(folder / name) for name in files]
    data = FileTextClassificationData(
        files=Files(train=paths[0], test=paths[1] if len(paths) > 1 else None),
        tokenizer=WhitespaceTokenizer(),
        seed=0,
        cache_dir=folder / "cache",
        datasets_dir=None,
        validation_fraction=0.25,
        test_fraction=0.25,
    )
    data.setup()
    assert sum(len(data.texts(split)) for split in ("train", "validation", "test")) >= 4
    for batch in data.train_dataloader():
        assert len(batch) >= 1


@few_or_many(20, 2000)
@pytest.mark.parametrize("name", FORMS)
def test_classified_texts(name: str, examples: Examples, place: Any, tally: Counter[str]) -> None:
    def use(content: bytes) -> None:
        classify(place(), **{name: content})

    classify(place(), **{name: FORMS[name]})
    fuzz(byte_mutations(FORMS[name]), use, examples=examples, tally=tally)


@few_or_many(15, 1500)
def test_another_split_than_train(examples: Examples, place: Any, tally: Counter[str]) -> None:
    def use(content: bytes) -> None:
        classify(place(), **{"a.jsonl": FORMS["a.jsonl"], "b.jsonl": content})

    fuzz(byte_mutations(FORMS["a.jsonl"]), use, examples=examples, tally=tally)


@few_or_many(25, 2000)
def test_json_lines_of_any_values(examples: Examples, place: Any, tally: Counter[str]) -> None:
    def use(rows: Any) -> None:
        lines = rows if isinstance(rows, list) else [rows]
        content = "".join(json.dumps(line) + "\n" for line in lines).encode()
        classify(place(), **{"a.jsonl": content})

    fuzz(tree_mutations(ROWS), use, examples=examples, tally=tally)


TYPES = [
    pa.string(), pa.large_string(), pa.binary(), pa.int64(), pa.float64(), pa.bool_(), pa.null(),
    pa.list_(pa.string()), pa.date32(), pa.timestamp("ns", tz="Nowhere/Never"), pa.timestamp("s"),
    pa.duration("ns"), pa.decimal128(38, 0), pa.dictionary(pa.int8(), pa.string()),
    pa.struct([("a", pa.int64())]), pa.time64("ns"), pa.float16(), pa.uint64(),
]  # fmt: skip
RAW: list[Any] = [
    None, 0, 1, -1, 2**62, 2**63 - 1, -(2**63), 0.5, float("nan"), float("inf"), True, "a", "b",
    "", b"\xff", [], ["a"], [None], {"a": 1},
]  # fmt: skip


@st.composite
def tables(draw: st.DrawFn) -> bytes:
    """Parquet of two columns of any types, eight rows of values that the types take."""
    columns: dict[str, pa.Array] = {}
    for name in ("text", "label"):
        kind = draw(st.sampled_from(TYPES))
        fitting = [pa.scalar(None, kind)]
        for value in RAW:
            try:
                fitting.append(pa.scalar(value, kind))
            except (pa.ArrowException, TypeError, ValueError, OverflowError, LookupError):
                continue
        values = draw(st.lists(st.sampled_from(fitting), min_size=8, max_size=8))
        columns[name] = pa.concat_arrays([pa.repeat(value, 1) for value in values])
    if draw(st.booleans()):
        other = draw(st.sampled_from(["text", "label"]))
        columns[other] = pa.array(COLUMNS[other])
    try:
        return parquet(columns)
    except pa.ArrowException:  # no such file can be
        return b""


def mirrored(folder: Path, splits: dict[str, bytes]) -> dict[str, Path]:
    """The places of a mirror with one dataset."""
    mirror = folder / "mirror" / "a" / "b"
    mirror.mkdir(parents=True)
    for split, file in splits.items():
        (mirror / f"{split}.parquet").write_bytes(file)
    return {"cache_dir": folder / "cache", "datasets_dir": folder / "mirror"}


def as_classes(folder: Path, content: bytes, **splits: bytes) -> None:
    """What a run does with a dataset of a mirror whose texts it classifies."""
    TextClassificationData(
        source=HubSource(hub_id="a/b"), tokenizer=WhitespaceTokenizer(), seed=0,
        validation_fraction=0.25, test_fraction=0.25,
        **mirrored(folder, {"train": content, **splits}),
    ).setup()  # fmt: skip


def as_running_text(folder: Path, content: bytes, **splits: bytes) -> None:
    """What a run does with a dataset of a mirror that it models the language of."""
    LanguageModelingData(
        source=HubTextSource(hub_id="a/b"), tokenizer=CharTokenizer(), seed=0, window=4,
        **mirrored(folder, {"train": content, **splits}),
    ).setup()  # fmt: skip


# Each in a test of its own: what one refuses must not hide how the other ends.
EITHER = pytest.mark.parametrize("hub", [as_classes, as_running_text])


@few_or_many(15, 3000)
def test_parquet_of_any_types(examples: Examples, place: Any, tally: Counter[str]) -> None:
    fuzz(
        tables(),
        lambda content: classify(place(), **{"a.parquet": content}),
        examples=examples,
        tally=tally,
    )


@few_or_many(15, 3000)
@EITHER
def test_a_mirror_s_parquet_of_any_types(
    hub: Any, examples: Examples, place: Any, tally: Counter[str]
) -> None:
    fuzz(tables(), lambda content: hub(place(), content), examples=examples, tally=tally)
    fuzz(
        tables(),
        lambda content: hub(place(), FORMS["a.parquet"], test=content),
        examples=examples,
        tally=tally,
    )


@few_or_many(15, 1500)
@EITHER
def test_a_mirror_s_file(hub: Any, examples: Examples, place: Any, tally: Counter[str]) -> None:
    features = {"info": {"features": {"label": {"names": ["a", "b"]}}}}
    table = pa.table({"text": COLUMNS["text"], "label": [0, 1] * 4})
    sink = pa.BufferOutputStream()
    pq.write_table(table.replace_schema_metadata({"huggingface": json.dumps(features)}), sink)
    fuzz(
        byte_mutations(bytes(sink.getvalue())),
        lambda content: hub(place(), content),
        examples=examples,
        tally=tally,
    )

    def use(metadata: Any) -> None:
        buffer = pa.BufferOutputStream()
        named = {"huggingface": json.dumps(metadata).encode()}
        pq.write_table(table.replace_schema_metadata(named), buffer)
        hub(place(), bytes(buffer.getvalue()))

    fuzz(tree_mutations(features), use, examples=examples, tally=tally)


@few_or_many(25, 2000)
def test_plain_text(examples: Examples, place: Any, tally: Counter[str]) -> None:
    def use(content: bytes) -> None:
        folder = place()
        (folder / "a.txt").write_bytes(content)
        data = LanguageModelingData(
            source=TextFileSource(train=str(folder / "a.txt")), tokenizer=CharTokenizer(),
            seed=0, cache_dir=folder / "cache", datasets_dir=None, window=8, batch_size=4,
        )  # fmt: skip
        data.setup()
        assert sum(len(batch) for batch in data.train_dataloader()) >= 1

    use(TEXT.encode())
    fuzz(byte_mutations(TEXT.encode()), use, examples=examples, tally=tally)


TOKENIZERS = [
    WordTokenizer(min_freq=1), WhitespaceTokenizer(min_freq=1), CharTokenizer(),
    BpeTokenizer(max_vocab=60), WordpieceTokenizer(max_vocab=60), UnigramTokenizer(max_vocab=60),
]  # fmt: skip


@few_or_many(15, 800)
@pytest.mark.parametrize("tokenizer", TOKENIZERS, ids=lambda each: type(each).__name__)
def test_a_tokenizer(
    tokenizer: Any, examples: Examples, tmp_path: Path, tally: Counter[str]
) -> None:
    if not tokenizer.trained:
        tokenizer.train([TEXT])
    path = tmp_path / "tokenizer.json"
    tokenizer.save(path)
    valid = path.read_bytes()
    ids = load_tokenizer(path).encode("the cat")

    def use(content: bytes) -> None:
        path.write_bytes(content)
        loaded = load_tokenizer(path)
        found = loaded.encode("the cat sat é \ud800")
        assert all(0 <= each < loaded.vocab_size for each in found)
        assert isinstance(loaded.decode(range(loaded.vocab_size)), str)

    use(valid)
    assert ids
    fuzz(byte_mutations(valid), use, examples=examples, tally=tally)
    fuzz(
        tree_mutations(json.loads(valid)).map(lambda plain: json.dumps(plain).encode()),
        use,
        examples=examples,
        tally=tally,
    )


@pytest.mark.parametrize("pattern", ["", "/a", "**", "[", "*.txt", "../*", "\x00"])
def test_patterns(pattern: str, tmp_path: Path, tally: Counter[str]) -> None:
    (tmp_path / "a.txt").write_text(TEXT)
    source = TextFileSource(train=str(tmp_path), pattern=pattern)

    def use(_: object) -> None:
        assert source.load(cache_dir=tmp_path, datasets_dir=None).splits["train"]

    fuzz(st.just(None), use, examples=Examples(1, fresh=False), tally=tally)

"""A made-up mirror of every hub dataset that has a YAML: 20 rows a split, the hub's columns."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

ROWS = 20
GOOD, BAD = "a fine and moving film", "a dull and tedious mess"


def write_mirror(folder: Path) -> Path:
    """Fill a folder in the layout of a mirror; for `paths.datasets`."""
    labels = [row % 2 for row in range(ROWS)]
    reviews = [f"{(BAD, GOOD)[label]} , scene {row}" for row, label in enumerate(labels)]
    four = [row % 4 for row in range(ROWS)]
    for split in ("train", "test"):
        texts = [f"{split} {review}" for review in reviews]
        broken = [f"{text}<br /><br />the end" for text in texts]
        _write(folder / "stanfordnlp/imdb", split, text=broken, label=labels)
        news = [f"{text} topic{label}" for text, label in zip(texts, four, strict=True)]
        _write(folder / "fancyzhx/ag_news", split, text=news, label=four)
        _write(
            folder / "SetFit/20_newsgroups",
            split,
            text=[
                f"From: someone@group{label}\n\n{text}"
                for text, label in zip(news, four, strict=True)
            ],
            label=four,
            label_text=[f"group.{label}" for label in four],
        )
    for split in ("train", "validation", "test"):
        texts = [f"{split} {review}" for review in reviews]
        _write(
            folder / "stanfordnlp/sst2", split, idx=list(range(ROWS)), sentence=texts, label=labels
        )
    for split, lines in (("train", 60), ("validation", 9), ("test", 9)):
        verses = [f" {reviews[row % ROWS]} , said <unk> {row} \n" for row in range(lines)]
        _write(folder / "karpathy/tiny_shakespeare", split, text=["".join(verses)])
        _write(folder / "Salesforce/wikitext/wikitext-2-v1", split, text=[" \n", *verses])
        _write(folder / "ptb-text-only/ptb_text_only/penn_treebank", split, sentence=verses)
    _write(
        folder / "names",
        "train",
        name=[("Ivanov", "Smith")[label] + "aeiou"[row % 5] for row, label in enumerate(labels)],
        nationality=[("Russian", "English")[label] for label in labels],
    )
    return folder


def _write(folder: Path, split: str, **columns: list[object]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), folder / f"{split}.parquet")

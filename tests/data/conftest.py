"""Small made-up data for the tests of data."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.mirror import write_mirror

from seqbench.data.sources.hub import HubSource
from seqbench.data.text_classification import TextClassificationData
from seqbench.data.tokenizers.word import WordTokenizer


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    return write_mirror(tmp_path / "mirror")


@pytest.fixture
def real_mirror() -> Path:
    folder = os.environ.get("SEQBENCH_DATASETS")
    if not folder or not Path(folder, "stanfordnlp/imdb").is_dir():
        pytest.skip("SEQBENCH_DATASETS names no mirror with stanfordnlp/imdb")
    return Path(folder)


@pytest.fixture
def make_imdb(mirror: Path, tmp_path: Path) -> Callable[..., TextClassificationData]:
    """Makes imdb over the made-up mirror."""

    def make(**options: Any) -> TextClassificationData:
        given: dict[str, Any] = {
            "source": HubSource(
                hub_id="stanfordnlp/imdb", label_names=["negative", "positive"], clean="html_breaks"
            ),
            "tokenizer": WordTokenizer(min_freq=1),
            "seed": 1,
            "cache_dir": tmp_path / "cache",
            "datasets_dir": mirror,
            "batch_size": 4,
        }
        return TextClassificationData(**{**given, **options})

    return make

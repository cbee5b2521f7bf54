"""Running text from datasets of the Hugging Face hub."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

import numpy as np

from seqbench.data.sources.clean import clean_texts
from seqbench.data.sources.corpus import Corpus
from seqbench.data.sources.files import column_of_texts
from seqbench.data.sources.hub_files import HubFiles, read_columns, values_of
from seqbench.data.sources.source import hash_file
from seqbench.domains import NonNegativeInt
from seqbench.errors import DataError


class HubTextSource:
    """The texts of a dataset by its hub id, every row a document; see `HubFiles` for where it lies.

    Args:
        hub_id: e.g. "Salesforce/wikitext".
        config: the dataset's configuration, where it has several.
        revision: a commit or tag of the hub's repository; None is what is there at first download.
        text_column: the column of texts.
        clean: "html_breaks" turns `<br />` into spaces.
        shuffle_seed: where documents have nothing to do with each other but are sorted, by class
            for one: draws an order for those of train, and whole ones of them for the splits that
            the dataset lacks; None keeps the order.
    """

    def __init__(
        self,
        *,
        hub_id: str,
        config: str | None = None,
        revision: str | None = None,
        text_column: str = "text",
        clean: Literal["none", "html_breaks"] = "none",
        shuffle_seed: NonNegativeInt | None = None,
    ) -> None:
        self.files = HubFiles(hub_id=hub_id, config=config, revision=revision)
        self.text_column = text_column
        self.clean = clean
        self.shuffle_seed = shuffle_seed

    def key(self, *, cache_dir: Path, datasets_dir: Path | None) -> str:
        """The settings and the bytes of the Parquet files; the files are fetched if need be."""
        found = self.files.find(cache_dir=cache_dir, datasets_dir=datasets_dir)
        hashes = {split: hash_file(path) for split, path in found.items()}
        settings = [self.files.place, self.text_column, self.clean, self.shuffle_seed]
        return json.dumps([*settings, hashes])

    def load(self, *, cache_dir: Path, datasets_dir: Path | None) -> Corpus:
        """The splits that the dataset has.

        Raises:
            DataError: no source has the dataset, or it is not what the settings say.
        """
        found = self.files.find(cache_dir=cache_dir, datasets_dir=datasets_dir)
        if "train" not in found:
            raise DataError(
                f"dataset {self.files.place}",
                expected="a split train",
                got=", ".join(sorted(found)),
            )
        notes = [] if self.clean == "none" else [f"texts cleaned: {self.clean}"]
        splits = {split: self._texts(path) for split, path in found.items()}
        if self.shuffle_seed is not None:
            order = np.random.default_rng(self.shuffle_seed).permutation(len(splits["train"]))
            splits["train"] = [splits["train"][row] for row in order]
            notes.append(f"train: documents in an order drawn with seed {self.shuffle_seed}")
        return Corpus(splits=splits, shuffled=self.shuffle_seed is not None, notes=tuple(notes))

    def _texts(self, path: Path) -> list[str]:
        table = read_columns(path, [self.text_column], keys="data.source.text_column")
        values = values_of(table, self.text_column, str(path))
        texts = column_of_texts(values, f"{path}, {self.text_column}")
        return clean_texts(texts, self.clean)

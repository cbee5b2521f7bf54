"""Fetches a dataset from the Hugging Face hub or its cache, quick to say that it cannot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from seqbench.data.cache_lock import cache_lock, replacing_folder, writing_cache
from seqbench.errors import DataError, kind_and_line
from seqbench.reach import reachable


def download(
    hub_id: str, config: str | None, revision: str | None, *, into: Path, mirror: Path | None
) -> None:
    """Write `<split>.parquet` of every split into a folder.

    Args:
        hub_id: e.g. "stanfordnlp/imdb".
        config: the dataset's configuration, where it has several.
        revision: a commit or tag; None is the newest.
        into: the folder, which appears complete or not at all.
        mirror: the mirror folder that was looked at in vain; None where no mirror is named.

    Raises:
        DataError: neither the hub's cache nor the hub has it, the hub cannot be reached, or the
            cache folder cannot be written to.
    """
    with cache_lock(into):
        if into.is_dir():
            return
        splits = _load(hub_id, config, revision, mirror)
        with writing_cache(into.parent):
            _write(into, splits)


def _write(into: Path, splits: dict[str, Any]) -> None:
    with replacing_folder(into) as aside:
        for split, dataset in splits.items():
            dataset.to_parquet(str(aside / f"{split}.parquet"))


def _load(
    hub_id: str, config: str | None, revision: str | None, mirror: Path | None
) -> dict[str, Any]:
    """The splits from the hub's cache, else from the hub."""
    if "/" not in hub_id:
        raise _nowhere(hub_id, config, mirror, "it is not on the hub")
    try:
        import datasets
        import huggingface_hub.constants
    except ImportError as error:
        raise _nowhere(hub_id, config, mirror, f"import datasets: {error}") from error
    offline = bool(huggingface_hub.constants.HF_HUB_OFFLINE or datasets.config.HF_HUB_OFFLINE)
    if not offline and not reachable(huggingface_hub.constants.ENDPOINT):
        # asked without this, the libraries try again and again for half a minute
        huggingface_hub.constants.HF_HUB_OFFLINE = datasets.config.HF_HUB_OFFLINE = True
        reason = f"{huggingface_hub.constants.ENDPOINT} cannot be reached"
    else:
        reason = "HF_HUB_OFFLINE is set" if offline else ""
    try:
        loaded = datasets.load_dataset(hub_id, config, revision=revision)
    except Exception as error:  # the libraries raise a dozen kinds, from OSError to RuntimeError
        raise _nowhere(hub_id, config, mirror, reason or kind_and_line(error)) from error
    finally:
        huggingface_hub.constants.HF_HUB_OFFLINE = datasets.config.HF_HUB_OFFLINE = offline
    return {str(split): dataset for split, dataset in loaded.items()}


def _nowhere(hub_id: str, config: str | None, mirror: Path | None, why: str) -> DataError:
    place = f"{hub_id}/{config}" if config else hub_id
    looked = f"{mirror}/<split>.parquet" if mirror else "no mirror, since paths.datasets is not set"
    return DataError(
        f"dataset {place}",
        expected="it in the mirror, in the hub's cache, or on the hub",
        got=f"nothing ({looked}; {why})",
        remedy=f"where there is a network run `hf download --repo-type dataset {hub_id}`, or put "
        f"<split>.parquet into DIR/{place} and set SEQBENCH_DATASETS=DIR; "
        "data=docstrings needs neither",
    )

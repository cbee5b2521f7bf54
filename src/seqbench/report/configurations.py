"""Which runs are the same configuration, and what to call it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from seqbench.records.identity import EXCLUDED, without
from seqbench.records.record import RunRecord

# What differs between runs of one configuration, or cannot change a result.
_NOT_CONFIGURATION = frozenset((*EXCLUDED, "seed"))
_SOURCE = ("source", "files", "text_column", "label_column")  # where a dataset's texts are from
_BASELINE_PREFIX = "baseline/"
_DIFFERENCES_SHOWN = 3
# What a reader knows without being told the group.
_GROUPS = ("model.", "optimizer.", "scheduler.", "trainer.", "inputs.", "tokenizer.", "task.")


def data_name(record: RunRecord) -> str:
    """The option taken of the group `data`."""
    return _choice(record, "data")


def data_id(record: RunRecord) -> str:
    """Equal for runs on the same texts, as far as their configs say: 8 hex digits.

    `data=text_classification` is another dataset with every file.
    """
    return _digest([data_name(record), _source(record)])


def data_labels(records: Sequence[RunRecord]) -> dict[str, str]:
    """A name for each dataset among the records, by its id.

    It is the option's name, with what differs where an option stands for more than one.
    """
    by_name: dict[str, dict[str, dict[str, Any]]] = {}
    for record in records:
        by_name.setdefault(data_name(record), {})[data_id(record)] = flatten(_source(record))
    return _labels(by_name)


def model_name(record: RunRecord) -> str:
    """The option taken of the group `model`, for baselines without their folder."""
    return _choice(record, "model").removeprefix(_BASELINE_PREFIX)


def is_baseline(record: RunRecord) -> bool:
    """Whether the run is of a baseline, which has no epochs."""
    return _choice(record, "model").startswith(_BASELINE_PREFIX)


def configuration_id(record: RunRecord) -> str:
    """Equal for runs that differ by seed alone: 8 hex digits."""
    return _digest(configuration_of(record))


def configuration_labels(records: Sequence[RunRecord]) -> dict[str, str]:
    """A name for each configuration among the records, by its id.

    It is the model's name, with the settings that differ where a model occurs more than once.
    """
    by_model: dict[str, dict[str, dict[str, Any]]] = {}
    for record in records:
        group = by_model.setdefault(model_name(record), {})
        group[configuration_id(record)] = flatten(configuration_of(record))
    return _labels(by_model)


def flatten(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings as dotted keys."""
    flat: dict[str, Any] = {}
    for key, value in config.items():
        if isinstance(value, Mapping) and value:
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def _choice(record: RunRecord, group: str) -> str:
    choice = record.group("choices").get(group)
    return str(choice) if choice else f"unknown {group}"


def configuration_of(record: RunRecord) -> dict[str, Any]:
    """The part of a run's config that is the same for all its seeds."""
    kept = without(record.config, _NOT_CONFIGURATION)
    # Two options of a group may resolve to the same config, and yet are asked about by name.
    return {**kept, "choices": {"data": data_name(record), "model": _choice(record, "model")}}


def _source(record: RunRecord) -> dict[str, Any]:
    data = record.group("data")
    return {key: data[key] for key in _SOURCE if key in data}


def _digest(plain: Any) -> str:
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()[:8]


def _labels(by_name: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> dict[str, str]:
    """A label for each identity: its name, with what tells it from others of that name."""
    labels: dict[str, str] = {}
    for name, group in by_name.items():
        keys = sorted({key for settings in group.values() for key in settings})
        differing = [key for key in keys if len({_text(s, key) for s in group.values()}) > 1]
        for identity, settings in group.items():
            labels[identity] = _label(name, settings, differing)
    return _told_apart(labels)


def _text(settings: Mapping[str, Any], key: str) -> str:
    return json.dumps(settings.get(key), sort_keys=True)


def _label(model: str, settings: Mapping[str, Any], differing: Sequence[str]) -> str:
    if not differing:
        return model
    bare = [key.partition(".")[2] if key.startswith(_GROUPS) else key for key in differing]
    names = [b if bare.count(b) == 1 else k for b, k in zip(bare, differing, strict=True)]
    shown = [
        f"{name}={_said(settings.get(key))}" for name, key in zip(names, differing, strict=True)
    ]
    more = ["…"] if len(shown) > _DIFFERENCES_SHOWN else []
    return f"{model} ({', '.join(shown[:_DIFFERENCES_SHOWN] + more)})"


def _said(value: Any) -> str:
    """A value in a label: of a number drawn at random nobody reads the sixteenth digit."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _told_apart(labels: dict[str, str]) -> dict[str, str]:
    """Adds the id to labels that occur twice, because too many settings differ to show."""
    texts = list(labels.values())
    return {i: f"{t} [{i}]" if texts.count(t) > 1 else t for i, t in labels.items()}

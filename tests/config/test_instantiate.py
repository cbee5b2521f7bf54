"""Building a node: injected parts untouched, errors with the key in front."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from seqbench.config.instantiate import instantiate
from seqbench.errors import ConfigError, DataError


@dataclass(frozen=True)
class Spec:
    """What Hydra itself would turn into a config."""

    width: int


ENCODER: dict[str, Any] = {"_target_": "toy_parts.Encoder", "d_hidden": 8, "sizes": [1, 2]}


@pytest.fixture(autouse=True)
def _toys(toy_dir: Path) -> None:
    """`toy_parts` can be imported."""


def test_plain_containers_and_nested_nodes() -> None:
    node = {**ENCODER, "cell": {"_target_": "toy_parts.Cell", "width": 3}}
    encoder = instantiate(node, "model", d_input=5)
    assert (encoder.d_input, encoder.cell.width) == (5, 3)
    assert type(encoder.sizes) is list


def test_injected_objects_arrive_as_they_are() -> None:
    spec, ids = Spec(3), [1, 2]
    built = instantiate({"_target_": "toy_parts.anything"}, "x", spec=spec, ids=ids)
    assert built["spec"] is spec
    assert built["ids"] is ids


def test_a_partial_node() -> None:
    make = instantiate({**ENCODER, "_partial_": True}, "model", d_input=2)
    assert make(d_hidden=4).d_hidden == 4


@pytest.mark.parametrize(
    ("node", "line"),
    [
        ({**ENCODER, "d_hidden": 13}, "got ValueError: thirteen"),
        ({**ENCODER, "x": 1}, r"got TypeError: .*unexpected keyword argument 'x'"),
        ({**ENCODER, "cell": {"_target_": "toy_parts.Cell", "y": 1}}, "unexpected keyword"),
        ({**ENCODER, "_target_": "toy_parts.None_"}, "Error"),
        ({**ENCODER, "_target_": "os.system"}, "blocklisted"),
        ({"d_hidden": 3}, r"expected a mapping with _target_, got \{'d_hidden': 3\}"),
    ],
)  # fmt: skip
def test_errors_name_the_key(node: dict[str, Any], line: str) -> None:
    with pytest.raises(ConfigError, match=f"^model: .*{line}"):
        instantiate(node, "model", d_input=1)


def test_an_injected_key_in_the_node() -> None:
    with pytest.raises(ConfigError, match=r"^model\.d_input: got 3; leave it out"):
        instantiate({**ENCODER, "d_input": 3}, "model", d_input=1)


def test_errors_of_our_own_come_through(monkeypatch: pytest.MonkeyPatch) -> None:
    import toy_parts

    def fails(**kwargs: object) -> None:
        raise DataError("imdb", expected="a mirror")

    monkeypatch.setattr(toy_parts, "anything", fails)
    node = {"_target_": "toy_parts.anything"}
    with pytest.raises(DataError, match=r"^imdb: expected a mirror$"):
        instantiate(node, "data")
    with pytest.raises(DataError, match=r"^imdb: expected a mirror$"):
        instantiate({**ENCODER, "cell": node}, "model", d_input=1)

"""Expanding a grid into override lists."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from seqbench.config.engine import Groups, started
from seqbench.errors import ConfigErrors
from seqbench.sweeps import grid


def expand(*said: Any) -> list[tuple[str, ...]]:
    """Every run's overrides."""
    return grid.expand(grid.products(*said))


@pytest.fixture
def groups(toy_dir: Path) -> Iterator[Groups]:
    """The toy groups."""
    with started("sweep", [toy_dir]) as hydra:
        yield Groups.of(hydra.config_loader, "sweep")


def test_a_product_in_the_order_given(groups: Groups) -> None:
    runs = expand(["data=imdb", "model=lstm,gru", "seed=range(0,2)"], {}, [], groups)
    assert runs == [
        ("data=imdb", "model=lstm", "seed=0"), ("data=imdb", "model=lstm", "seed=1"),
        ("data=imdb", "model=gru", "seed=0"), ("data=imdb", "model=gru", "seed=1"),
    ]  # fmt: skip


def test_nothing_swept_is_one_run(groups: Groups) -> None:
    assert expand([], {}, [], groups) == [()]
    assert expand(["seed=1"], {}, [], groups) == [("seed=1",)]


@pytest.mark.parametrize(
    ("value", "values"),
    [
        ("0,1", ["0", "1"]),
        ("range(0,3)", ["0", "1", "2"]),
        ("choice(a,b)", ["a", "b"]),
        ("[1,2],[3]", ["[1,2]", "[3]"]),
        ([1, 2], ["1", "2"]),
        (["a", None, True], ["a", "null", "True"]),
        ([[1, 2], [3]], ["[1,2]", "[3]"]),
        ([1e-5, 0.1], ["1e-05", "0.1"]),
        (3, ["3"]),
        (1e-5, ["1e-05"]),
        ([{"a": 1}], ["{a:1}"]),
    ],
)
def test_every_way_to_say_values(value: Any, values: list[str], groups: Groups) -> None:
    assert expand([], {"key": value}, [], groups) == [(f"key={item}",) for item in values]


def test_the_command_line_wins_over_the_experiment(groups: Groups) -> None:
    params = {"model": "lstm,gru", "seed": "0,1,2"}
    assert expand(["seed=7"], params, [], groups) == [
        ("model=lstm", "seed=7"), ("model=gru", "seed=7"),
    ]  # fmt: skip
    assert len(expand(["model=a,b,c"], params, [], groups)) == 9


def test_further_runs_stand_beside_the_grid(groups: Groups) -> None:
    params = {"model": "lstm,gru", "seed": "0,1"}
    also = ["model=baseline/a,baseline/b", "model=mlp 'tags=[x, y]'"]
    runs = expand(["force=true"], params, also, groups)
    assert len(runs) == 4 + 3
    assert runs[4:] == [
        ("force=true", "model=baseline/a"), ("force=true", "model=baseline/b"),
        ("force=true", "model=mlp", "tags=[x, y]"),
    ]  # fmt: skip


def test_a_further_run_keeps_what_the_command_line_fixes_unless_it_says_otherwise(
    groups: Groups,
) -> None:
    runs = expand(["seed=3", "model=lstm"], {}, ["model=mlp"], groups)
    assert runs == [("seed=3", "model=lstm"), ("seed=3", "model=mlp")]


def test_the_same_run_twice_is_one(groups: Groups) -> None:
    assert len(expand(["seed=1,1,2"], {}, ["seed=1"], groups)) == 2


def test_globs_over_options(groups: Groups) -> None:
    assert expand(["model=glob([toy,wide])"], {}, [], groups) == [("model=toy",), ("model=wide",)]


def test_a_grid_without_values(groups: Groups) -> None:
    with pytest.raises(ConfigErrors) as caught:
        expand(["seed=range(0,0)", "model=glob(xyz*)"], {"optimizer.lr": []}, [], groups)
    assert caught.value.line().splitlines() == [
        "seed: expected values to sweep, got none in range(0,0)",
        "model: expected values to sweep, got none in glob(xyz*)",
        "optimizer.lr: expected values to sweep, got none in []",
    ]


def test_what_cannot_be_put_on_a_grid(groups: Groups) -> None:
    with pytest.raises(ConfigErrors) as caught:
        expand(["optimizer.lr=interval(0,1)", "seed=[1"], {}, ["model"], groups)
    assert caught.value.line().splitlines() == [
        "optimizer.lr: expected single values, which make a grid, got interval(0,1); "
        "list them: key=a,b or key=range(0,5)",
        "seed: expected a value that can be read, got no viable alternative at input '[1'",
        "model: expected key=value, got no value",
    ]

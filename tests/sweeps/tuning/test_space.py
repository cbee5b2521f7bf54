"""Hydra's sweep syntax as hyperparameters."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from tests.sweeps.tuning.conftest import TOY

from seqbench.config.engine import Groups, started
from seqbench.errors import ConfigErrors
from seqbench.sweeps.tuning.space import Space, read_space

MakeSpace = Callable[..., Space]


@pytest.fixture
def space(out: Path) -> Iterator[MakeSpace]:
    """Reads a space beside the toy groups."""
    with started("sweep", [TOY / "conf"]) as hydra:
        groups = Groups.of(hydra.config_loader, "sweep")  # type: ignore[arg-type]
        yield lambda *arguments, **params: read_space(arguments, params, groups)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("1,2,4", CategoricalDistribution([1, 2, 4])),
        ("choice(a,b)", CategoricalDistribution(["a", "b"])),
        ("true,1", CategoricalDistribution(["True", "1"])),  # Optuna would take them for one
        ("null,0.5,x", CategoricalDistribution([None, 0.5, "x"])),
        ("[1],[2,3]", CategoricalDistribution(["[1]", "[2,3]"])),
        ("1,1.0,1", CategoricalDistribution(["1", "1.0"])),
        ("range(1,10)", IntDistribution(1, 9)),
        ("range(0,10,4)", IntDistribution(0, 8, step=4)),
        ("range(10,0,-5)", IntDistribution(5, 10, step=5)),
        ("range(0,1,0.25)", FloatDistribution(0.0, 0.75, step=0.25)),
        ("range(0.0,1.2,0.3)", FloatDistribution(0.0, 0.9, step=0.3)),
        ("range(0.0,0.6,0.15)", FloatDistribution(0.0, 0.45, step=0.15)),
        ("range(0.0,0.7,0.1)", FloatDistribution(0.0, 0.6, step=0.1)),
        ("range(1.0,0.0,-0.3)", FloatDistribution(0.1, 1.0, step=0.3)),
        ("tag(log,range(1,65))", IntDistribution(1, 64, log=True)),
        ("interval(0,1)", FloatDistribution(0.0, 1.0)),
        ("int(interval(8,128))", IntDistribution(8, 128)),
        ("tag(log,interval(1e-4,1e-2))", FloatDistribution(1e-4, 1e-2, log=True)),
        ("tag(log,int(interval(8,128)))", IntDistribution(8, 128, log=True)),
    ],
)
def test_each_way_to_say_values(said: str, expected: BaseDistribution, space: MakeSpace) -> None:
    assert space(f"x={said}").distributions == {"x": expected}


def test_the_options_of_a_group(space: MakeSpace) -> None:
    found = space("model=glob(*)").distributions["model"]
    assert isinstance(found, CategoricalDistribution)
    assert {"toy", "wide"} <= set(found.choices)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("x=tag(log,interval(0,1))", "x: expected an interval above 0 to be logarithmic, got "),
        ("x=tag(log,choice(a,b))", "x: expected an interval or a range to be logarithmic"),
        ("x=tag(big,interval(0,1))", r"x: expected no tag but log, got tag(big, …)"),
        ("x=interval(2,1)", r"x: expected two finite ends, the lower first, got interval(2,1)"),
        ("x=range(0,inf)", r"x: expected finite numbers, got range(0,inf)"),
        ("x=range(3,3)", r"x: expected values to search, got none in range(3,3)"),
        ("x=tag(log,range(1,9,2))", "x: expected a step of 1 where it is logarithmic"),
        ("seed=1,2", "seed: expected a hyperparameter, got 1,2, which is none; the winner is run"),
        ("paths.outputs=a,b", "paths.outputs: expected a hyperparameter"),
        ("x=1", "hydra.sweeper.params: expected hyperparameters to search, got none; say e.g."),
    ],
)
def test_what_cannot_be_searched(line: str, message: str, space: MakeSpace) -> None:
    with pytest.raises(ConfigErrors) as caught:
        space(line)
    assert caught.value.line().startswith(message)


def test_the_command_lines_word_counts_more_than_the_experiments(space: MakeSpace) -> None:
    found = space("x=5", "z=1", x="1,2", y="tag(log, interval(1e-3, 1))", z=[3, 4], w=7)
    assert list(found.searched) == ["y"]
    assert sorted(found.fixed) == ["w=7", "x=5", "z=1"]


@pytest.mark.parametrize("said", ["range(0.0,2.1,0.3)", "range(0,1.0,0.2)", "range(0.6,0,-0.15)"])
def test_both_ends_of_a_range_can_be_drawn(said: str, space: MakeSpace) -> None:
    found = space(f"x={said}")
    (distribution,) = found.distributions.values()
    for value in found.searched["x"].corners():
        assert distribution._contains(distribution.to_internal_repr(value))
    assert str(found.searched["x"]).startswith(f"{distribution.low:g} to {distribution.high:g} by ")


def test_a_package_is_not_lost(space: MakeSpace) -> None:
    assert space("model@model=toy,wide").corners() == [("model@model=toy",), ("model@model=wide",)]


def test_the_overrides_of_a_trial(space: MakeSpace) -> None:
    found = space("a=x", "b=true,false", "c=interval(0,1)", "d=[1],[2]")
    values = {"b": True, "c": 1e-05, "d": "[2]"}
    assert found.lines(values) == ("a=x", "b=True", "c=1e-05", "d=[2]")


def test_every_end_and_every_choice_is_in_a_corner(space: MakeSpace) -> None:
    found = space("a=x", "b=null,2,3", "c=interval(0,1)")
    assert found.corners() == [
        ("a=x", "b=null", "c=0.0"), ("a=x", "b=2", "c=1.0"), ("a=x", "b=3", "c=0.0"),
    ]  # fmt: skip

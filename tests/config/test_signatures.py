"""Signatures read from source equal those that Python itself reports."""

from __future__ import annotations

import importlib
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
import yaml

from seqbench.config import source_module, source_signatures
from seqbench.config.locations import configs_root
from seqbench.config.signature import UNKNOWN
from seqbench.config.signatures import inspected, signature_of
from seqbench.config.values import described
from seqbench.errors import ConfigError


def shipped_targets() -> list[str]:
    """Every `_target_` in conf/, of nested nodes too."""
    found: set[str] = set()

    def walk(node: object) -> None:
        if isinstance(node, dict):
            if "_target_" in node:
                found.add(node["_target_"])
            for item in node.values():
                walk(item)
        elif isinstance(node, list):
            for item in node:
                walk(item)

    for file in (configs_root() / "conf").rglob("*.yaml"):
        walk(yaml.safe_load(file.read_text()))
    return sorted(found)


def imported(target: str) -> Any:
    """The class or function itself."""
    module, _, name = target.rpartition(".")
    return getattr(importlib.import_module(module), name)


@pytest.mark.parametrize("target", shipped_targets())
def test_source_and_import_agree(target: str) -> None:
    read = signature_of(target)
    parameters, is_open = inspected(imported(target))
    assert list(read.parameters) == list(parameters)
    assert read.open == is_open
    for name, item in parameters.items():
        assert read.parameters[name].required == item.required, name
        if read.parameters[name].default is not UNKNOWN:
            assert read.parameters[name].default == item.default, name


@pytest.mark.parametrize("target", shipped_targets())
def test_shipped_targets_are_our_own_and_explicit(target: str) -> None:
    assert target.startswith(("seqbench.", "hydra_plugins.seqbench_"))
    assert not signature_of(target).open


CODE = """
import typing
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Optional, Union
import torch
from torch import nn
from seqbench.domains import Bounds, PositiveInt, Probability as Chance

Kind = Literal["a", "b"]
Small: typing.TypeAlias = int | None
WIDTH = 7


def function(first: int, /, second: "float" = 1.5, *rest: int, third: Kind = "a", **more: int): ...


class Base(nn.Module):
    def __init__(self, *, width: PositiveInt = WIDTH, kind: Kind = "a", rate: Chance = 0.5,
                 path: Path | None = None, small: Small = None, old: Optional[int] = None,
                 tensor: torch.Tensor | None = None, module: nn.Module, literal: typing.Any = 3,
                 union: Union[int, str] = 1, names: Sequence[str] = (),
                 pair: tuple[int, ...] = (1,),
                 table: dict[str, list[float]] = {}, computed: int = 2 ** 5, neg: float = -1.0): ...

    @classmethod
    def make(cls, *, size: int): ...

    @staticmethod
    def build(size: int, depth: int = 2): ...


class Child(Base):
    pass


class Bare(nn.Module):
    pass


@dataclass(frozen=True, kw_only=True)
class Settings:
    lr: float
    kind: ClassVar[int] = 3
    names: list[str] = field(default_factory=list)
    sizes: list[int] = field(default_factory=lambda: [1, 2])
    depth: int = field(default=4)
    hidden: int = field(init=False, default=1)


@dataclass(frozen=True, kw_only=True)
class More(Settings):
    lr: float = 0.1
    extra: bool = False
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A package laid out as ours, read from source under our name, imported under another."""
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "__init__.py").write_text("from parts.code import Child as Renamed\n")
    (tmp_path / "parts" / "code.py").write_text(textwrap.dedent(CODE))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(source_module, "OURS", "parts")
    monkeypatch.setattr(source_module, "ROOT", tmp_path / "parts")
    monkeypatch.setattr(source_signatures, "ROOT", tmp_path / "parts")
    source_module.load_module.cache_clear()
    yield "parts.code"
    source_module.load_module.cache_clear()
    for name in ("parts", "parts.code"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize(
    "name", ["function", "Base", "Child", "Settings", "More"]
)  # fmt: skip
def test_every_form_of_signature(name: str, module: str) -> None:
    read = source_signatures.read_signature(f"{module}.{name}")
    parameters, is_open = inspected(imported(f"{module}.{name}"))
    assert set(read.parameters) == set(parameters)
    assert read.open == is_open
    for key, item in parameters.items():
        mine = read.parameters[key]
        assert mine.required == item.required, key
        assert mine.default == item.default or key == "computed", key


def test_hints_are_those_of_the_source(module: str) -> None:
    read = source_signatures.read_signature(f"{module}.Base").parameters
    said = {name: described(item.hint) for name, item in read.items()}
    assert said == {
        "width": "an integer >= 1", "kind": "one of a, b", "rate": "a number in [0, 1)",
        "path": "a path or null", "small": "an integer or null", "old": "an integer or null",
        "tensor": "Any or null", "module": "Any", "literal": "Any",
        "union": "an integer or a text", "names": "a list, each a text",
        "pair": "a list, each an integer", "table": "a mapping", "computed": "an integer",
        "neg": "a number",
    }  # fmt: skip
    assert read["width"].default == 7
    assert read["neg"].default == -1.0


def test_methods_aliases_and_classes_without_init(module: str) -> None:
    def keys(target: str) -> list[str]:
        return list(source_signatures.read_signature(target).parameters)

    assert keys(f"{module}.Base.make") == ["size"]
    assert keys(f"{module}.Base.build") == ["size", "depth"]
    assert keys("parts.Renamed") == keys(f"{module}.Base")
    assert keys(f"{module}.Bare") == []


def test_a_name_that_is_not_there(module: str) -> None:
    with pytest.raises(
        ConfigError, match=r"got parts\.code\.Childd; did you mean parts\.code\.Child"
    ):
        source_signatures.read_signature(f"{module}.Childd")
    with pytest.raises(ConfigError, match=r"expected a class or function, got parts\.code$"):
        source_signatures.read_signature(module)


def test_foreign_modules_that_break_on_import(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "breaks_at_once.py").write_text("1 / 0")
    (tmp_path / "needs_what_is_not_there.py").write_text("import no_such_package")
    (tmp_path / "holds_a_number.py").write_text("number = 3")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ConfigError, match=r"breaks_at_once\.X, which raises ZeroDivisionError"):
        signature_of("breaks_at_once.X")
    with pytest.raises(ConfigError, match="No module named 'no_such_package'"):
        signature_of("needs_what_is_not_there.X")
    with pytest.raises(ConfigError, match="expected a class or function, got holds_a_number"):
        signature_of("holds_a_number.number")


def test_reading_signatures_imports_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from seqbench.config.signatures import signature_of\n"
        "signature_of('seqbench.models.lstm.LSTM')\n"
        "assert not {'torch', 'pytorch_lightning', 'wandb', 'numpy'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env=_environment())


def _environment() -> dict[str, str]:
    import os

    source = Path(source_module.__file__).parents[2]
    return {**os.environ, "PYTHONPATH": str(source)}

from __future__ import annotations

import inspect
from importlib import import_module
from pathlib import Path

import pytest
import yaml

FOLDER = Path(__file__).resolve().parents[2] / "conf" / "model" / "baseline"


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_parameter_stands_there_with_its_default(path: Path) -> None:
    text = path.read_text()
    assert text.startswith("# ")
    config = yaml.safe_load(text)
    module, _, name = config.pop("_target_").rpartition(".")
    assert module.endswith(f".{path.stem}")
    parameters = inspect.signature(getattr(import_module(module), name)).parameters
    assert config == {key: parameter.default for key, parameter in parameters.items()}

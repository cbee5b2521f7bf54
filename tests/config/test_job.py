"""A job is frozen to a file and thawed from it, exactly."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from seqbench.config.compose import compose_job
from seqbench.config.job import Job, freeze, thaw
from seqbench.errors import ConfigError, RecordError

TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8)
SCALAR = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT
VALUE = st.recursive(
    SCALAR, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3)
)


def job_with(value: object) -> Job:
    """A job whose config holds the value."""
    config = {"run_id": "a-b-s1-0", "study": "s", "seed": 1, "model": {"value": value}}
    return Job(run_id="a-b-s1-0", study="s", seed=1, config=config, overrides=("a=1", "b='x y'"))


@given(value=VALUE)
def test_any_config_comes_back_as_it_was(
    value: object, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.mktemp("run") / "config.yaml"
    freeze(job_with(value), file)
    assert thaw(file) == job_with(value)
    assert repr(thaw(file)) == repr(job_with(value))


@pytest.mark.parametrize("number", [1e-5, 1e-3, 0.1 + 0.2, 5e-324, 1e22, -0.0, 1e16, math.inf])
def test_floats_come_back_bit_for_bit(number: float, tmp_path: Path) -> None:
    freeze(job_with(number), tmp_path / "config.yaml")
    back = thaw(tmp_path).config["model"]["value"]
    assert isinstance(back, float)
    assert back.hex() == number.hex()


@pytest.mark.parametrize("text", ["1e-3", "1.0e-5", "yes", "null", "012", "2024-01-01", "~", "0x1"])
def test_texts_that_look_like_numbers_stay_texts(text: str, tmp_path: Path) -> None:
    freeze(job_with(text), tmp_path / "config.yaml")
    assert thaw(tmp_path).config["model"]["value"] == text


def test_a_composed_job(toy_dir: Path, toy: list[str], tmp_path: Path) -> None:
    overrides = [*toy, f"paths.outputs={tmp_path}", "study=s"]
    job = compose_job(overrides, config_dirs=[toy_dir])
    assert job.folder == tmp_path / "s" / job.run_id
    freeze(job, job.folder / "config.yaml")
    assert thaw(job.folder) == job
    assert [file.name for file in job.folder.iterdir()] == ["config.yaml"]
    written = yaml.safe_load((job.folder / "config.yaml").read_text())
    assert (written["run_id"], written["seed"], written["model"]["d_hidden"]) == (job.run_id, 0, 8)


def test_nothing_to_thaw(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"config\.yaml: expected a job's config, got .*No such"):
        thaw(tmp_path / "config.yaml")
    (tmp_path / "config.yaml").write_text("seed: 1\n")
    with pytest.raises(RecordError, match="expected a job's config with run_id, study and seed"):
        thaw(tmp_path)


def test_nowhere_to_freeze(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RecordError, match="expected a place that can be written to"):
        freeze(job_with(1), tmp_path / "file" / "config.yaml")


def test_a_file_name_that_is_no_unicode(tmp_path: Path) -> None:
    message = r"^config: expected values of Unicode text, got 'caf\\udce9\.csv'$"
    with pytest.raises(ConfigError, match=message):
        freeze(job_with("caf\udce9.csv"), tmp_path / "config.yaml")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "document",
    [
        "run_id: ../a\nstudy: s\nseed: 0\n", "run_id: a\nstudy: /s\nseed: 0\n",
        "run_id: a\nstudy: 3\nseed: 0\n", "run_id: a\nstudy: s\nseed: true\n",
        "run_id: a\nstudy: s\nseed: 0\noverrides: seed=1\n",
        "run_id: a\nstudy: s\nseed: 0\n3: x\n",
    ],
)  # fmt: skip
def test_what_no_job_is_named_by(document: str, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(document)
    with pytest.raises(RecordError, match="expected run_id and study that name folders, a seed"):
        thaw(tmp_path)


@pytest.mark.parametrize("document", ["{", "a: 2001-99-99", "[" * 5000, "&a [*a, *b]", "\x00"])
def test_what_is_no_yaml(document: str, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(document)
    with pytest.raises(RecordError, match=r"config\.yaml: expected a job's config, got \S"):
        thaw(tmp_path)

"""The wheel works without the checkout: it carries its configuration."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
NOT_PACKED = shutil.ignore_patterns("__pycache__", "*.pyc")


@pytest.fixture(scope="module")
def laid_out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of the wheel, put where pyproject.toml says that the wheel has them."""
    folder = tmp_path_factory.mktemp("site")
    target = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]
    placed = {package: Path(package).name for package in target["packages"]}
    for source, place in (placed | target["force-include"]).items():
        shutil.copytree(ROOT / source, folder / place, ignore=NOT_PACKED)
    return folder


def test_it_sweeps_from_there_alone(laid_out: Path, tmp_path: Path) -> None:
    assert (laid_out / "seqbench/_configs/conf/train.yaml").exists()
    assert (laid_out / "seqbench/_configs/experiments/quickstart.yaml").exists()
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import seqbench.cli\n"
        "from seqbench.config.locations import configs_root\n"
        "for place in (seqbench.__file__, str(configs_root())):\n"
        "    assert place.startswith(sys.argv[1]), place\n"
        "sys.exit(seqbench.cli.main(['sweep', 'experiments=quickstart', 'dry_run=true']))"
    )
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    ended = subprocess.run(
        [sys.executable, "-c", program, str(laid_out)], cwd=tmp_path, text=True,
        capture_output=True, env=environment, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    assert len(ended.stdout.splitlines()) == 15 + 1  # the totals


@pytest.mark.full  # the build backend comes from the package index
def test_a_built_wheel_has_just_these_files(laid_out: Path, tmp_path: Path) -> None:
    sources = tmp_path / "sources"
    sources.mkdir()
    for name in ("src", "conf", "experiments"):
        shutil.copytree(ROOT / name, sources / name, ignore=NOT_PACKED)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, sources)
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", ".", str(sources)]
    subprocess.run(command, check=True, cwd=tmp_path)
    (wheel,) = tmp_path.glob("*.whl")
    packed = set(zipfile.ZipFile(wheel).namelist())
    expected = {file.relative_to(laid_out).as_posix() for file in laid_out.rglob("*.*")}
    metadata = {name for name in packed if ".dist-info/" in name}
    assert packed - metadata == {name for name in expected if (laid_out / name).is_file()}

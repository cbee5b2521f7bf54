from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from seqbench.records import provenance
from seqbench.records.provenance import collect_provenance


def test_what_is_collected() -> None:
    found = collect_provenance(command=["seqbench", "train", "note=a b", "wandb.api_key=xyz"])
    assert found.command == "seqbench train 'note=a b' 'wandb.api_key=***'"
    assert found.versions["python"] == sys.version.split()[0]
    assert {"torch", "numpy", "hydra-core"} <= set(found.versions)
    assert found.cores >= 1 and found.cpu and found.platform
    assert re.fullmatch(r"[0-9a-f]{12}", found.code)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", found.started)


def test_the_code_is_the_users_own_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "mine_of_tests").mkdir()
    for name in ("__init__", "parts", "encoder"):
        (tmp_path / f"mine_of_tests/{name}.py").write_text(f"# {name}")
    (tmp_path / "alone_of_tests.py").write_text("# alone")
    package = {"model": {"_target_": "mine_of_tests.encoder.Mine"}}
    module = {"callbacks": {"a": [{"_target_": "alone_of_tests.Alone"}]}}
    installed = {"optimizer": {"_target_": "torch.optim.Adam"}, "x": {"_target_": "math.floor"}}
    assert provenance.code_hash(installed) == provenance.code_hash()
    assert provenance.code_hash({"model": {"_target_": "nowhere.Mine"}}) == provenance.code_hash()
    seen = {provenance.code_hash()}
    for changed in (package, module, {**package, **module}):
        seen.add(provenance.code_hash(changed))
    assert len(seen) == 4
    (tmp_path / "mine_of_tests/parts.py").write_text("# other parts")
    provenance._code_hash.cache_clear()
    assert provenance.code_hash(package) not in seen
    assert provenance.code_hash(module) in seen


def test_the_commit_is_this_checkout_s() -> None:
    root = provenance.PACKAGE.parents[1]
    if not (root / ".git").exists():
        pytest.skip("not a checkout")
    done = subprocess.run(
        ["git", "-C", root, "rev-parse", "HEAD"], capture_output=True, text=True, check=True
    )
    found = provenance.git_state()
    assert found is not None and found.commit == done.stdout.strip()


def test_without_git_there_is_no_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    provenance.git_state.cache_clear()
    monkeypatch.setenv("PATH", "")
    assert provenance.git_state() is None
    provenance.git_state.cache_clear()


def test_nothing_heavy_is_imported() -> None:
    program = """
import sys
from pathlib import Path
import seqbench.records.load, seqbench.records.metrics, seqbench.records.predictions
import seqbench.records.provenance as provenance
provenance.collect_provenance()
heavy = {name.partition(".")[0] for name in sys.modules}
print(sorted(heavy & {"torch", "pytorch_lightning", "lightning", "wandb", "hydra"}))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"

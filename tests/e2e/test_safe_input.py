"""What comes from elsewhere runs nothing and writes nowhere: checkpoints, configs, records."""

from __future__ import annotations

import ast
import hashlib
import io
import json
import os
import pickle
import shutil
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from tests.tally import INPUTS

import seqbench
from seqbench.config.job import thaw
from seqbench.errors import RecordError, SeqbenchError
from seqbench.records.folder import RunFolder
from seqbench.records.load import load_records
from seqbench.training.checkpoint_file import read_checkpoint
from seqbench.training.restore import restore

Cli = Any
SOURCES = sorted(Path(seqbench.__file__).parent.rglob("*.py"))
# Calls that can run code which comes with data, and the argument that keeps them from it.
UNSAFE = {
    "torch.load": "weights_only", "np.load": "allow_pickle", "numpy.load": "allow_pickle",
    "pickle.load": "never", "pickle.loads": "never", "joblib.load": "never", "eval": "never",
    "exec": "never", "yaml.unsafe_load": "never", "yaml.full_load": "never", "os.system": "never",
    "pd.read_pickle": "never", "marshal.loads": "never", "shelve.open": "never",
}  # fmt: skip


def calls(path: Path) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def test_nothing_in_the_sources_unpickles_or_evaluates() -> None:
    seen: Counter[str] = Counter()
    for path in SOURCES:
        for name, call in calls(path):
            if name not in UNSAFE:
                continue
            seen[name] += 1
            given = {word.arg: ast.unparse(word.value) for word in call.keywords}
            if UNSAFE[name] == "never":
                raise AssertionError(f"{path}: {name}")
            if name.endswith("torch.load"):
                assert given.get("weights_only") == "True", f"{path}: {ast.unparse(call)}"
            else:
                assert given.get("allow_pickle", "False") == "False", f"{path}: {ast.unparse(call)}"
    assert seen["torch.load"] >= 1 and seen["np.load"] >= 1
    loaders = {ast.unparse(call) for path in SOURCES for name, call in calls(path)
               if name == "yaml.load"}  # fmt: skip
    assert all("_LOADER" in call or "SafeLoader" in call for call in loaders), loaders


REFUSED = "expected a target that may be built from a config, got"


class Opens:
    """Whoever unpickles it makes a file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self._path),)


@pytest.fixture
def run(network_run: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(network_run, tmp_path / "study" / network_run.name))


@pytest.mark.parametrize("way", ["archive", "plain pickle", "legacy"])
def test_a_checkpoint_that_would_run_something(
    way: str, run: Path, tmp_path: Path, tally: Counter[str]
) -> None:
    mark = tmp_path / "it has run"
    content = {"state_dict": Opens(mark), "spec": {}}
    sink = io.BytesIO()
    if way == "plain pickle":
        sink.write(pickle.dumps(content))
    else:
        torch.save(content, sink, _use_new_zipfile_serialization=way == "archive")
    body = sink.getvalue()
    path = run / "checkpoints" / "best.ckpt"
    path.write_bytes(body + hashlib.sha256(body).digest())
    tally[INPUTS] += 1
    with pytest.raises(RecordError, match="expected a checkpoint"):
        read_checkpoint(path)
    with pytest.raises(RecordError, match="train it again"):
        restore(run)
    assert not mark.exists()
    assert zipfile.is_zipfile(io.BytesIO(body)) == (way == "archive")


@pytest.mark.parametrize(
    ("target", "arguments"),
    [
        ("os.system", {"command": "touch ran"}),
        ("os.remove", {"path": "study/kept/file"}),
        ("subprocess.run", {"args": ["touch", "ran"]}),
        ("subprocess.Popen", {"args": ["touch", "ran"]}),
        ("builtins.eval", {}),
        ("builtins.exec", {}),
        ("pickle.loads", {}),
        ("shutil.rmtree", {"path": "study/kept"}),
        ("importlib.import_module", {"name": "antigravity"}),
    ],
)
def test_a_config_that_would_run_something(
    target: str, arguments: dict[str, Any], run: Path, cli: Cli, tiny: list[str], tmp_path: Path,
    tally: Counter[str],
) -> None:  # fmt: skip
    """Hydra's blocklist stands before every node that is built, also of a run from elsewhere."""
    config = yaml.safe_load((run / "config.yaml").read_text())
    kept = tmp_path / "study" / "kept"
    kept.mkdir()
    (kept / "file").touch()
    for node in ("model", "optimizer", "trainer", "tokenizer", "inputs", "data"):
        changed = {**config, node: {"_target_": target, **arguments}}
        (run / "config.yaml").write_text(yaml.safe_dump(changed))
        ended = cli("predict", f"run={run}", "text=fine")
        tally[INPUTS] += 1
        assert ended.code == 2, ended
        assert ended.err.count("\n") == 1 and "Traceback" not in ended.err
    said = [f"model._target_={target}", *(f"+model.{k}={v}" for k, v in arguments.items())]
    ended = cli("train", *tiny, *said)
    assert (ended.code, ended.err) == (2, f"seqbench: model._target_: {REFUSED} {target}\n")
    assert not (tmp_path / "ran").exists() and (kept / "file").exists()


def test_a_record_that_would_run_something_when_it_is_published(
    run: Path, cli: Cli, tmp_path: Path, tally: Counter[str]
) -> None:
    plain = json.loads((run / "record.json").read_text())
    made = run / "wandb" / "offline-run-1-x"
    made.mkdir(parents=True)
    (made / "run-x.wandb").write_bytes(b"")
    for target in ("pathlib.Path.touch", "tests.e2e.test_safe_input.touch", "os.mkdir"):
        plain["config"]["logger"]["wandb"] = {"_target_": target, "path": "ran"}
        (run / "record.json").write_text(json.dumps(plain))
        ended = cli("publish", f"runs={run.parent}", "dry_run=true")
        tally[INPUTS] += 1
        assert ended.code == 2
        assert "logger.wandb._target_: expected seqbench.training.wandb_settings" in ended.err
        assert not (tmp_path / "ran").exists()


def touch(path: str) -> None:
    Path(path).touch()


OUTSIDE = ["../outside", "/outside", "a/../../outside", "..", "", "a\x00b", "a\nb", "."]


@pytest.mark.parametrize("name", OUTSIDE)
@pytest.mark.parametrize("key", ["study", "run_id"])
def test_names_that_lead_out_of_the_outputs(
    key: str, name: str, run: Path, cli: Cli, tmp_path: Path, tally: Counter[str]
) -> None:
    before = {path for path in tmp_path.parent.glob("*")}
    plain = json.loads((run / "record.json").read_text())
    (run / "record.json").write_text(json.dumps({**plain, key: name}))
    tally[INPUTS] += 3
    with pytest.raises(RecordError, match=f"^{key}: expected a name for a folder, got"):
        RunFolder(run).read_record()
    (problem,) = load_records(run).problems
    assert problem.state == "unreadable"
    assert cli("report", f"runs={run.parent}", "figures=false").code == 0  # it is named there
    assert cli("evaluate", f"run={run}").code == 2
    config = yaml.safe_load((run / "config.yaml").read_text())
    (run / "config.yaml").write_text(yaml.safe_dump({**config, key: name}))
    with pytest.raises(RecordError, match="run_id and study that name folders"):
        thaw(run)
    if key == "study":
        ended = cli("train", "data=imdb", f"study='{name}'")
        assert ended.code == 2
        says = f"seqbench: study: expected a name for a folder below paths.outputs, got {name!r}; "
        assert ended.err.startswith(says)
        assert not list(tmp_path.rglob("outside*")) and not Path("/outside").exists()
    assert {path for path in tmp_path.parent.glob("*")} == before


def test_a_run_folder_s_links_are_not_followed_when_it_is_cleared(
    run: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_text("mine")
    shutil.rmtree(run / "checkpoints")
    (run / "checkpoints").symlink_to(outside, target_is_directory=True)
    (run / "predictions.parquet").unlink()
    (run / "predictions.parquet").symlink_to(outside / "kept")
    with RunFolder(run).claim():
        RunFolder(run).clear()
    assert (outside / "kept").read_text() == "mine"
    assert not (run / "checkpoints").exists()


def test_a_tokenizer_of_another_class_is_none(run: Path, tally: Counter[str]) -> None:
    path = run / "tokenizer.json"
    plain = json.loads(path.read_text())
    for kind in ("os.system", "subprocess.Popen", "nowhere.Class", "", ".", "builtins.dict", "x"):
        path.write_text(json.dumps({**plain, "class": kind}))
        tally[INPUTS] += 1
        with pytest.raises(SeqbenchError, match="tokenizer file"):
            restore(run)

"""Every shipped option file: complete, equal to the signature's defaults, and it composes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import MISSING, fields
from typing import Any

import pytest
import yaml

from seqbench.config.compose import compose, compose_job
from seqbench.config.locations import configs_root
from seqbench.config.schema import INJECTED, PLAIN_NODES, PRIMARY, key_of
from seqbench.config.signature import UNKNOWN
from seqbench.config.signatures import signature_of

CONF = configs_root() / "conf"
TEXT = "data=python_reference"
NEEDED_KEYS = {
    "text_classification": ["data.files.train=x.csv"],
    "text_file": ["data.source.train=x.txt"],
    "baseline/unigram": [TEXT],
    "baseline/kneser_ney": [TEXT],
    "language_modeling": [TEXT],
}
# What datasets differ in by their nature: where they come from, how long and many their texts are.
DIFFERS = {("data", name) for name in ("max_len", "batch_size", "window", "mark_documents")}
NOT_RUNS = {"hydra", "debug", "paths"}
GROUPS = sorted(entry.name for entry in CONF.iterdir() if entry.is_dir())
OPTIONS = [
    (group, file.relative_to(CONF / group).with_suffix("").as_posix())
    for group in GROUPS
    for file in sorted((CONF / group).rglob("*.yaml"))
]
IDS = [f"{group}/{option}" for group, option in OPTIONS]


def merged(group: str, option: str) -> dict[str, Any]:
    """An option file with the options of its own group that its defaults name, `_self_` last."""
    node = yaml.safe_load((CONF / group / f"{option}.yaml").read_text())
    below: dict[str, Any] = {}
    for entry in node.pop("defaults", []):
        if isinstance(entry, str) and entry != "_self_":
            below |= merged(group, entry)
    return below | node


def targets(node: Any, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every node with a `_target_`, and where it stands."""
    if isinstance(node, dict):
        if "_target_" in node:
            yield path, node
        for key, item in node.items():
            yield from targets(item, f"{path}.{key}")


@pytest.mark.parametrize(("group", "option"), OPTIONS, ids=IDS)
def test_it_lists_every_parameter_with_its_default(group: str, option: str) -> None:
    own = yaml.safe_load((CONF / group / f"{option}.yaml").read_text())
    parents = {entry for entry in own.get("defaults", []) if isinstance(entry, str)}
    changes = set(own) if parents - {"_self_"} else set()
    for path, node in targets(merged(group, option), group):
        signature = signature_of(node["_target_"])
        injected = INJECTED.get(path, frozenset())
        expected = [name for name in signature.parameters if name not in injected]
        given = [key for key in node if not key.startswith("_")]
        assert sorted(given) == sorted(expected), path
        for name in expected:
            default = signature.parameters[name].default
            is_own = name in changes or (path, name) in DIFFERS or path == "data.source"
            if default is UNKNOWN or is_own or _is_named_setting(node, name):
                continue
            listed = list(default) if isinstance(default, tuple) else default
            assert node[name] == listed, f"{path}.{name}"


def _is_named_setting(node: dict[str, Any], name: str) -> bool:
    """A nested node in place of a parameter that is an object."""
    return isinstance(node[name], dict) and "_target_" in node[name]


@pytest.mark.parametrize(("group", "option"), OPTIONS, ids=IDS)
def test_it_says_what_it_is(group: str, option: str) -> None:
    lines = (CONF / group / f"{option}.yaml").read_text().splitlines()
    comment = next(line for line in lines if not line.startswith("# @package"))
    assert comment.startswith("# ")


@pytest.mark.parametrize(
    ("group", "option"), [item for item in OPTIONS if item[0] not in NOT_RUNS]
)  # fmt: skip
def test_it_composes(group: str, option: str) -> None:
    job = compose_job([f"{group}={option}", *NEEDED_KEYS.get(option, [])])
    assert job.config["choices"][group] == option


@pytest.mark.parametrize("preset", ["fast", "overfit", "profile"])
def test_debug_presets_compose(preset: str) -> None:
    job = compose_job([f"debug={preset}"])
    assert (job.study, job.config["logger"]) == ("debug", {"wandb": None})


@pytest.mark.parametrize(
    "name", [file.stem for file in sorted((configs_root() / "experiments").glob("*.yaml"))]
)
def test_experiments_compose(name: str) -> None:
    assert compose_job([f"experiments={name}"]).study == name


NEEDED = {
    "evaluate": ["run=x"], "predict": ["run=x", "text=y"], "report": ["runs=x"],
    "publish": ["runs=x"],
}  # fmt: skip


@pytest.mark.parametrize("verb", sorted(PRIMARY))
def test_primary_configs_compose_and_equal_their_keys(verb: str) -> None:
    config = compose(verb, NEEDED.get(verb, []))
    keys = {key_of(item.name) for item in fields(PRIMARY[verb])}
    assert set(map(str, config)) == keys
    _same_defaults(dict(config.items()), PRIMARY[verb], set(NEEDED.get(verb, [])))


def test_paths_equal_their_keys() -> None:
    config = yaml.safe_load((CONF / "paths" / "default.yaml").read_text())
    assert set(config) == {item.name for item in fields(PLAIN_NODES["paths"])}


@pytest.mark.parametrize("node", ["callbacks", "logger"])
def test_plain_nodes_equal_their_keys(node: str) -> None:
    for file in (CONF / node).glob("*.yaml"):
        assert set(merged(node, file.stem)) == {item.name for item in fields(PLAIN_NODES[node])}


def _same_defaults(config: dict[Any, Any], keys: type, given: set[str]) -> None:
    said = {item.partition("=")[0] for item in given}
    for item in fields(keys):
        made = item.default_factory() if item.default_factory is not MISSING else item.default
        key = key_of(item.name)
        if made is not MISSING and key not in said:
            assert config[key] == made, key


def test_no_option_file_outside_a_group() -> None:
    assert {file.stem for file in CONF.glob("*.yaml")} == {*PRIMARY, "run"}

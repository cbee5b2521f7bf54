"""Mistakes in a configuration: every one found, all at once, each said so that it can be mended."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from seqbench.config.compose import compose, compose_job
from seqbench.errors import ConfigErrors

Mistakes = Callable[..., list[str]]


@pytest.fixture
def mistakes(toy_dir: Path, toy: list[str]) -> Mistakes:
    """The lines a user sees for these overrides."""

    def lines(*overrides: str, chosen: tuple[str, ...] = ()) -> list[str]:
        kept = [item for item in toy if item.partition("=")[0] not in chosen]
        with pytest.raises(ConfigErrors) as caught:
            compose_job([*kept, *overrides], config_dirs=[toy_dir])
        return caught.value.line().splitlines()

    return lines


ONE_MISTAKE = {
    "model.droput=0.5": (
        "model.droput: expected a key of Encoder, got 0.5; did you mean model.dropout?"
    ),
    "+model.lrr=3": "model.lrr: expected a key of Encoder, got 3; did you mean optimizer.lr?",
    "++optimizer.lrr=3": (
        "optimizer.lrr: expected a key of Settings, got 3; did you mean optimizer.lr?"
    ),
    "model.pooling=last": (
        "model.pooling: expected a key of Encoder, got 'last'; did you mean task.pooling?"
    ),
    "model.cell.widht=2": (
        "model.cell.widht: expected a key of Cell, got 2; did you mean model.cell.width?"
    ),
    "model.zzz=1": (
        "model.zzz: expected one of Encoder's keys (cell, d_hidden, dropout, sizes), got 1"
    ),
    "lr=0.1": "lr: expected a key of the configuration, got 0.1; did you mean optimizer.lr?",
    "modle=lstm": "modle: expected a key of the configuration, got 'lstm'; did you mean model?",
    "modle.dropout=0.1": (
        "modle.dropout: expected a key of the configuration, got 0.1; did you mean model.dropout?"
    ),
    "+modle=lstm": "modle: expected a key of the configuration, got 'lstm'; did you mean model?",
    "sede=1": "sede: expected a key of the configuration, got 1; did you mean seed?",
    "seed=-1": "seed: expected an integer in [0, 4294967295], got -1",
    "seed=4294967296": "seed: expected an integer in [0, 4294967295], got 4294967296",
    "seed=one": "seed: expected an integer in [0, 4294967295], got 'one'",
    "~seed": "seed: expected an integer in [0, 4294967295], got nothing; say seed=…",
    "~study": "study: expected a text, got nothing; say study=…",
    "~nosuch": "~nosuch: expected a key that is set, got none of that name",
    "study=..": (
        "study: expected a name for a folder below paths.outputs, got '..'; "
        "paths.outputs=DIR chooses where that is"
    ),
    "study=/etc": (
        "study: expected a name for a folder below paths.outputs, got '/etc'; "
        "paths.outputs=DIR chooses where that is"
    ),
    "study=": (
        "study: expected a name for a folder below paths.outputs, got ''; "
        "paths.outputs=DIR chooses where that is"
    ),
    "optimizer=null": "optimizer: expected one of adamw, sgd, toy, got null",
    "optimizer=[adamw,toy]": (
        "optimizer: expected one option, got [adamw,toy]; "
        "`seqbench sweep optimizer=adamw,toy` runs every one of them"
    ),
    "debug=[fast,profil]": (
        "debug: expected one of fast, overfit, profile, got profil; did you mean debug=profile?"
    ),
    "=3": "=3: expected key=value, got no key",
    "model._partial_=true": "model._partial_: got true; leave it out",
    "model._args_=[3]": "model._args_: got [3]; leave it out",
    "tags=x": "tags: expected a list, each a text, got 'x'",
    "force=1": "force: expected true or false, got 1",
    "study=null": "study: expected a text, got null",
    "optimizer.lr=abc": "optimizer.lr: expected a number > 0, got 'abc'",
    "optimizer.lr=nan": "optimizer.lr: expected a number > 0, got nan",
    "optimizer.lr=inf": "optimizer.lr: expected a number > 0, got inf",
    "optimizer.lr=0": "optimizer.lr: expected a number > 0, got 0",
    "optimizer.lr=true": "optimizer.lr: expected a number > 0, got true",
    "optimizer.decay=-0.1": "optimizer.decay: expected a number >= 0, got -0.1",
    "optimizer.fused=3": "optimizer.fused: expected true or false, got 3",
    "optimizer.betas=[0.9]": "optimizer.betas: expected a list, each a number, got [0.9]",
    "optimizer.names=[a,1]": "optimizer.names: expected a list, each a text, got ['a', 1]",
    "model.dropout=1.5": "model.dropout: expected a number in [0, 1), got 1.5",
    "model.d_hidden=8.0": "model.d_hidden: expected an integer >= 1, got 8.0",
    "model.d_hidden=null": "model.d_hidden: expected an integer >= 1, got null",
    "model.sizes=[1,x]": "model.sizes: expected a list, each an integer, got [1, 'x']",
    "model.d_input=3": "model.d_input: got 3; leave it out: seqbench fills it in",
    "data.files=x.csv": "data.files: expected a mapping or null, got 'x.csv'",
    "task.pooling=lsat": (
        "task.pooling: expected one of last, mean, max, got 'lsat'; did you mean task.pooling=last?"
    ),
    "~model.sizes": "model.sizes: expected a list, each an integer, got nothing; say model.sizes=…",
    "~scheduler": "scheduler: expected a mapping, got nothing; say scheduler=…",
    "model.d_hidden='???'": "model.d_hidden: expected a value, got none; say model.d_hidden=…",
    "model.d_hidden='${modl.x}'": (
        "model.d_hidden: expected a value, got ${modl.x}: Interpolation key 'modl.x' not found"
    ),
    "outputs=x": "outputs: expected a key of the configuration, got x; did you mean paths.outputs?",
    "paths.output=x": "paths.output: expected a key of paths, got 'x'; did you mean paths.outputs?",
    "callbacks.progres.refresh=1": (
        "callbacks.progres.refresh: expected a key of callbacks, got 1; "
        "did you mean callbacks.progress?"
    ),
    "callbacks.progress.refresh=1": (
        "callbacks.progress._target_: expected package.module.Class, got nothing"
    ),
    "seed=0,1": (
        "seed: expected one value, got 0,1; `seqbench sweep` runs every one of them; "
        "a list is written [a,b]"
    ),
    "seed": "seed: expected key=value, got no value",
    "seed=[1": "seed: expected a value that can be read, got no viable alternative at input '[1'",
    "optimizer=toyy": (
        "optimizer: expected one of adamw, sgd, toy, got toyy; did you mean optimizer=toy?"
    ),
    "debug=fsat": (
        "debug: expected one of fast, overfit, profile, got fsat; did you mean debug=fast?"
    ),
    "model._target_=subprocess.run": (
        "model._target_: expected a target that may be built from a config, got subprocess.run"
    ),
    "optimizer._target_=toy_parts.Setings": (
        "optimizer._target_: expected what exists, got toy_parts.Setings; "
        "did you mean toy_parts.Settings?"
    ),
    "optimizer._target_=no_such_thing.Adam": (
        "optimizer._target_: expected a module that can be imported, got no_such_thing.Adam; "
        "install no_such_thing, or run where it lies"
    ),
    "optimizer._target_=seqbench.tasks.optimizers.AdamQ": (
        "optimizer._target_: expected a class or function, "
        "got seqbench.tasks.optimizers.AdamQ; did you mean seqbench.tasks.optimizers.AdamW?"
    ),
    "optimizer._target_=seqbench.tasks.optimisers.AdamW": (
        "optimizer._target_: expected a class or function, "
        "got seqbench.tasks.optimisers.AdamW; did you mean seqbench.tasks.optimizers.AdamW?"
    ),
    "optimizer._target_=Adam": ("optimizer._target_: expected package.module.Class, got Adam"),
}


@pytest.mark.parametrize("override", ONE_MISTAKE)
def test_one_mistake_is_one_line(override: str, mistakes: Mistakes) -> None:
    replaced = (override.partition("=")[0].strip("+~"),)
    assert mistakes(override, chosen=replaced) == [ONE_MISTAKE[override]]


def test_all_mistakes_are_reported_at_once(mistakes: Mistakes) -> None:
    lines = mistakes(
        "model=toyy",
        "data=tyo",
        "optimizer.lrr=1",
        "model.droput=2",
        "modle=x",
        "seed=-3",
        chosen=("model", "data"),
    )
    assert [line.partition(":")[0] for line in lines] == [
        "model", "data", "seed", "model.droput", "optimizer.lrr", "modle",
    ]  # fmt: skip


def test_keys_of_a_choice_that_cannot_be_guessed_are_not_judged(mistakes: Mistakes) -> None:
    lines = mistakes("model=qqqqq", "model.peepholes=true", "sede=1", chosen=("model",))
    assert [line.partition(":")[0] for line in lines] == ["model", "sede"]


def test_a_typo_in_an_experiment_file(mistakes: Mistakes, toy_dir: Path, tmp_path: Path) -> None:
    folder = tmp_path / "more"
    (folder / "experiments").mkdir(parents=True)
    (folder / "experiments" / "mine.yaml").write_text(
        "# @package _global_\nmodel: {droput: 0.1}\noptimizr: {lr: 1}\n"
    )
    with pytest.raises(ConfigErrors) as caught:
        compose("train", [*_toys(), "experiments=mine"], config_dirs=[toy_dir, folder])
    assert caught.value.line().splitlines() == [
        "model.droput: expected a key of Encoder, got 0.1; did you mean model.dropout?",
        "optimizr.lr: expected a key of the configuration, got 1; did you mean optimizer.lr?",
    ]


@pytest.mark.parametrize(
    ("defaults", "line"),
    [
        ("override /optimizer: adamm", "optimizer: expected one of adamw, sgd, toy, got adamm; "),
        (
            "override /optimiser: sgd",
            "optimiser (in experiments/mine): expected a config group in the ",
        ),
    ],
)
def test_a_wrong_choice_in_an_experiment_file(
    defaults: str, line: str, toy_dir: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "more"
    (folder / "experiments").mkdir(parents=True)
    (folder / "experiments" / "mine.yaml").write_text(
        f"# @package _global_\ndefaults:\n  - {defaults}\n"
    )
    overrides = [item for item in _toys() if not item.startswith("optimizer")]
    with pytest.raises(ConfigErrors) as caught:
        compose("train", [*overrides, "experiments=mine", "sede=1"], config_dirs=[toy_dir, folder])
    assert caught.value.line().startswith(line)


def test_a_typo_in_a_users_option_file(toy_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "optimizer").mkdir()
    (tmp_path / "optimizer" / "mine.yaml").write_text("{_target_: toy_parts.Settings, lrr: 0.1}")
    overrides = [item for item in _toys() if not item.startswith("optimizer")]
    with pytest.raises(ConfigErrors, match=r"optimizer\.lrr: .* did you mean optimizer\.lr\?"):
        compose("train", [*overrides, "optimizer=mine"], config_dirs=[toy_dir, tmp_path])


def test_an_option_file_that_is_no_yaml(tmp_path: Path) -> None:
    (tmp_path / "optimizer").mkdir()
    file = tmp_path / "optimizer" / "mine.yaml"
    for content, line in [
        (b"a: [1\nb: }", f"{file}, line 2: expected YAML, got expected ',' or ']', but got ':'"),
        (b"\xff\xfe", "config: expected option files of YAML in UTF-8, got "),
    ]:
        file.write_bytes(content)
        with pytest.raises(ConfigErrors) as caught:
            compose("train", ["optimizer=mine", "sede=1"], config_dirs=[tmp_path])
        assert caught.value.line().startswith(line)


def test_a_config_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigErrors.__mro__[1], match="--config-dir: expected a folder, got"):
        compose("train", config_dirs=[tmp_path / "none"])


@pytest.mark.parametrize(
    ("verb", "overrides", "line"),
    [
        ("evaluate", [], "run: expected a value, got none; say run=…"),
        ("evaluate", ["run=x", "split=tset"], "did you mean split=test?"),
        ("predict", ["run=x"], "text: expected one of text=…, file=…, interactive=true, got none"),
        ("predict", ["run=x", "text=a", "file=b"], "got text and file"),
        ("predict", ["run=x", "text=a", "top=0"], "top: expected an integer >= 1 or null, got 0"),
        ("evaluate", ["run=x", "file=y", "split=train"], "split: expected nothing beside file=…"),
        ("evaluate", ["run=x", "text_column=a"], "text_column: expected null without file=…"),
        ("evaluate", ["run=x", "file=y", "text_column=0"], "text_column: expected a text or null"),
        ("benchmark", ["model=baseline/majority"], "model: expected a network, which has steps"),
        (
            "train",
            ["model=baseline/majority", "data.shuffle_tokens=true"],
            "data.shuffle_tokens: expected false with a baseline, which reads raw texts",
        ),
        ("report", ["runs=[]"], "runs: expected one or more folders, got []"),
        ("report", ["runs="], "runs: expected one or more folders, got ''"),
        ("report", ["runs=3"], "runs: expected a text or a list, each a text, got 3"),
        ("report", ["runs=x", "run=y"], "did you mean runs?"),
        ("report", ["runs=x", "model=lstm"], "model: expected one of figures, live, out, runs"),
    ],
)
def test_mistakes_of_other_verbs(verb: str, overrides: list[str], line: str) -> None:
    with pytest.raises(ConfigErrors) as caught:
        compose(verb, overrides)
    assert line in caught.value.line()


@pytest.mark.parametrize(
    ("overrides", "line"),
    [
        (
            ["model=transformer", "model.d_model=7", "model.num_heads=7"],
            "model.d_model: expected an even number with model.positions=sinusoidal, got 7",
        ),
        (
            ["model=transformer", "model.d_model=12", "model.positions=rotary"],
            "model.d_model / heads: expected an even number with model.positions=rotary, got 3",
        ),
        (
            ["model=transformer", "model.window=3"],
            "model.window: expected null unless model.causal=true, got 3; "
            "set model.causal=true or model.window=null",
        ),
        (
            ["trainer.extra.max_tim=1"],
            "trainer.extra.max_tim: expected a keyword of pytorch_lightning.Trainer, got 1; "
            "did you mean trainer.extra.max_time?",
        ),
    ],
)
def test_what_a_constructor_would_refuse_is_said_before(overrides: list[str], line: str) -> None:
    with pytest.raises(ConfigErrors) as caught:
        compose_job(overrides)
    assert caught.value.line() == line


@pytest.mark.parametrize(
    ("overrides", "line"),
    [
        (
            ["trainer.accelerator=cpu", "trainer.precision=16-mixed"],
            "trainer.precision: expected 32-true, bf16-mixed or 64-true with "
            "trainer.accelerator=cpu, got '16-mixed'; use trainer.precision=bf16-mixed",
        ),
    ],
)
def test_combinations_that_cannot_work(overrides: list[str], line: str, mistakes: Mistakes) -> None:
    assert mistakes(*overrides) == [line]


def _toys() -> list[str]:
    groups = ("data", "tokenizer", "inputs", "model", "optimizer", "scheduler", "trainer")
    return [*(f"{group}=toy" for group in groups), "callbacks=none", "logger=none"]

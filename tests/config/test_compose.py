"""Composing: choices, values, experiments, the user's own parts; and what a verb is called with."""

from __future__ import annotations

import io
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from seqbench.config.compose import compose, compose_job, run_verb
from seqbench.config.job import Job
from seqbench.errors import ConfigError, ConfigErrors


def experiment(folder: Path, text: str) -> Path:
    """A config folder that holds experiments/mine.yaml."""
    (folder / "experiments").mkdir(parents=True)
    (folder / "experiments" / "mine.yaml").write_text(f"# @package _global_\n{text}")
    return folder


def test_values_and_choices_reach_the_job(toy_dir: Path, toy: list[str]) -> None:
    job = compose_job([*toy, "optimizer.lr=3e-4", "seed=2", "tags=[a]"], config_dirs=[toy_dir])
    assert job.config["optimizer"]["lr"] == 3e-4
    assert job.config["model"]["sizes"] == [1, 2]
    assert (job.seed, job.study, job.config["tags"]) == (2, "default", ["a"])
    assert job.config["choices"]["model"] == "toy"
    assert job.config["choices"]["task"] == "toy"
    assert job.overrides[-1] == "tags=[a]"


def test_the_task_comes_with_the_data(toy_dir: Path, toy: list[str]) -> None:
    config = compose("train", toy, config_dirs=[toy_dir])
    assert config.task._target_ == "toy_parts.Task"


def test_the_task_can_be_chosen_and_set(toy_dir: Path, toy: list[str]) -> None:
    job = compose_job([*toy, "task=toy", "+task.pooling=max"], config_dirs=[toy_dir])
    assert job.config["task"]["pooling"] == "max"


def test_a_plus_before_a_choice_that_is_there_already_is_forgiven(
    toy_dir: Path, toy: list[str]
) -> None:
    toy.remove("model=toy")
    job = compose_job([*toy, "+model=wide"], config_dirs=[toy_dir])
    assert job.config["choices"]["model"] == "wide"


def test_an_experiment_changes_choices_and_values(
    toy_dir: Path, toy: list[str], tmp_path: Path
) -> None:
    toy.remove("model=toy")
    text = "defaults: [{override /model: wide}]\nseed: 4\nmodel: {width: 9}\n"
    folder = experiment(tmp_path / "own", text)
    job = compose_job([*toy, "experiments=mine"], config_dirs=[toy_dir, folder])
    assert (job.config["model"]["width"], job.seed, job.study) == (9, 4, "mine")


def test_the_command_line_wins_over_the_experiment(
    toy_dir: Path, toy: list[str], tmp_path: Path
) -> None:
    folder = experiment(tmp_path / "own", "seed: 4\nstudy: other\n")
    job = compose_job([*toy, "experiments=mine", "seed=5"], config_dirs=[toy_dir, folder])
    assert (job.seed, job.study) == (5, "other")


def test_debug_wins_over_the_experiment(toy_dir: Path, toy: list[str], tmp_path: Path) -> None:
    folder = experiment(tmp_path / "own", "study: other\ntrainer: {max_epochs: 9}\n")
    toy = [item for item in toy if not item.startswith("logger")]
    job = compose_job([*toy, "experiments=mine", "debug=fast"], config_dirs=[toy_dir, folder])
    assert (job.study, job.config["trainer"]["max_epochs"]) == ("debug", 1)
    assert job.config["choices"]["logger"] == "none"


def test_a_users_class_takes_the_place_of_the_default_option(toy_dir: Path, toy: list[str]) -> None:
    toy.remove("model=toy")
    overrides = [*toy, "model._target_=toy_parts.WideEncoder", "model.width=5"]
    job = compose_job(overrides, config_dirs=[toy_dir])
    assert job.config["model"] == {"_target_": "toy_parts.WideEncoder", "width": 5}
    assert job.config["choices"]["model"] == "wide_encoder"
    assert "-wide_encoder-s0-" in job.run_id


def test_a_class_in_place_of_an_options_own_gives_the_run_its_name() -> None:
    job = compose_job(["model=lstm", "model._target_=seqbench.models.gru.GRU"])
    assert job.config["choices"]["model"] == "gru"
    assert job.run_id.startswith("docstrings-gru-s0-")


@pytest.mark.parametrize("chosen", [[], ["model=baseline/majority"]])
def test_a_baseline_is_known_by_its_class(chosen: list[str], toy_dir: Path) -> None:
    job = compose_job([*chosen, "model._target_=toy_parts.OwnBaseline"])
    assert job.config["choices"]["model"] == "baseline/own_baseline"
    assert job.run_id.startswith("docstrings-own_baseline-s0-")
    ours = compose_job(["model._target_=seqbench.baselines.majority.Majority"])
    assert ours.run_id == compose_job(["model=baseline/majority"]).run_id
    assert ours.config["choices"] == compose_job(["model=baseline/majority"]).config["choices"]


def test_no_preset_can_be_said(toy_dir: Path, toy: list[str]) -> None:
    job = compose_job([*toy, "debug=fast", "debug=null"], config_dirs=[toy_dir])
    assert (job.study, job.config["trainer"]) == (
        "default",
        {"_target_": "toy_parts.anything", "threads": 1},
    )


@pytest.mark.parametrize("flag", ["--resolve", "--package=model"])
def test_flags_that_need_another(flag: str) -> None:
    with pytest.raises(ConfigError, match="means something beside --cfg alone"):
        run_verb("train", [flag], lambda job, settings: 0)


def test_a_users_class_with_a_chosen_option_keeps_its_keys(toy_dir: Path, toy: list[str]) -> None:
    with pytest.raises(ConfigErrors, match=r"model\.d_hidden: expected one of WideEncoder's keys"):
        compose_job([*toy, "model._target_=toy_parts.WideEncoder"], config_dirs=[toy_dir])


def test_interpolations_are_resolved(
    toy_dir: Path, toy: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEQBENCH_CACHE", str(tmp_path))
    monkeypatch.setenv("SEQBENCH_DATASETS", "/mirror")
    job = compose_job([*toy, "model.d_hidden=${seed}", "seed=7"], config_dirs=[toy_dir])
    assert job.config["model"]["d_hidden"] == 7
    assert job.config["paths"] == {
        "outputs": "outputs", "datasets": "/mirror", "cache": tmp_path.as_posix(),
    }  # fmt: skip


def test_caches_follow_the_platform(
    toy_dir: Path, toy: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SEQBENCH_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "/xdg")
    assert compose_job(toy, config_dirs=[toy_dir]).config["paths"]["cache"] == "/xdg/seqbench"


TEXTS = [
    "plain", "I love it, truly: a=b", "it's 'quoted' \"twice\"", "ends in \\", "\\'", "\\\\'x\\\\",
    "${seed} and $HOME", "[a, b]", "{a: b}", "null", "  spaces ", "naïve — ✓",
]  # fmt: skip


@pytest.mark.parametrize("text", TEXTS)
def test_any_text_is_one_text(text: str) -> None:
    seen: list[dict[str, Any]] = []
    assert run_verb("predict", ["run=x", f"text={text}"], lambda said: seen.append(said) or 0) == 0
    assert seen[0]["text"] == text


def test_train_is_called_with_a_job_and_what_to_do_again(toy_dir: Path, toy: list[str]) -> None:
    seen: list[Any] = []
    argv = ["--config-dir", str(toy_dir), *toy]
    assert run_verb("train", argv, lambda *arguments: seen.append(arguments) or 3) == 3
    job, settings = seen[0]
    assert job.run_id == compose_job(toy, config_dirs=[toy_dir]).run_id
    assert job.overrides == tuple(toy)
    assert settings == {"from": None}
    run_verb("train", [*argv, "from=x"], lambda *arguments: seen.append(arguments) or 0)
    job, settings = seen[1]
    assert (job.run_id, "from" in job.config) == (seen[0][0].run_id, False)
    assert settings == {"from": "x"}


def test_benchmark_is_called_with_a_job_and_settings(toy_dir: Path, toy: list[str]) -> None:
    seen: list[Any] = []
    argv = ["--config-dir", str(toy_dir), *toy, "steps=7"]
    assert run_verb("benchmark", argv, lambda job, said: seen.append((job, said)) or 0) == 0
    job, settings = seen[0]
    assert settings == {"steps": 7, "warmup": 50, "rounds": 3}
    assert job.run_id == compose_job(toy, config_dirs=[toy_dir]).run_id


def test_what_a_verb_raises_comes_through(toy_dir: Path, toy: list[str]) -> None:
    def fails(job: Job, settings: dict[str, Any]) -> int:
        raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        run_verb("train", ["--config-dir", str(toy_dir), *toy], fails)


def test_a_verb_is_not_called_after_a_mistake(toy_dir: Path, toy: list[str]) -> None:
    def never(job: Job, settings: dict[str, Any]) -> int:
        raise AssertionError

    with pytest.raises(ConfigErrors, match=r"did you mean seed\?"):
        run_verb("train", ["--config-dir", str(toy_dir), *toy, "sed=1"], never)


def test_cfg_prints_the_configuration(toy_dir: Path, toy: list[str]) -> None:
    printed = io.StringIO()
    with redirect_stdout(printed):
        argv = ["--config-dir", str(toy_dir), *toy, "seed=5", "--cfg", "job"]
        assert run_verb("train", argv, lambda job, settings: 9) == 0
    assert "seed: 5" in printed.getvalue()
    assert "_target_: toy_parts.Encoder" in printed.getvalue()


@pytest.mark.parametrize(
    ("flag", "line"),
    [
        ("--bogus", "flags: got unrecognized arguments: --bogus; see seqbench <verb> --help"),
        ("--multirun", "flags: got --multirun, which has no meaning here; "),
        ("--config-name=x", "flags: got --config-name, which has no meaning here; "),
        ("--cfg=jbo", "flags: got argument --cfg/-c: invalid choice: 'jbo'"),
    ],
)
def test_flags_that_mean_nothing(flag: str, line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        run_verb("evaluate", ["run=x", flag], lambda said: 0)
    assert caught.value.line().startswith(line)


def test_no_files_of_hydras_own(
    toy_dir: Path, toy: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run_verb("train", ["--config-dir", str(toy_dir), *toy], lambda job, settings: 0)
    assert list(tmp_path.iterdir()) == []


def test_composing_inside_a_hydra_program_leaves_it_alone(toy_dir: Path, toy: list[str]) -> None:
    from hydra import initialize_config_dir
    from hydra.core.global_hydra import GlobalHydra

    with initialize_config_dir(str(toy_dir), version_base="1.3"):
        outer = GlobalHydra.instance().hydra
        compose_job(toy, config_dirs=[toy_dir])
        assert GlobalHydra.instance().hydra is outer

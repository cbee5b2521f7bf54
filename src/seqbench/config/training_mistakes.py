"""What a trainer or a budget cannot do together with the rest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seqbench.config.signatures import ours
from seqbench.config.source_signatures import installed_parameters
from seqbench.config.suggest import did_you_mean, nearest
from seqbench.errors import ConfigError

# What else ends a training or an epoch, in `trainer` and in `trainer.extra`, and there alone.
_LIMITS = ("max_steps", "limit_train_batches", "overfit_batches")
_LIGHTNINGS_LIMITS = ("max_epochs", "max_time", "min_epochs", "min_steps", "fast_dev_run")
BAG_OF_WORDS, MLP = "seqbench.models.bow.BagOfWords", "seqbench.models.mlp.MLP"


def half_precision_on_cpu(config: Mapping[str, Any]) -> list[ConfigError]:
    """float16 needs a GPU; bfloat16 does not."""
    trainer = config.get("trainer") or {}
    if trainer.get("accelerator") == "cpu" and trainer.get("precision") == "16-mixed":
        return [
            ConfigError(
                "trainer.precision",
                expected="32-true, bf16-mixed or 64-true with trainer.accelerator=cpu",
                got="'16-mixed'",
                remedy="use trainer.precision=bf16-mixed",
            )
        ]
    return []


def rollbacks_are_of_one_process(config: Mapping[str, Any]) -> list[ConfigError]:
    """A rollback needs the epoch's beginning on disk, and all to see the same loss at once."""
    trainer = ours(config, "trainer")
    if trainer.get("on_divergence") != "rollback":
        return []
    wanted = {"devices": 1, "overfit_batches": 0}
    return [
        ConfigError(
            f"trainer.{key}",
            expected=f"{value} with trainer.on_divergence=rollback",
            got=str(trainer[key]),
            remedy="use trainer.on_divergence=fail",
        )
        for key, value in wanted.items()
        if trainer.get(key, value) != value
    ]


def lightning_knows_extras(config: Mapping[str, Any]) -> list[ConfigError]:
    """`trainer.extra` is handed to Lightning's Trainer, whose source says what it takes."""
    extra = ours(config, "trainer").get("extra")
    if not isinstance(extra, Mapping) or not extra:
        return []
    known = installed_parameters("pytorch_lightning", "trainer/trainer.py", "Trainer")
    if not known:
        return []
    errors = []
    for name in extra:
        if name not in known:
            near = nearest(str(name), known)
            errors.append(
                ConfigError(
                    f"trainer.extra.{name}",
                    expected="a keyword of pytorch_lightning.Trainer",
                    got=str(extra[name]),
                    remedy=did_you_mean(f"trainer.extra.{near}" if near else None),
                )
            )
    return errors


def budgets_mean_something(config: Mapping[str, Any]) -> list[ConfigError]:
    """FLOPs or time, not both; of a verb that trains to an end; what belongs to parameters."""
    budget = config.get("budget") or {}
    asked = _ending(config)
    errors = []
    if len(asked) > 1:
        got = " and ".join(f"budget.{key}={budget[key]}" for key in asked)
        errors.append(ConfigError("budget", expected="flops or seconds, not both", got=got))
    if asked and "rounds" in config:
        errors.append(
            ConfigError(
                f"budget.{asked[0]}",
                expected="null for benchmark, which times a number of steps",
                got=str(budget[asked[0]]),
            )
        )
    if budget.get("embeddings") == "excluded" and budget.get("params") is None:
        errors.append(
            ConfigError(
                "budget.embeddings",
                expected="included without budget.params, which it belongs to",
                got="'excluded'",
                remedy="say budget.params=… too",
            )
        )
    return errors


def one_thing_ends_training(config: Mapping[str, Any]) -> list[ConfigError]:
    """Where FLOPs or time do, nothing of the trainer does, nor does anything spend in vain."""
    asked, trainer = _ending(config), ours(config, "trainer")
    if not asked:
        return []
    errors = []
    if trainer.get("on_divergence") == "rollback":
        errors.append(
            ConfigError(
                "trainer.on_divergence",
                expected=f"fail with budget.{asked[0]}: what is thrown away has been spent too",
                got="'rollback'",
                remedy="leave one of the two out",
            )
        )
    said = {f"trainer.{key}": trainer.get(key) for key in _LIMITS}
    extra = trainer.get("extra")
    if isinstance(extra, Mapping):
        said |= {f"trainer.extra.{key}": extra.get(key) for key in (*_LIMITS, *_LIGHTNINGS_LIMITS)}
    return errors + [
        ConfigError(
            key,
            expected=f"null with budget.{asked[0]}, which alone says how much is trained",
            got=str(value),
            remedy="leave one of the two out",
        )
        for key, value in said.items()
        if value not in (None, 0, -1)  # as Lightning has it for none
    ]


def _ending(config: Mapping[str, Any]) -> list[str]:
    """The budgets that end the training."""
    budget = config.get("budget") or {}
    return [key for key in ("flops", "seconds") if budget.get(key) is not None]


def budgets_have_a_width(config: Mapping[str, Any]) -> list[ConfigError]:
    """A size can be solved for where there is a width; of ours, two models may have none."""
    params, model = (config.get("budget") or {}).get("params"), ours(config, "model")
    target = model.get("_target_")
    without = target == BAG_OF_WORDS or (target == MLP and model.get("num_layers") == 0)
    if params is None or not without:
        return []
    return [
        ConfigError(
            "budget.params",
            expected="null for a model without a width to solve for",
            got=f"{params} with {target}",
            remedy="leave it out; the size of its embeddings is inputs.d_embed",
        )
    ]

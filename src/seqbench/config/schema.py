"""The keys of each verb's configuration, as signatures like everyone else's.

Group nodes are checked against their own `_target_`; these cover what has none. A test keeps the
defaults here and in conf/*.yaml equal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Annotated, Any, Literal

from seqbench.domains import Bounds, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

Node = dict[str, object]
Seed = Annotated[int, Bounds(low=0, high=2**32 - 1)]  # numpy's range, hence Lightning's


@dataclass(frozen=True, kw_only=True)
class PathKeys:
    """`paths`: where runs, local mirrors of datasets and caches lie."""

    outputs: str = "outputs"
    datasets: str | None = None
    cache: str


@dataclass(frozen=True, kw_only=True)
class BudgetKeys:
    """`budget`: what all models of a comparison are to have alike; null leaves it to each."""

    params: Annotated[int, Bounds(low=1, high=10**12)] | None = None
    embeddings: Literal["included", "excluded"] = "included"
    flops: PositiveFloat | None = None
    seconds: PositiveFloat | None = None

    @property
    def ends_training(self) -> bool:
        """Whether compute or time does, in place of a number of epochs."""
        return self.flops is not None or self.seconds is not None

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> BudgetKeys:
        """What a run's config asks for; one made before there were budgets asks for nothing."""
        return cls(**config.get("budget", {}))


@dataclass(frozen=True, kw_only=True)
class CallbackKeys:
    """`callbacks`: what watches a run; null leaves it out."""

    early_stopping: Node | None = None
    progress: Node | None = None


@dataclass(frozen=True, kw_only=True)
class LoggerKeys:
    """`logger`: mirrors of the local record; null leaves it out."""

    wandb: Node | None = None


@dataclass(frozen=True, kw_only=True)
class RunKeys:
    """conf/run.yaml."""

    data: Node
    tokenizer: Node
    inputs: Node
    model: Node
    task: Node
    optimizer: Node
    scheduler: Node
    trainer: Node
    callbacks: Node
    logger: Node
    paths: Node
    budget: Node
    seed: Seed = 0
    study: str = "default"
    question: str | None = None
    claims: list[Node] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    force: bool = False


@dataclass(frozen=True, kw_only=True)
class TrainKeys(RunKeys):
    """conf/train.yaml."""

    from_: str | None = None


@dataclass(frozen=True, kw_only=True)
class SweepKeys(RunKeys):
    """conf/sweep.yaml."""

    dry_run: bool = False
    watch: bool = False
    retry_failed: bool = True
    rerun: Literal["stale"] | None = None
    report: bool = True
    export: Literal["wandb"] | None = None


@dataclass(frozen=True, kw_only=True)
class BenchmarkKeys(RunKeys):
    """conf/benchmark.yaml."""

    steps: PositiveInt = 200
    warmup: NonNegativeInt = 50
    rounds: PositiveInt = 3


@dataclass(frozen=True, kw_only=True)
class EvaluateKeys:
    """conf/evaluate.yaml."""

    paths: Node
    run: str
    split: Literal["train", "validation", "test"] = "test"
    file: str | None = None
    text_column: str | None = None
    label_column: str | None = None


@dataclass(frozen=True, kw_only=True)
class PredictKeys:
    """conf/predict.yaml."""

    paths: Node
    run: str
    text: str | None = None
    file: str | None = None
    interactive: bool = False
    top: PositiveInt | None = None
    tokens: PositiveInt | None = None
    temperature: NonNegativeFloat | None = None
    top_k: PositiveInt | None = None
    top_p: Annotated[float, Bounds(low=0, high=1, open_low=True)] | None = None
    repetition_penalty: PositiveFloat | None = None
    samples: PositiveInt | None = None
    seed: Seed | None = None


@dataclass(frozen=True, kw_only=True)
class ReportKeys:
    """conf/report.yaml."""

    runs: str | list[str]
    out: str | None = None
    figures: bool = True
    live: bool = False


@dataclass(frozen=True, kw_only=True)
class PublishKeys:
    """conf/publish.yaml."""

    runs: str | list[str]
    project: str | None = None
    entity: str | None = None
    title: str | None = None
    dry_run: bool = False


PRIMARY: dict[str, type] = {
    "train": TrainKeys,
    "sweep": SweepKeys,
    "benchmark": BenchmarkKeys,
    "evaluate": EvaluateKeys,
    "predict": PredictKeys,
    "report": ReportKeys,
    "publish": PublishKeys,
}


def key_of(name: str) -> str:
    """The key that a field stands for: `from` is a word of Python's, hence `from_`."""
    return name.removesuffix("_")


# What is part of a run; further keys of `train`, `sweep` and `benchmark` are the verb's own.
RUN_KEYS = frozenset(key_of(item.name) for item in fields(RunKeys))

PLAIN_NODES: dict[str, type] = {
    "paths": PathKeys,
    "budget": BudgetKeys,
    "callbacks": CallbackKeys,
    "logger": LoggerKeys,
}

# Keys that the code fills in when it builds the node, never the user.
INJECTED: dict[str, frozenset[str]] = {
    "data": frozenset({"tokenizer", "seed", "cache_dir", "datasets_dir"}),
    "inputs": frozenset({"vocab_size", "pad_id"}),
    "model": frozenset({"d_input"}),
    "task": frozenset({"inputs", "encoder", "spec", "optimizer", "scheduler"}),
}

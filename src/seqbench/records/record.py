"""The schema of `record.json`: what is kept of a run, documented field by field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from seqbench.errors import RecordError
from seqbench.records.names import is_below
from seqbench.records.plain_json import node
from seqbench.records.schema import from_plain, to_plain

SCHEMA = 4
READABLE = (2, 3, SCHEMA)
COMPLETED, PRUNED, FAILED, INTERRUPTED = "completed", "pruned", "failed", "interrupted"
STATUSES = (COMPLETED, PRUNED, FAILED, INTERRUPTED)
BUDGET_TOLERANCE = 0.01
"""How far a model's size may lie from a budget of parameters, as a share of it."""


@dataclass(frozen=True, kw_only=True)
class RunError:
    """Why a run did not complete.

    Attributes:
        type: the exception's class, e.g. "TrainingError"; for a signal its name, e.g. "SIGTERM".
        message: the exception's text, one line where it is the user's to mend.
        traceback: the Python traceback; empty where it would not help.
        details: what else is known, by name. Of a training that diverged: step, epoch,
            learning_rate, gradient_norm, last_finite (metrics by name), and rollbacks where it went
            back before; of one without memory: the keys that decide what it needs.
    """

    type: str
    message: str
    traceback: str = ""
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Rollback:
    """A training that diverged went back to the beginning of the epoch, on with smaller steps.

    Attributes:
        diverged_at: the optimizer step whose loss was not finite.
        back_to: optimizer steps that were kept.
        learning_rate_scale: what every learning rate is multiplied by since.
    """

    diverged_at: int
    back_to: int
    learning_rate_scale: float


@dataclass(frozen=True, kw_only=True)
class GitState:
    """The checkout that the code was run from.

    Attributes:
        commit: the full hash of HEAD.
        dirty: whether tracked files differ from it.
    """

    commit: str
    dirty: bool


@dataclass(frozen=True, kw_only=True)
class Arithmetic:
    """What a run's bits hang on beside its config, code, versions and data.

    Attributes:
        cpu_capability: the instructions that torch's own CPU kernels use, e.g. "AVX2".
        threads: of the CPU that torch and the numerical libraries compute with.
        world_size: processes that train.
        deterministic: whether operations whose result is not the same twice are refused.
        cuda: versions of "cuda" and "cudnn" where the run uses a GPU; else empty.
        environment: those environment variables that steer numerical libraries and were set.
    """

    cpu_capability: str
    threads: int
    world_size: int
    deterministic: bool
    cuda: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """Which code, data and machine made the run; nothing secret and no host name.

    Attributes:
        versions: version by distribution name, and of "python".
        code: hash of the package's own source files and of the user's own that the config names;
            another value means other code.
        git: the checkout's state; None for an installed package.
        platform: operating system and architecture.
        cpu: the processor's model name.
        cores: logical cores that the process may use.
        device: what the model was trained on, e.g. "cpu" or the GPU's name; None if unknown.
        command: the command line, secrets replaced by `***`.
        started: start of the run, UTC, ISO 8601.
        finished: its end; None while it lasts.
        data_fingerprint: hash of the texts, labels and splits that were really used.
        tokenizer_fingerprint: hash of the tokenizer; None where none is used.
        data_notes: how the data was treated, e.g. "test: 12 texts cut to their first 64 tokens".
        overlaps: exact duplicates between two splits, e.g. {"train/test": 12}.
        arithmetic: how it computed; None where it did not get so far.
    """

    versions: dict[str, str]
    code: str
    git: GitState | None
    platform: str
    cpu: str
    cores: int
    device: str | None
    command: str
    started: str
    finished: str | None = None
    data_fingerprint: str | None = None
    tokenizer_fingerprint: str | None = None
    data_notes: list[str] = field(default_factory=list)
    overlaps: dict[str, int] = field(default_factory=dict)
    arithmetic: Arithmetic | None = None


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What the run cost; None where a figure does not apply or was not reached.

    Attributes:
        parameters: trainable parameters.
        parameters_without_embeddings: those outside the input embeddings.
        epochs: passes over the training split that were finished.
        steps: optimizer steps.
        tokens: training tokens seen, padding not counted.
        flops: of all forward and backward passes of training, padding included: products of
            matrices, a multiplication with its addition as 2; counted at a few lengths of batch.
        train_seconds: wall time of fitting, validation included.
        setup_seconds: wall time until fitting began: data, tokenizer, model.
        test_seconds: wall time of the pass over the test split.
        tokens_per_second: `tokens` over the time spent in training steps.
        peak_memory_bytes: device memory at its peak, or the process's on a CPU.
        state_bytes: what a causal encoder carries from position to position of one sequence, after
            as many positions as the longest example may have.
    """

    parameters: int | None = None
    parameters_without_embeddings: int | None = None
    epochs: int | None = None
    steps: int | None = None
    tokens: int | None = None
    flops: float | None = None
    train_seconds: float | None = None
    setup_seconds: float | None = None
    test_seconds: float | None = None
    tokens_per_second: float | None = None
    peak_memory_bytes: int | None = None
    state_bytes: int | None = None


@dataclass(frozen=True, kw_only=True)
class Primary:
    """The metric by which configurations are compared.

    Attributes:
        name: a key of the scores, e.g. "accuracy".
        higher_is_better: its direction.
    """

    name: str
    higher_is_better: bool


@dataclass(frozen=True, kw_only=True)
class LengthBin:
    """The test examples of a range of lengths, both ends inside.

    Attributes:
        low: the shortest length of the bin, in tokens.
        high: the longest.
        n: test examples in it.
        accuracy: the share of them classified rightly.
    """

    low: int
    high: int
    n: int
    accuracy: float | None


@dataclass(frozen=True, kw_only=True)
class Confusion:
    """Which class was taken for which.

    Attributes:
        labels: class names by id.
        counts: test examples; row = true class, column = predicted class.
    """

    labels: list[str]
    counts: list[list[int]]


@dataclass(frozen=True, kw_only=True)
class Samples:
    """Texts that a language model wrote by itself at one temperature, and how they are.

    Attributes:
        temperature: divides the logits; 0 takes the likeliest token each time.
        prompts: what each text goes on from: places of the validation split.
        texts: what was written.
        tokens: tokens of all texts.
        distinct_1: different tokens over tokens, counted over all texts.
        distinct_2: different pairs of neighbouring tokens over such pairs.
        distinct_3: likewise of triples.
        repetition: share of tokens that end a run of four which stood in the same text before.
        entropy: of the distribution that tokens were drawn from, in nats; the mean over tokens.
        perplexity: of the texts under the model as it is, at temperature 1.
    """

    temperature: float
    prompts: list[str]
    texts: list[str]
    tokens: int
    distinct_1: float | None
    distinct_2: float | None
    distinct_3: float | None
    repetition: float | None
    entropy: float | None
    perplexity: float | None


@dataclass(frozen=True, kw_only=True)
class Scores:
    """How well the run did; empty for one that did not get so far.

    Attributes:
        primary: the metric by which to compare, and its direction.
        best_epoch: the epoch whose checkpoint was kept, counted from 0; None for baselines.
        validation: score by name at the best epoch, e.g. {"accuracy": 0.9, "loss": 0.3}.
        test: score by name, from the one pass over the test split.
        per_class: by class name: precision, recall, f1, support.
        per_length: accuracy by ranges of length that hold about as many examples each.
        confusion: the confusion matrix of the test split; None where there are no classes.
        samples: texts that a language model wrote, one entry a temperature; else empty.
    """

    primary: Primary | None = None
    best_epoch: int | None = None
    validation: dict[str, float | None] = field(default_factory=dict)
    test: dict[str, float | None] = field(default_factory=dict)
    per_class: dict[str, dict[str, float | None]] = field(default_factory=dict)
    per_length: list[LengthBin] = field(default_factory=list)
    confusion: Confusion | None = None
    samples: list[Samples] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What all runs of a comparison were to have alike, and what this one came to.

    Attributes:
        params: parameters asked for; None: as many as the config's widths make.
        embeddings: whether input embeddings count among them: "included" or "excluded".
        widths: the model's arguments that were solved for, e.g. {"d_hidden": 181}; they stand in
            place of the config's.
        params_reached: how many of such parameters the model has.
        flops: training FLOPs asked for, counted as in the cost; None: not limited.
        flops_reached: FLOPs of the training; None where they could not be counted.
        seconds: seconds of training steps asked for; None: not limited.
        seconds_reached: seconds of the training steps that the result is made of, over all tries,
            validation left out; what a killed try lost is not among them.
        used_up: whether FLOPs or seconds ended the training, and nothing before; None where neither
            was asked for.
        reproducible: whether the same command can give the same bits: not where time ends it.
    """

    params: int | None
    embeddings: str
    widths: dict[str, int]
    params_reached: int | None
    flops: float | None
    flops_reached: float | None
    seconds: float | None
    seconds_reached: float | None
    used_up: bool | None
    reproducible: bool


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """One run: what was asked, what came out, what it cost, what made it.

    Numbers that are not finite are stored as null, because JSON has no word for them.

    Attributes:
        schema: version of this schema; an older one is read while it can be told what it means.
        run_id: `<data>-<model>-s<seed>-<hash8>`, the run's identity.
        study: the study that it belongs to, the folder above the run folder.
        seed: the seed of everything random.
        status: "completed"; "pruned" (a search gave it up: validated so far, never tested);
            "failed"; "interrupted" (can be resumed).
        error: why it failed or was interrupted; None for any other run.
        config: the resolved config; its `choices` name the option taken of each group.
        overrides: what the command line changed, e.g. ["model=gru", "seed=1"].
        provenance: which code, data and machine made it.
        cost: what it cost.
        scores: how well it did.
        budget: what it was to have alike with others; None where nothing was asked for, where that
            is not for it (a baseline has neither width nor steps), or it did not get so far.
        weights: hash of the weights that were kept, names and shapes included; None for a baseline.
        rollbacks: how often it went back after a loss that was not finite, the first first.
    """

    schema: int = SCHEMA
    run_id: str
    study: str
    seed: int
    status: str
    error: RunError | None = None
    config: dict[str, Any]
    overrides: list[str]
    provenance: Provenance
    cost: Cost
    scores: Scores
    budget: Budget | None = None
    weights: str | None = None
    rollbacks: list[Rollback] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Refuses a status that no reader would understand, and names that lead elsewhere.

        Raises:
            RecordError: `status` is none of STATUSES; study or run id are no folders' names.
        """
        if self.status not in STATUSES:
            raise RecordError("status", expected=f"one of {STATUSES}", got=repr(self.status))
        for name in ("study", "run_id"):
            if not is_below(getattr(self, name)):
                expected, got = "a name for a folder", repr(getattr(self, name))[:80]
                raise RecordError(name, expected=expected, got=got)

    @classmethod
    def of(
        cls,
        config: Mapping[str, Any],
        overrides: Sequence[str],
        *,
        status: str,
        provenance: Provenance,
        error: RunError | None = None,
        cost: Cost | None = None,
        scores: Scores | None = None,
        budget: Budget | None = None,
        weights: str | None = None,
        rollbacks: Sequence[Rollback] = (),
    ) -> RunRecord:
        """The record of the run that this resolved config names."""
        return cls(
            run_id=config["run_id"],
            study=config["study"],
            seed=config["seed"],
            status=status,
            error=error,
            config=dict(config),
            overrides=list(overrides),
            provenance=provenance,
            cost=cost or Cost(),
            scores=scores or Scores(),
            budget=budget,
            weights=weights,
            rollbacks=list(rollbacks),
        )

    def group(self, name: str) -> Mapping[str, Any]:
        """A group of the config, such as "data"; empty where a foreign record has none."""
        return node(self.config, name)

    def to_dict(self) -> dict[str, Any]:
        """Plain containers, as `record.json` holds them."""
        plain: dict[str, Any] = to_plain(self)
        return plain

    @classmethod
    def from_dict(cls, plain: dict[str, Any], name: str = "record") -> RunRecord:
        """The record that `to_dict` wrote; one of an older schema lacks what was not yet recorded.

        Args:
            plain: what `record.json` holds.
            name: the file's name, for errors.

        Raises:
            RecordError: another schema version, an unknown or missing field, a wrong type.
        """
        schema = plain.get("schema") if isinstance(plain, dict) else None
        if isinstance(schema, int) and schema not in READABLE:
            raise RecordError(
                name,
                expected=f"schema {SCHEMA}",
                got=f"schema {schema}",
                remedy="read it with the version of seqbench that wrote it, or run it again",
            )
        older = isinstance(schema, int) and schema < SCHEMA
        return from_plain(cls, {**plain, "schema": SCHEMA} if older else plain, name, older=older)

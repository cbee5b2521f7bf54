"""Combinations of keys that cannot work, each key right by itself.

What a constructor would refuse only once data has been read is said here before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from seqbench.config.signatures import is_baseline
from seqbench.config.source_signatures import installed_parameters
from seqbench.config.suggest import did_you_mean, nearest
from seqbench.errors import ConfigError
from seqbench.records.names import is_below
from seqbench.records.stated_claims import stated_claims

LANGUAGE_MODELING = "seqbench.tasks.language_modeling.LanguageModeling"
LEARNED = "seqbench.models.inputs.LearnedEmbedding"
SUBWORDS = tuple(f"seqbench.data.tokenizers.{name}." for name in ("bpe", "wordpiece", "unigram"))
BAG_OF_WORDS, MLP = "seqbench.models.bow.BagOfWords", "seqbench.models.mlp.MLP"
WITHOUT_CONTEXT = (BAG_OF_WORDS, MLP)
CAUSAL_OPTIONS = {
    "seqbench.models.cnn.CNN": "model=causal_cnn, or model.causal=true",
    "seqbench.models.cnn_lstm.CNNLSTM": "model=causal_cnn_lstm, or model.causal=true model.pool=1",
    "seqbench.models.transformer.Transformer": "model=causal_transformer, or model.causal=true",
}

CrossCheck = Callable[[Mapping[str, Any]], list[ConfigError]]


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
    trainer = _ours(config, "trainer")
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


def heads_divide_width(config: Mapping[str, Any]) -> list[ConfigError]:
    """Attention heads share the model's width evenly."""
    model = config.get("model") or {}
    width, heads = model.get("d_model"), model.get("num_heads")
    if isinstance(width, int) and isinstance(heads, int) and width % heads:
        return [
            ConfigError(
                "model.num_heads",
                expected=f"a divisor of model.d_model={width}",
                got=str(heads),
                remedy="change one of the two",
            )
        ]
    return []


def causal_looks_back(config: Mapping[str, Any]) -> list[ConfigError]:
    """A causal model neither reads backwards nor pools positions."""
    model = config.get("model") or {}
    if model.get("causal") is not True:
        return []
    errors = []
    if model.get("bidirectional") is True:
        errors.append(
            ConfigError("model.bidirectional", expected="false with model.causal=true", got="true")
        )
    if isinstance(model.get("pool"), int) and model["pool"] > 1:
        errors.append(
            ConfigError("model.pool", expected="1 with model.causal=true", got=str(model["pool"]))
        )
    return errors


def window_looks_back(config: Mapping[str, Any]) -> list[ConfigError]:
    """A window is of positions before; without causality there is nothing to limit."""
    model = _ours(config, "model")
    if model.get("window") is None or model.get("causal") is not False:
        return []
    return [
        ConfigError(
            "model.window",
            expected="null unless model.causal=true",
            got=str(model["window"]),
            remedy="set model.causal=true or model.window=null",
        )
    ]


def positions_come_in_pairs(config: Mapping[str, Any]) -> list[ConfigError]:
    """Sinusoidal and rotary positions are pairs of sine and cosine."""
    model = _ours(config, "model")
    width, heads, kind = (model.get(key) for key in ("d_model", "num_heads", "positions"))
    if not isinstance(width, int) or not isinstance(heads, int) or width % heads:
        return []
    even = {
        "sinusoidal": ("model.d_model", width),
        "rotary": ("model.d_model / heads", width // heads),
    }
    if kind not in even or even[kind][1] % 2 == 0:
        return []
    name, got = even[kind]
    return [ConfigError(name, expected=f"an even number with model.positions={kind}", got=str(got))]


def only_networks_have_steps(config: Mapping[str, Any]) -> list[ConfigError]:
    """`benchmark` times training steps."""
    target = (config.get("model") or {}).get("_target_")
    if "rounds" not in config or target is None or not is_baseline(target):
        return []
    return [ConfigError("model", expected="a network, which has steps to time", got=target)]


def baselines_read_raw_texts(config: Mapping[str, Any]) -> list[ConfigError]:
    """A baseline has its own way with texts: shuffled tokens would not reach it."""
    target = (config.get("model") or {}).get("_target_")
    shuffled = (config.get("data") or {}).get("shuffle_tokens") is True
    if not shuffled or target is None or not is_baseline(target):
        return []
    return [
        ConfigError(
            "data.shuffle_tokens",
            expected="false with a baseline, which reads raw texts",
            got="true",
            remedy="use model=bow for a model without word order",
        )
    ]


def language_models_look_back(config: Mapping[str, Any]) -> list[ConfigError]:
    """A language model must not see what it predicts, and has to see what stood before."""
    if _ours(config, "task").get("_target_") != LANGUAGE_MODELING:
        return []
    model, errors = _ours(config, "model"), []
    if model.get("bidirectional") is True:
        errors.append(
            ConfigError(
                "model.bidirectional",
                expected="false in a language model, which else reads what it must predict",
                got="true",
                remedy="use model.bidirectional=false",
            )
        )
    if model.get("causal") is False:
        errors.append(
            ConfigError(
                "model.causal",
                expected="true in a language model, which else sees what it must predict",
                got="false",
                remedy=f"use {CAUSAL_OPTIONS.get(model['_target_'], 'model.causal=true')}",
            )
        )
    if model.get("_target_") in WITHOUT_CONTEXT:
        errors.append(
            ConfigError(
                "model",
                expected="one that reads what stood before, for a language model",
                got=f"{model['_target_']}, which reads one token at a time",
                remedy="use e.g. model=lstm",
            )
        )
    if _ours(config, "inputs").get("_target_") == "seqbench.models.inputs.Counts":
        errors.append(
            ConfigError(
                "inputs",
                expected="a vector a token, for a language model",
                got="counts of a whole text",
                remedy="use inputs=learned or inputs=one_hot",
            )
        )
    return errors


def tied_embeddings_are_learned(config: Mapping[str, Any]) -> list[ConfigError]:
    """There is no matrix of input embeddings to share but a learned one."""
    inputs = _ours(config, "inputs").get("_target_")
    if _ours(config, "task").get("tied") is not True or inputs in (None, LEARNED):
        return []
    return [
        ConfigError(
            "task.tied",
            expected="false unless inputs=learned",
            got="true",
            remedy="there are no input embeddings to share: use inputs=learned",
        )
    ]


def clusters_are_not_tied(config: Mapping[str, Any]) -> list[ConfigError]:
    """An adaptive softmax has matrices of its own."""
    task = _ours(config, "task")
    if task.get("tied") is not True or not task.get("cutoffs"):
        return []
    return [
        ConfigError(
            "task.cutoffs",
            expected="none with task.tied=true",
            got=str(task["cutoffs"]),
            remedy="clusters have widths of their own: leave one of the two out",
        )
    ]


def clusters_ascend(config: Mapping[str, Any]) -> list[ConfigError]:
    """Clusters of an adaptive softmax begin one behind the other."""
    cutoffs = _cutoffs(config)
    if cutoffs == sorted(set(cutoffs)):
        return []
    return [ConfigError("task.cutoffs", expected="ascending numbers", got=str(cutoffs))]


def clusters_are_of_rarer_tokens(config: Mapping[str, Any]) -> list[ConfigError]:
    """Ids fall in frequency where a vocabulary is a list of words; subwords have another order."""
    tokenizer = str(_ours(config, "tokenizer").get("_target_"))
    if not _cutoffs(config) or not tokenizer.startswith(SUBWORDS):
        return []
    return [
        ConfigError(
            "task.cutoffs",
            expected="none with a tokenizer of subwords, whose ids do not fall in frequency",
            got=str(_cutoffs(config)),
            remedy="use tokenizer=word or tokenizer=whitespace, or task.cutoffs=[]",
        )
    ]


def clusters_have_a_width(config: Mapping[str, Any]) -> list[ConfigError]:
    """Each cluster is a quarter as wide as the one before."""
    cutoffs, model = _cutoffs(config), _ours(config, "model")
    width = model.get("d_model", model.get("d_hidden"))
    if not isinstance(width, int) or not cutoffs or width >= 4 ** len(cutoffs):
        return []
    return [
        ConfigError(
            "task.cutoffs",
            expected=f"a model of width {4 ** len(cutoffs)} or more for {len(cutoffs)} clusters, "
            "each 4 times narrower than the one before",
            got=f"width {width}",
            remedy="leave out cutoffs, or widen the model",
        )
    ]


def windows_fit_positions(config: Mapping[str, Any]) -> list[ConfigError]:
    """Learned positions end somewhere; a stream's windows must not go beyond."""
    model, window = _ours(config, "model"), _ours(config, "data").get("window")
    limit = model.get("max_positions")
    if model.get("positions") != "learned":
        return []
    if not isinstance(limit, int) or not isinstance(window, int) or window <= limit:
        return []
    return [
        ConfigError(
            "data.window",
            expected=f"at most model.max_positions={limit} with model.positions=learned",
            got=str(window),
            remedy=f"set model.max_positions={window}, or lower data.window",
        )
    ]


def strides_fit_windows(config: Mapping[str, Any]) -> list[ConfigError]:
    """A sliding window scores no more targets than it holds."""
    stride, window = _ours(config, "task").get("stride"), _ours(config, "data").get("window")
    if not isinstance(stride, int) or not isinstance(window, int) or stride <= window:
        return []
    return [ConfigError("task.stride", expected=f"at most data.window={window}", got=str(stride))]


def baselines_suit_tasks(config: Mapping[str, Any]) -> list[ConfigError]:
    """A baseline of ours classifies, or predicts tokens; a network does either."""
    model, task = _ours(config, "model").get("_target_"), _ours(config, "task").get("_target_")
    if not model or not task or not is_baseline(model):
        return []
    for_text = model.startswith("seqbench.baselines.language.")
    if for_text == (task == LANGUAGE_MODELING):
        return []
    what, others = ("classifies", "model=baseline/tfidf_regression or model=baseline/majority")
    if not for_text:
        what, others = ("predicts tokens", "model=baseline/kneser_ney or model=baseline/unigram")
    return [
        ConfigError("model", expected=f"a baseline that {what}", got=model, remedy=f"use {others}")
    ]


def study_is_a_folder(config: Mapping[str, Any]) -> list[ConfigError]:
    """Runs of a study lie below `paths.outputs`, nowhere else."""
    study = config.get("study")
    if not isinstance(study, str):
        return []
    if is_below(study):
        return []
    return [
        ConfigError(
            "study",
            expected="a name for a folder below paths.outputs",
            got=repr(study),
            remedy="paths.outputs=DIR chooses where that is",
        )
    ]


def lightning_knows_extras(config: Mapping[str, Any]) -> list[ConfigError]:
    """`trainer.extra` is handed to Lightning's Trainer, whose source says what it takes."""
    extra = _ours(config, "trainer").get("extra")
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


def one_source_of_texts(config: Mapping[str, Any]) -> list[ConfigError]:
    """`predict` takes a text, a file, or what is typed."""
    if not {"text", "file", "interactive"} <= config.keys():
        return []
    said = [key for key in ("text", "file") if config[key] is not None]
    said += ["interactive"] * bool(config["interactive"])
    if len(said) == 1:
        return []
    return [
        ConfigError(
            "text",
            expected="one of text=…, file=…, interactive=true",
            got=" and ".join(said) or "none",
        )
    ]


def columns_are_of_a_file(config: Mapping[str, Any]) -> list[ConfigError]:
    """`evaluate` reads columns of `file`; a split has those that its run was trained on."""
    if "text_column" not in config:
        return []
    if config.get("file") is not None:
        if config["split"] == "test":  # what it is where nothing was said
            return []
        return [ConfigError("split", expected="nothing beside file=…", got=repr(config["split"]))]
    return [
        ConfigError(key, expected="null without file=…", got=repr(config[key]))
        for key in ("text_column", "label_column")
        if config[key] is not None
    ]


def something_to_report(config: Mapping[str, Any]) -> list[ConfigError]:
    """`report` has at least one folder to read."""
    if "runs" not in config:
        return []
    runs = config["runs"]
    if runs and all([runs] if isinstance(runs, str) else runs):
        return []
    return [ConfigError("runs", expected="one or more folders", got=repr(config["runs"]))]


def _cutoffs(config: Mapping[str, Any]) -> list[int]:
    """Of an adaptive softmax; none where they are no numbers, which is told elsewhere."""
    cutoffs = _ours(config, "task").get("cutoffs") or []
    return list(cutoffs) if all(isinstance(each, int) for each in cutoffs) else []


def _ours(config: Mapping[str, Any], group: str) -> Mapping[str, Any]:
    """A node, if its class is of this package: a key of another's may mean something else."""
    node = config.get(group) or {}
    return node if str(node.get("_target_")).startswith("seqbench.") else {}


def claims_can_be_judged(config: Mapping[str, Any]) -> list[ConfigError]:
    """A claim that nobody could judge is a mistake before anything runs, not after."""
    return [
        ConfigError(error.name, expected=error.expected, got=error.got, remedy=error.remedy)
        for error in stated_claims(config)[1]
    ]


def one_thing_ends_training(config: Mapping[str, Any]) -> list[ConfigError]:
    """A number of epochs, FLOPs, or time; and what a budget says has to mean something."""
    budget, trainer = config.get("budget") or {}, _ours(config, "trainer")
    asked = [key for key in ("flops", "seconds") if budget.get(key) is not None]
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
    if asked and trainer.get("on_divergence") == "rollback":
        errors.append(
            ConfigError(
                "trainer.on_divergence",
                expected=f"fail with budget.{asked[0]}: what is thrown away has been spent too",
                got="'rollback'",
                remedy="leave one of the two out",
            )
        )
    if asked and trainer.get("max_steps") is not None:
        errors.append(
            ConfigError(
                "trainer.max_steps",
                expected=f"null with budget.{asked[0]}, which ends the training",
                got=str(trainer["max_steps"]),
                remedy="leave one of the two out",
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


def budgets_have_a_width(config: Mapping[str, Any]) -> list[ConfigError]:
    """A size can be solved for where there is a width; of ours, two models may have none."""
    params, model = (config.get("budget") or {}).get("params"), _ours(config, "model")
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


CROSS_CHECKS: tuple[CrossCheck, ...] = (
    half_precision_on_cpu,
    rollbacks_are_of_one_process,
    heads_divide_width,
    positions_come_in_pairs,
    causal_looks_back,
    window_looks_back,
    only_networks_have_steps,
    baselines_read_raw_texts,
    language_models_look_back,
    tied_embeddings_are_learned,
    clusters_are_not_tied,
    clusters_ascend,
    clusters_are_of_rarer_tokens,
    clusters_have_a_width,
    windows_fit_positions,
    strides_fit_windows,
    baselines_suit_tasks,
    study_is_a_folder,
    lightning_knows_extras,
    one_source_of_texts,
    columns_are_of_a_file,
    something_to_report,
    one_thing_ends_training,
    budgets_have_a_width,
    claims_can_be_judged,
)

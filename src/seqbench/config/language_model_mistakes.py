"""What a language model cannot be made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seqbench.config.signatures import ours
from seqbench.errors import ConfigError

LANGUAGE_MODELING = "seqbench.tasks.language_modeling.LanguageModeling"
LEARNED = "seqbench.models.inputs.LearnedEmbedding"
SUBWORDS = tuple(f"seqbench.data.tokenizers.{name}." for name in ("bpe", "wordpiece", "unigram"))
WITHOUT_CONTEXT = ("seqbench.models.bow.BagOfWords", "seqbench.models.mlp.MLP")
CAUSAL_OPTIONS = {
    "seqbench.models.cnn.CNN": "model=causal_cnn, or model.causal=true",
    "seqbench.models.cnn_lstm.CNNLSTM": "model=causal_cnn_lstm, or model.causal=true model.pool=1",
    "seqbench.models.transformer.Transformer": "model=causal_transformer, or model.causal=true",
}


def language_models_look_back(config: Mapping[str, Any]) -> list[ConfigError]:
    """A language model must not see what it predicts, and has to see what stood before."""
    if ours(config, "task").get("_target_") != LANGUAGE_MODELING:
        return []
    model, errors = ours(config, "model"), []
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
    if ours(config, "inputs").get("_target_") == "seqbench.models.inputs.Counts":
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
    inputs = ours(config, "inputs").get("_target_")
    if ours(config, "task").get("tied") is not True or inputs in (None, LEARNED):
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
    task = ours(config, "task")
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
    tokenizer = str(ours(config, "tokenizer").get("_target_"))
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
    cutoffs, model = _cutoffs(config), ours(config, "model")
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
    model, window = ours(config, "model"), ours(config, "data").get("window")
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
    stride, window = ours(config, "task").get("stride"), ours(config, "data").get("window")
    if not isinstance(stride, int) or not isinstance(window, int) or stride <= window:
        return []
    return [ConfigError("task.stride", expected=f"at most data.window={window}", got=str(stride))]


def _cutoffs(config: Mapping[str, Any]) -> list[int]:
    """Of an adaptive softmax; none where they are no numbers, which is told elsewhere."""
    cutoffs = ours(config, "task").get("cutoffs") or []
    return list(cutoffs) if all(isinstance(each, int) for each in cutoffs) else []

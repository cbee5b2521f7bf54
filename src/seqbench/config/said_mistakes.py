"""What is said in vain, since a budget takes its place: two values of it would be one training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from seqbench.config.signatures import located, signature_of
from seqbench.config.source_module import OURS
from seqbench.errors import ConfigError

# Of ours with one width, which it is: to ask them would import torch. A test asks them.
ONLY_WIDTHS = {
    "seqbench.models.cnn.CNN": "channels",
    "seqbench.models.gru.GRU": "d_hidden",
    "seqbench.models.lstm.LSTM": "d_hidden",
    "seqbench.models.mlp.MLP": "d_hidden",
    "seqbench.models.peephole_lstm.PeepholeLSTM": "d_hidden",
    "seqbench.models.rnn.RNN": "d_hidden",
}


def nothing_said_in_vain(config: Mapping[str, Any], said: Sequence[str]) -> list[ConfigError]:
    """A width that is solved for, a number of epochs where something else ends the training.

    What a config file says stands for whoever has no budget, and is no mistake. Nor is one width
    of several, which says in what proportions they are solved for: there two equal ones are for
    the user to see.

    Args:
        config: resolved.
        said: overrides of the command line or the sweep.
    """
    budget, model = config.get("budget") or {}, config.get("model") or {}
    solving = {}
    if budget.get("params") is not None and (width := _only_width(model)):
        solving[f"model.{width}"] = "budget.params, which solves for it"
    for key in ("flops", "seconds"):
        if budget.get(key) is not None:
            solving["trainer.max_epochs"] = f"budget.{key}, which ends the training"
    pairs = (line.lstrip("+").partition("=")[::2] for line in said)
    return [
        ConfigError(
            key,
            expected=f"not to be said with {solving[key]}",
            got=value,
            remedy="leave one of the two out",
        )
        for key, value in pairs
        if key in solving and value != "null"
    ]


def _only_width(model: Mapping[str, Any]) -> str | None:
    """The argument that alone makes the model wider; None of several, of none, or not known."""
    target = str(model.get("_target_"))
    if target.split(".")[0] == OURS:
        return ONLY_WIDTHS.get(target)
    try:
        parameters = signature_of(target).parameters.values()
        defaults = {each.name: each.default for each in parameters if not each.required}
        names: tuple[str, ...] = located(target).widths({**defaults, **model}).names
    except Exception:  # what is wrong with another's model is told where it is built
        return None
    return names[0] if len(names) == 1 else None

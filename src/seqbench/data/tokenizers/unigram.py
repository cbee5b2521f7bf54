"""The unigram subword model."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

from tokenizers import Tokenizer as SubwordModel
from tokenizers import decoders, models, pre_tokenizers, trainers

from seqbench.data.tokenizers.subword import SubwordTokenizer
from seqbench.data.tokenizers.tokenizer import SPECIAL_TOKENS, UNK_ID
from seqbench.domains import PositiveInt


class UnigramTokenizer(SubwordTokenizer):
    """The most probable split under a unigram model of subwords.

    Kudo 2018, "Subword regularization", §3.2; always the best split, none is sampled. The library
    sums in no fixed order: a second training gives the same pieces with probabilities that differ
    in the fourth digit. The token cache and the run folder keep the one that was trained.

    Args:
        max_vocab: size of the vocabulary, special tokens included.
        lowercase: whether upper and lower case are one.
        max_train_texts: it is trained on at most this many texts, evenly spaced in the training
            split, since its training is ten times as slow as the other models'; None takes all.
    """

    def __init__(
        self,
        *,
        max_vocab: PositiveInt = 8000,
        lowercase: bool = True,
        max_train_texts: PositiveInt | None = 5000,
    ) -> None:
        super().__init__(lowercase=lowercase)
        self.max_vocab = max_vocab
        self.max_train_texts = max_train_texts

    def fitted(self, texts: Sequence[str]) -> SubwordModel:
        """A model trained on these texts, or evenly spaced ones of them."""
        step = max(1, math.ceil(len(texts) / (self.max_train_texts or len(texts) or 1)))
        state = json.loads(super().fitted(texts[::step]).to_str())
        # so that a saved model is read back to the last bit
        vocab = [[piece, round(score, 6)] for piece, score in state["model"]["vocab"]]
        state["model"]["vocab"] = vocab
        return SubwordModel.from_str(json.dumps(state))

    def blank(self) -> tuple[SubwordModel, Any]:
        """An untrained model and its trainer."""
        model = SubwordModel(models.Unigram())
        model.pre_tokenizer = pre_tokenizers.Metaspace()
        model.decoder = decoders.Metaspace()
        trainer = trainers.UnigramTrainer(
            vocab_size=self.max_vocab,
            special_tokens=list(SPECIAL_TOKENS),
            unk_token=SPECIAL_TOKENS[UNK_ID],
            show_progress=False,
        )
        return model, trainer

    def settings(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {
            "max_vocab": self.max_vocab,
            "lowercase": self.lowercase,
            "max_train_texts": self.max_train_texts,
        }

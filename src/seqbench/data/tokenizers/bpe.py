"""Byte-pair encoding."""

from __future__ import annotations

from typing import Any

from tokenizers import Tokenizer as SubwordModel
from tokenizers import decoders, models, pre_tokenizers, trainers

from seqbench.data.tokenizers.subword import SubwordTokenizer
from seqbench.data.tokenizers.tokenizer import SPECIAL_TOKENS
from seqbench.domains import PositiveInt


class BpeTokenizer(SubwordTokenizer):
    """Byte-level byte-pair encoding: no text holds an unknown token.

    Sennrich, Haddow & Birch 2016, "Neural machine translation of rare words with subword units",
    §3.2; over bytes as in Radford et al. 2019 (GPT-2), §2.2.

    Args:
        max_vocab: size of the vocabulary, with special tokens and the 256 bytes.
        lowercase: whether upper and lower case are one.
        min_freq: rarer pairs are not merged.
    """

    def __init__(
        self,
        *,
        max_vocab: PositiveInt = 8000,
        lowercase: bool = True,
        min_freq: PositiveInt = 2,
    ) -> None:
        super().__init__(lowercase=lowercase)
        self.max_vocab = max_vocab
        self.min_freq = min_freq

    def blank(self) -> tuple[SubwordModel, Any]:
        """An untrained model and its trainer."""
        model = SubwordModel(models.BPE())
        model.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        model.decoder = decoders.ByteLevel()
        trainer = trainers.BpeTrainer(
            vocab_size=self.max_vocab,
            min_frequency=self.min_freq,
            special_tokens=list(SPECIAL_TOKENS),
            initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
            show_progress=False,
        )
        return model, trainer

    def settings(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {
            "max_vocab": self.max_vocab,
            "lowercase": self.lowercase,
            "min_freq": self.min_freq,
        }

"""WordPiece."""

from __future__ import annotations

from typing import Any

from tokenizers import Tokenizer as SubwordModel
from tokenizers import decoders, models, pre_tokenizers, trainers

from seqbench.data.tokenizers.subword import SubwordTokenizer
from seqbench.data.tokenizers.tokenizer import SPECIAL_TOKENS, UNK_ID
from seqbench.domains import PositiveInt


class WordpieceTokenizer(SubwordTokenizer):
    """WordPiece as BERT splits text: words and marks, then the longest known pieces from the left.

    Schuster & Nakajima 2012; Devlin et al. 2019 (BERT), §3.

    Args:
        max_vocab: size of the vocabulary, special tokens included.
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
        model = SubwordModel(models.WordPiece(unk_token=SPECIAL_TOKENS[UNK_ID]))
        model.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        model.decoder = decoders.WordPiece()
        trainer = trainers.WordPieceTrainer(
            vocab_size=self.max_vocab,
            min_frequency=self.min_freq,
            special_tokens=list(SPECIAL_TOKENS),
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

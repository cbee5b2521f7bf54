"""WordPiece."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tokenizers import Tokenizer as SubwordModel
from tokenizers import decoders, models, pre_tokenizers, trainers

from seqbench.data.tokenizers.subword import SubwordTokenizer
from seqbench.data.tokenizers.tokenizer import SPECIAL_TOKENS, UNK_ID
from seqbench.domains import PositiveInt

PREFIX = "##"
UNK = SPECIAL_TOKENS[UNK_ID]


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
        return self._blank(self.max_vocab, [])

    def fitted(self, texts: Sequence[str]) -> SubwordModel:
        """A model trained on these texts, in two passes.

        The library numbers the single characters that go on a word in the order of a hash map, and
        its choices among equals follow the numbers: two trainings would differ. So the first pass
        only collects these characters, and the second is given them in order.
        """
        alphabet, trainer = self._blank(0, [])
        self.fit(alphabet, trainer, texts)
        inner = sorted(t for t in alphabet.get_vocab() if len(t) == 3 and t.startswith(PREFIX))
        trained, trainer = self._blank(self.max_vocab, inner)
        self.fit(trained, trainer, texts)
        # made anew from the vocabulary: given in order means "special" to the library
        model, _ = self.blank()
        model.model = models.WordPiece(trained.get_vocab(), unk_token=UNK)
        model.normalizer = trained.normalizer
        return model

    def _blank(self, max_vocab: int, first: list[str]) -> tuple[SubwordModel, Any]:
        model = SubwordModel(models.WordPiece(unk_token=UNK))
        model.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        model.decoder = decoders.WordPiece(prefix=PREFIX)
        trainer = trainers.WordPieceTrainer(
            vocab_size=max_vocab,
            min_frequency=self.min_freq,
            special_tokens=[*SPECIAL_TOKENS, *first],
            continuing_subword_prefix=PREFIX,
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

"""A text that a model goes on with: its distribution of the next token, again and again."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor

from seqbench.batch import TokenBatch
from seqbench.models.encoder import State
from seqbench.tasks.language_modeling import LanguageModeling


class Continuation(ABC):
    """Some texts side by side, whatever model goes on with them."""

    @abstractmethod
    def begin(self, prompts: Sequence[Sequence[int]]) -> Tensor:
        """logits_BV of what follows each prompt; every prompt has a token at least."""

    @abstractmethod
    def append(self, ids_B: Tensor) -> Tensor:
        """logits_BV of what follows once each text has got its next token."""


class NetworkContinuation(Continuation):
    """A network reads each token once: its state holds all that it needs of those before.

    A state that keeps its size makes every token cost the same; a cache of keys and values makes it
    cost in proportion to what the cache holds. Such a cache is kept within the window that the
    network was trained on: of a text that has filled it, the later half of the window is read
    anew, from the first position on, and the earlier half forgotten. Shorter texts beside it are
    read anew as they are, so that what is forgotten of a text depends on its own length alone.

    Args:
        task: trained, in eval mode.
    """

    def __init__(self, task: LanguageModeling) -> None:
        self.task = task
        self._limit = task.spec.max_len if task.encoder.state_grows else None
        self._texts: list[list[int]] = []  # only where there is a limit
        self._state: State | None = None

    def begin(self, prompts: Sequence[Sequence[int]]) -> Tensor:
        """See Continuation; of a prompt longer than the window its end is read."""
        texts = [list(prompt) for prompt in prompts]
        if self._limit is not None:
            texts = [text[-self._limit :] for text in texts]
            self._texts = texts
        longest = max(map(len, texts))
        task, device = self.task, self.task.device
        lengths_B = torch.tensor([len(text) for text in texts], device=device)
        rows = [text + [task.spec.pad_id or 0] * (longest - len(text)) for text in texts]
        batch = _batch(torch.tensor(rows, device=device), lengths_B)
        x_BTD, mask_BT = task.inputs(batch)
        encoded = task.encoder(x_BTD, mask_BT, task.encoder.initial_state(len(texts), device))
        self._state = encoded.state
        last_BD = encoded.hidden_BTD[torch.arange(len(texts), device=device), lengths_B - 1]
        return self._logits(last_BD)

    def append(self, ids_B: Tensor) -> Tensor:
        """See Continuation."""
        if self._limit is not None:
            for text, token in zip(self._texts, ids_B.tolist(), strict=True):
                text.append(token)
            full = [len(text) > self._limit for text in self._texts]
            if any(full):
                half = max(1, self._limit // 2)
                pairs = zip(self._texts, full, strict=True)
                return self.begin([text[-half:] if cut else text for text, cut in pairs])
        assert self._state is not None
        ids_B = ids_B.to(self.task.device)
        x_BTD, _ = self.task.inputs(_batch(ids_B[:, None], torch.ones_like(ids_B)))
        hidden_BD, self._state = self.task.encoder.step(x_BTD[:, 0], self._state)
        return self._logits(hidden_BD)

    def _logits(self, hidden_BD: Tensor) -> Tensor:
        logits_BV: Tensor = self.task.head(hidden_BD)
        return logits_BV


def _batch(ids_BT: Tensor, lengths_B: Tensor) -> TokenBatch:
    rows_B = torch.arange(len(ids_BT), device=ids_BT.device)
    return TokenBatch(ids_BT=ids_BT, lengths_B=lengths_B, labels_B=None, rows_B=rows_B)

"""Parts that the toy configuration names; nothing here trains."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from seqbench.baselines.majority import Majority
from seqbench.domains import NonNegativeFloat, PositiveFloat, PositiveInt, Probability


class Data:
    def __init__(
        self,
        *,
        tokenizer: object,
        seed: int,
        cache_dir: str,
        datasets_dir: str | None,
        batch_size: PositiveInt = 32,
        files: dict[str, str] | None = None,
        num_workers: int = 0,
    ) -> None:
        self.seed = seed


class Cell:
    def __init__(self, *, width: PositiveInt = 4) -> None:
        self.width = width


class Encoder:
    def __init__(
        self,
        *,
        d_input: PositiveInt,
        d_hidden: PositiveInt = 8,
        dropout: Probability = 0.0,
        sizes: list[int],
        cell: Cell | None = None,
    ) -> None:
        if d_hidden == 13:
            raise ValueError("thirteen")
        self.d_input, self.d_hidden, self.sizes, self.cell = d_input, d_hidden, sizes, cell


class WideEncoder:
    def __init__(self, *, d_input: int, width: int = 3) -> None:
        self.width = width


class Task:
    def __init__(
        self,
        *,
        inputs: object,
        encoder: object,
        spec: object,
        optimizer: object,
        scheduler: object,
        pooling: Literal["last", "mean", "max"] = "mean",
    ) -> None:
        self.encoder = encoder


@dataclass(frozen=True, kw_only=True)
class Settings:
    lr: PositiveFloat = 1e-3
    decay: NonNegativeFloat = 0.0
    betas: tuple[float, float] = (0.9, 0.999)
    fused: bool = True
    names: list[str] = field(default_factory=list)


def anything(**kwargs: object) -> dict[str, object]:
    return kwargs


class OwnBaseline(Majority):
    pass

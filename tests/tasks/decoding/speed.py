"""How long a text takes to write: `python -m tests.tasks.decoding.speed [CHARACTERS]`.

One text of 1,000 characters, one thread, models of about a million parameters, random weights: an
LSTM's state keeps its size, a Transformer reads its cache of keys and values. Wall and CPU time are
told; a run alone on a desktop's core takes less than 2 s and 4 s.
"""

from __future__ import annotations

import sys
import time
from itertools import islice

import torch

from seqbench.batch import DataSpec
from seqbench.models.encoder import Encoder
from seqbench.models.inputs import LearnedEmbedding
from seqbench.models.lstm import LSTM
from seqbench.models.transformer import Transformer
from seqbench.tasks.decoding.continuation import NetworkContinuation
from seqbench.tasks.decoding.generate import generate
from seqbench.tasks.decoding.sampling import Sampling
from seqbench.tasks.language_modeling import LanguageModeling
from seqbench.tasks.optimizers import SGD
from seqbench.tasks.schedulers import Constant

V, D, WINDOW = 106, 64, 128


def transformer(positions: str) -> Transformer:
    return Transformer(
        d_input=D, d_model=160, num_heads=4, d_feedforward=480, num_layers=4, causal=True,
        positions=positions,
    )  # fmt: skip


MODELS = {
    "LSTM": lambda: LSTM(d_input=D, d_hidden=440),
    "Transformer, sinusoidal positions": lambda: transformer("sinusoidal"),
    "Transformer, rotary positions": lambda: transformer("rotary"),
}


def task_of(encoder: Encoder) -> LanguageModeling:
    spec = DataSpec(
        task="language_modeling", vocab_size=V, pad_id=0, max_len=WINDOW, num_examples={"train": 1}
    )
    inputs = LearnedEmbedding(vocab_size=V, pad_id=0, d_embed=D, dropout=0.0)
    return LanguageModeling(
        inputs=inputs, encoder=encoder, spec=spec, optimizer=SGD(), scheduler=Constant()
    ).eval()


if __name__ == "__main__":
    characters = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    torch.set_num_threads(1)
    for name, make in MODELS.items():
        torch.manual_seed(0)
        task = task_of(make())
        parameters = sum(each.numel() for each in task.parameters())
        steps = generate(NetworkContinuation(task), [[4]], sampling=Sampling(), seed=0)
        next(steps)  # the first call of a kernel is no measure
        wall, cpu = time.perf_counter(), time.process_time()
        for _ in islice(steps, characters):
            pass
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        print(f"{name}, {parameters:,} parameters: {wall:.1f} s, CPU {cpu:.1f} s")

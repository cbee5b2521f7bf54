"""What torch says in its own words when memory ends or a data worker dies, in the user's."""

from __future__ import annotations

import errno
import re
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils.data._utils import signal_handling

from seqbench.config.job import is_baseline
from seqbench.errors import TrainingError

_NO_MEMORY = re.compile(
    r"can't allocate memory|not enough memory|out of memory|std::bad_alloc|Cannot allocate memory"
    r"|CU(BLAS|DNN)_STATUS_ALLOC_FAILED",
    re.IGNORECASE,
)
_DEAD_WORKER = re.compile(r"DataLoader worker (?:\(pid(?:\(s\))? [\d, ]+\) )?(.*)")
# What decides how much a training step needs.
_SIZES = (
    "data.batch_size", "data.max_tokens", "data.max_len", "data.window", "trainer.accumulate",
    "trainer.precision",
)  # fmt: skip


@contextmanager
def explained(config: Mapping[str, Any], *, building: bool = False) -> Iterator[None]:
    """A run without memory, or without one of its data workers, says which keys to change.

    Args:
        config: the run's.
        building: whether the model is only being built.

    Raises:
        TrainingError: in place of torch's own, which is its cause.
    """
    try:
        yield
    except (MemoryError, OSError, RuntimeError) as error:
        if is_out_of_memory(error):
            raise _out_of_memory(config, error, building=building) from error
        if dead := _DEAD_WORKER.search(str(error)):
            _hear_no_more_of_workers()
            raise _dead_worker(config, dead[1]) from error
        raise


def _hear_no_more_of_workers() -> None:
    """torch raises the same again, wherever the program is, whenever a child of it ends."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal_handling._SIGCHLD_handler_set = False  # the next loader sets it anew


def is_out_of_memory(error: Exception) -> bool:
    """Whether an error says that there was no memory."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    if isinstance(error, OSError):  # no memory for a data worker's process
        return error.errno == errno.ENOMEM
    return _NO_MEMORY.search(str(error)) is not None


def _out_of_memory(config: Mapping[str, Any], error: Exception, *, building: bool) -> TrainingError:
    said = " ".join(str(error).split())[:200] or type(error).__name__
    if is_baseline(config):
        return TrainingError(
            "out of memory",
            expected="a model and data that fit",
            got=f"{config['model']['_target_']}: {said}",
            remedy="fit on fewer examples or with a smaller model",
        )
    if building:
        return _too_large(config, said)
    sizes = {name: _at(config, name) for name in _SIZES}
    sizes = {name: value for name, value in sizes.items() if value is not None}
    return TrainingError(
        "out of memory",
        expected="training steps that fit",
        got=f"{', '.join(f'{name}={value}' for name, value in sizes.items())}: {said}",
        remedy=_smaller(sizes),
        details=sizes,
    )


def _too_large(config: Mapping[str, Any], said: str) -> TrainingError:
    sizes = {
        f"{group}.{key}": value
        for group in ("model", "inputs")
        for key, value in config[group].items()
        if isinstance(value, int) and not isinstance(value, bool)
    }
    return TrainingError(
        "out of memory",
        expected="a model that fits",
        got=f"{', '.join(f'{name}={value}' for name, value in sizes.items())}: {said}",
        remedy="use a smaller one, or a smaller vocabulary",
        details=sizes,
    )


def _smaller(sizes: Mapping[str, Any]) -> str:
    """What to change, the least harmful first."""
    ways = []
    batch_size = sizes.get("data.batch_size")
    if isinstance(batch_size, int) and batch_size > 1:
        accumulate = 2 * int(sizes["trainer.accumulate"])
        ways.append(
            f"the same steps in smaller parts: data.batch_size={batch_size // 2} "
            f"trainer.accumulate={accumulate}"
        )
    if isinstance(sizes.get("data.max_tokens"), int):
        ways.append("a lower data.max_tokens, which bounds a batch's size")
    if sizes["trainer.precision"] in ("32-true", "64-true"):
        ways.append("trainer.precision=bf16-mixed")
    return f"try {', or '.join(ways)}" if ways else "use a smaller model"


def _dead_worker(config: Mapping[str, Any], how: str) -> TrainingError:
    workers = _at(config, "data.num_workers")
    return TrainingError(
        "a data worker",
        expected=f"data.num_workers={workers} processes that last as long as the training",
        got=f"one that {how.split('. ')[0].strip().rstrip('.')}",
        remedy="the kernel kills for want of memory or of shared memory (/dev/shm): "
        "try data.num_workers=0",
        details={"data.num_workers": workers},
    )


def _at(config: Mapping[str, Any], name: str) -> Any:
    group, _, key = name.partition(".")
    return config[group].get(key)

"""Where jobs run: on some of a machine's cores, or on shares of its GPUs."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from seqbench.config.job import is_baseline
from seqbench.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Slot:
    """What a running job has for itself.

    Attributes:
        cores: CPU cores; 0 on GPUs, whose jobs are bounded by the GPUs' shares.
        gpus: GPUs by the names that CUDA_VISIBLE_DEVICES takes, one share of each.
    """

    cores: int = 0
    gpus: tuple[str, ...] = ()

    @property
    def env(self) -> dict[str, str]:
        """What the job's process finds in its environment."""
        return {"CUDA_VISIBLE_DEVICES": ",".join(self.gpus)} if self.gpus else {}


@dataclass
class Slots:
    """The slots of one machine.

    A job on the CPU takes `trainer.threads` cores for each of its `trainer.devices` processes, or
    all cores where it wants more than there are; a job on GPUs takes a share of so many GPUs. A job
    that wants more than is free waits, while smaller ones go ahead.

    Attributes:
        cores: CPU cores to share out.
        gpus: GPUs to share out, by name; empty where there are none.
        slots_per_gpu: jobs on one GPU at most.
        at_most: jobs on the CPU at once, in place of what the cores allow; None for those.
    """

    cores: int
    gpus: tuple[str, ...] = ()
    slots_per_gpu: int = 1
    at_most: int | None = None
    taken: list[Slot] = field(default_factory=list)

    def refuse(self, config: Mapping[str, Any]) -> ConfigError | None:
        """The error of a job that this machine can never run; None for any other."""
        trainer = config["trainer"]
        if trainer["accelerator"] == "cuda" and not self.gpus:
            return ConfigError(
                "trainer.accelerator",
                expected="cpu or auto on a machine without a CUDA GPU",
                got="cuda",
            )
        if self._on_gpus(config) and trainer["devices"] > len(self.gpus):
            return ConfigError(
                "trainer.devices",
                expected=f"at most {len(self.gpus)}, the GPUs there are",
                got=str(trainer["devices"]),
            )
        return None

    def take(self, config: Mapping[str, Any]) -> Slot | None:
        """A slot for a job of this config, to be given back; None while there is none."""
        slot = self._gpu_slot(config) if self._on_gpus(config) else self._cpu_slot(config)
        if slot is not None:
            self.taken.append(slot)
        return slot

    def take_core(self) -> Slot | None:
        """A core for what trains nothing; None while there is none."""
        return self.take({"trainer": {"accelerator": "cpu", "threads": 1, "devices": 1}})

    def give_back(self, slot: Slot) -> None:
        """The slot's job has ended."""
        self.taken.remove(slot)

    def at_once(self, configs: Sequence[Mapping[str, Any]]) -> int:
        """How many of these jobs run at once at most."""
        empty = Slots(self.cores, self.gpus, self.slots_per_gpu, self.at_most)
        return max(1, sum(empty.take(config) is not None for config in configs))

    def _on_gpus(self, config: Mapping[str, Any]) -> bool:
        on_cpu = config["trainer"]["accelerator"] == "cpu"
        return bool(self.gpus) and not on_cpu and not is_baseline(config)

    def _cpu_slot(self, config: Mapping[str, Any]) -> Slot | None:
        on_cpu = [slot for slot in self.taken if not slot.gpus]
        if self.at_most is not None:
            return Slot(cores=1) if len(on_cpu) < self.at_most else None
        wanted = min(self.cores, config["trainer"]["threads"] * config["trainer"]["devices"])
        free = self.cores - sum(slot.cores for slot in on_cpu)
        return Slot(cores=wanted) if wanted <= free else None

    def _gpu_slot(self, config: Mapping[str, Any]) -> Slot | None:
        used = {gpu: sum(gpu in slot.gpus for slot in self.taken) for gpu in self.gpus}
        free = [gpu for gpu in self.gpus if used[gpu] < self.slots_per_gpu]
        wanted = config["trainer"]["devices"]
        # The emptiest first: small jobs spread over the GPUs before they share one.
        chosen = sorted(free, key=lambda gpu: used[gpu])[:wanted]
        return Slot(gpus=tuple(chosen)) if len(chosen) == wanted else None


def tell_gpus(_: object, say: Callable[[dict[str, Any]], None]) -> None:
    """Says, from a process of its own, the GPUs there are: asking torch may begin to use CUDA."""
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    names = visible.split(",")[:count] if visible else [str(number) for number in range(count)]
    say({"gpus": names})

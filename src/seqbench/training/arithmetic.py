"""How this process computes, for the record: what a run's bits hang on beside code and data."""

from __future__ import annotations

import os

import torch

from seqbench.records.record import Arithmetic
from seqbench.training.trainer import TrainerSettings

# Each makes a library choose other kernels, hence other roundings.
STEERING = (
    "ATEN_CPU_CAPABILITY",
    "CUBLAS_WORKSPACE_CONFIG",
    "DNNL_MAX_CPU_ISA",
    "MKL_CBWR",
    "MKL_ENABLE_INSTRUCTIONS",
    "NPY_DISABLE_CPU_FEATURES",
    "NVIDIA_TF32_OVERRIDE",
    "ONEDNN_MAX_CPU_ISA",
    "OPENBLAS_CORETYPE",
    "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE",
)


def arithmetic(settings: TrainerSettings) -> Arithmetic:
    """How a run with these settings computes here, once they are applied."""
    on_gpu = settings.device_type() == "cuda"
    # cuBLAS's workspace, which `apply` sets, is of no account on a CPU.
    names = [name for name in STEERING if on_gpu or not name.startswith("CUBLAS")]
    return Arithmetic(
        cpu_capability=torch.backends.cpu.get_cpu_capability(),
        threads=torch.get_num_threads(),
        world_size=int(os.environ.get("WORLD_SIZE", settings.devices)),
        deterministic=bool(settings.extra.get("deterministic", settings.deterministic)),
        cuda=_cuda() if on_gpu else {},
        environment={name: os.environ[name] for name in names if name in os.environ},
    )


def _cuda() -> dict[str, str]:
    found = {"cuda": torch.version.cuda, "cudnn": torch.backends.cudnn.version()}  # type: ignore[no-untyped-call]
    return {name: str(version) for name, version in found.items() if version is not None}

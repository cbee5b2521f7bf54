"""Where the shipped configuration lies, and where caches go."""

from __future__ import annotations

import os
from pathlib import Path

from omegaconf import OmegaConf

_PACKAGE = Path(__file__).resolve().parent.parent


def configs_root() -> Path:
    """The folder that holds `conf/` and `experiments/`: of the wheel, or else of the checkout."""
    packed = _PACKAGE / "_configs"
    return packed if packed.is_dir() else _PACKAGE.parent.parent


def cache_root() -> Path:
    """`$SEQBENCH_CACHE`, else `$XDG_CACHE_HOME/seqbench`, else `~/.cache/seqbench`."""
    if own := os.environ.get("SEQBENCH_CACHE"):
        return Path(own).expanduser()
    shared = os.environ.get("XDG_CACHE_HOME")
    return (Path(shared) if shared else Path.home() / ".cache") / "seqbench"


def register_resolvers() -> None:
    """Make `${seqbench.configs:}` and `${seqbench.cache:}` known; doing so again is harmless."""
    OmegaConf.register_new_resolver(
        "seqbench.configs", lambda: configs_root().as_posix(), replace=True
    )
    OmegaConf.register_new_resolver("seqbench.cache", lambda: cache_root().as_posix(), replace=True)

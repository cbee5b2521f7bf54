"""Hydra's face of `seqbench.sweeps.ray`: `hydra/launcher=ray`."""

"""Hydra's face of `seqbench.sweeps.pool`: `hydra/launcher=pool`."""

"""Hydra's face of `seqbench.sweeps.grid`: `hydra/sweeper=grid`."""

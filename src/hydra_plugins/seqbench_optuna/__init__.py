"""Hydra's face of `seqbench.sweeps.tuning`: `hydra/sweeper=optuna`."""

"""Hydra's face of `seqbench.sweeps.slurm`: `hydra/launcher=slurm`."""

"""Baselines of language models: what counting tokens alone achieves."""

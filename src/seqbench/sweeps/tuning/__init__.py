"""Tuning: a search over hyperparameters with Optuna, and its winner run again.

Optuna is asked and told by the sweeper alone. Jobs never see its database: what they have to say
stands in `metrics.jsonl` and `record.json`, and the word to end early in `prune.json`.
"""

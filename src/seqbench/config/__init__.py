"""Composing, checking and naming runs; everything that knows Hydra's configuration."""

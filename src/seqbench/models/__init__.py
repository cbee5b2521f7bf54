"""Inputs, encoders and their layers: what turns a batch into vectors."""

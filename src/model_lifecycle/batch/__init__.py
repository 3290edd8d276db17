"""Partitioned files in, scores out: each partition whole or not at all."""

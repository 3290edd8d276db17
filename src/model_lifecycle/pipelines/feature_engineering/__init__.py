"""Decisions and events become model inputs, split in time."""

from model_lifecycle.pipelines.feature_engineering.pipeline import create_pipeline

__all__ = ["create_pipeline"]

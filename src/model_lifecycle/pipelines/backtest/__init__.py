"""Policies of retraining on the history: what each would have earned."""

from model_lifecycle.pipelines.backtest.pipeline import create_pipeline

__all__ = ["create_pipeline"]

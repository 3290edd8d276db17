"""Prediction log, labels and reference become verdicts, alerts and a decision."""

from model_lifecycle.pipelines.monitoring.pipeline import create_pipeline

__all__ = ["create_pipeline"]

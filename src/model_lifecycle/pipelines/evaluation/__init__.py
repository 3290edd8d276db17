"""The challenger on untouched rows: figures with intervals, gates, a verdict and a model card."""

from model_lifecycle.pipelines.evaluation.pipeline import create_pipeline

__all__ = ["create_pipeline"]

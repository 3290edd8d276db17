"""A retraining as of now: the stages of the whole job on the policy's training window, up to a gated release."""

from model_lifecycle.pipelines.retrain.pipeline import create_pipeline

__all__ = ["create_pipeline"]

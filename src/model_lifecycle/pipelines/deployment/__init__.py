"""A challenger that passed becomes a release, proves itself in a real service, and is promoted."""

from model_lifecycle.pipelines.deployment.pipeline import create_pipeline

__all__ = ["create_pipeline"]

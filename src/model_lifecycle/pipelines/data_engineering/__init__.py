"""Raw tables, checked and joined, become decisions and events."""

from model_lifecycle.pipelines.data_engineering.pipeline import create_pipeline

__all__ = ["create_pipeline"]

"""What each feature and each group of them is worth on later folds."""

from model_lifecycle.pipelines.feature_selection.pipeline import create_pipeline

__all__ = ["create_pipeline"]

"""Files of a folder, scored with the champion."""

from model_lifecycle.pipelines.batch_scoring.pipeline import create_pipeline

__all__ = ["create_pipeline"]

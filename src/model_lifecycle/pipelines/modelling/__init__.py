"""Candidates are searched in time order, calibrated, given a threshold and fitted."""

from model_lifecycle.pipelines.modelling.pipeline import create_pipeline

__all__ = ["create_pipeline"]

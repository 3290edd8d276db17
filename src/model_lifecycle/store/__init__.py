"""The prediction log, labels, events, alerts and the audit trail in one SQL database."""

from model_lifecycle.store.appender import Appender
from model_lifecycle.store.checkpointer import Checkpointer
from model_lifecycle.store.labels import LabelReceipt
from model_lifecycle.store.predictions import PredictionRow
from model_lifecycle.store.store import Store

__all__ = ["Appender", "Checkpointer", "LabelReceipt", "PredictionRow", "Store"]

"""LitServe starts its worker anew, which must find its class in a module."""

import os
from pathlib import Path
from typing import Any

import litserve
from peer import Model


class Predict(litserve.LitAPI):
    """The model, called once a request."""

    def setup(self, device: str) -> None:  # noqa: ARG002 - its interface
        """Load the model."""
        self.model = Model(Path(os.environ["PEER_FOLDER"]))

    def predict(self, record: dict[str, Any]) -> dict[str, float]:
        """Return the probability."""
        return {"score": self.model.score(record)}

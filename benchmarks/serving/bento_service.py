"""BentoML wants its service in a module of its own."""

import os
from pathlib import Path
from typing import Any

import bentoml
from peer import Model


@bentoml.service(workers=1)
class Predict:
    """The model, called once a request."""

    def __init__(self) -> None:
        self.model = Model(Path(os.environ["PEER_FOLDER"]))

    @bentoml.api
    def predict(self, record: dict[str, Any]) -> dict[str, float]:
        """Return the probability."""
        return {"score": self.model.score(record)}

"""One peer, in an environment of its own: ``peer.py KIND PORT FOLDER`` serves until it is told to stop.

Each takes the features of one decision as one JSON object of names and values, and answers with the model's
probability. None validates, computes a feature, asks for a key or logs. FOLDER holds the model and the features' names.
"""

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import numpy as np


class Model:
    """The model as everybody would call it: one row as a list, one thread."""

    def __init__(self, folder: Path) -> None:
        from catboost import CatBoostClassifier

        self.names: list[str] = json.loads((folder / "names.json").read_text())
        self.native = CatBoostClassifier()
        self.native.load_model(str(folder / "model.cbm"))

    def score(self, record: dict[str, Any]) -> float:
        """Return the probability of one record; a number that is null is missing."""
        row = [np.nan if record[name] is None else record[name] for name in self.names]
        return float(self.native.predict([row], prediction_type="Probability", thread_count=1)[0, 1])


def main() -> None:
    """Serve."""
    kind, port, folder = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    {"fastapi": _fastapi, "mlflow": _mlflow, "ray": _ray, "bentoml": _bentoml, "litserve": _litserve}[kind](
        port, folder
    )


def _application(model: Model) -> Any:
    from fastapi import FastAPI

    application = FastAPI()

    @application.post("/predict")
    async def predict(record: dict[str, Any]) -> dict[str, float]:
        return {"score": model.score(record)}

    return application


def _fastapi(port: int, folder: Path) -> None:
    import uvicorn

    uvicorn.run(_application(Model(folder)), host="127.0.0.1", port=port, log_level="warning", access_log=False)


def _mlflow(port: int, folder: Path) -> None:
    import mlflow
    import pandas as pd
    from mlflow.models import infer_signature

    class Probability(mlflow.pyfunc.PythonModel):
        def load_context(self, context: Any) -> None:
            self.model = Model(Path(context.artifacts["folder"]))

        def predict(self, context: Any, model_input: Any, params: Any = None) -> Any:  # noqa: ARG002 - its interface
            return self.model.native.predict_proba(model_input[self.model.names], thread_count=1)[:, 1]

    path = folder / "mlflow"
    if not path.exists():
        example = pd.read_parquet(folder / "features.parquet")
        mlflow.pyfunc.save_model(
            path,
            python_model=Probability(),
            artifacts={"folder": str(folder / "artifact")},
            signature=infer_signature(example, np.zeros(len(example))),
            pip_requirements=["catboost"],
        )
    program = Path(sys.executable).with_name("mlflow")
    options = ["--env-manager", "local", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    os.execv(program, [str(program), "models", "serve", "-m", str(path), *options])  # noqa: S606 - MLflow's own command


def _ray(port: int, folder: Path) -> None:
    import ray
    from fastapi import FastAPI
    from ray import serve

    application = FastAPI()

    @serve.deployment
    @serve.ingress(application)
    class Predict:
        def __init__(self) -> None:
            self.model = Model(folder)

        @application.post("/predict")
        async def predict(self, record: dict[str, Any]) -> dict[str, float]:
            return {"score": self.model.score(record)}

    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False, _node_ip_address="127.0.0.1")
    serve.start(http_options={"host": "127.0.0.1", "port": port})
    serve.run(Predict.bind())
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    serve.shutdown()
    ray.shutdown()


def _bentoml(port: int, folder: Path) -> None:
    program = Path(sys.executable).with_name("bentoml")
    os.environ["PEER_FOLDER"] = str(folder)
    options = ["--host", "127.0.0.1", "--port", str(port), "--working-dir", str(Path(__file__).parent)]
    os.execv(program, [str(program), "serve", "bento_service:Predict", *options])  # noqa: S606 - BentoML's own command


def _litserve(port: int, folder: Path) -> None:
    import litserve
    from lit_service import Predict

    os.environ["PEER_FOLDER"] = str(folder)
    server = litserve.LitServer(Predict(), accelerator="cpu", workers_per_device=1)
    server.run(host="127.0.0.1", port=port, log_level="warning", generate_client_file=False)


if __name__ == "__main__":
    main()

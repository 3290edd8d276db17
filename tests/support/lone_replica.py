"""One replica without Ray, as a process of its own: ``lone_replica.py SETTINGS PORT``, killed at will by a test."""

import json
import sys
from typing import Literal

import uvicorn

from model_lifecycle.serving.application import Application
from model_lifecycle.serving.keys import KeyHash
from model_lifecycle.serving.service import Service
from model_lifecycle.serving.settings import ServiceSettings
from model_lifecycle.store import engine

KEY = "a-key-that-only-the-tests-know"


def main() -> None:
    """Serve until killed; ``synchronous`` may be OFF, which no setting of the product allows."""
    document = json.loads(sys.argv[1])
    synchronous = document.pop("synchronous")
    engine.Synchronous = Literal["NORMAL", "FULL", "EXTRA", "OFF"]  # the negative control
    settings = ServiceSettings.model_validate(document).model_copy(update={"synchronous": synchronous})
    application = Application(lambda: Service(settings, KeyHash.of(KEY), "replica"))
    uvicorn.run(application, host="127.0.0.1", port=int(sys.argv[2]), log_level="warning", access_log=False)


if __name__ == "__main__":
    main()

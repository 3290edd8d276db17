"""Wait until a service is ready, then hold its scores for the champion's smoke records against the release's own."""

import json
import os
import sys
import time
from pathlib import Path

from model_lifecycle.client import Client

WAIT_SECONDS = 180.0


def main() -> None:
    """Ask the service at the URL of the first argument, with the key of ``MODEL_LIFECYCLE_API_KEY``."""
    started = time.monotonic()
    with Client(sys.argv[1], os.environ["MODEL_LIFECYCLE_API_KEY"]) as client:
        while not client.is_ready():
            if time.monotonic() - started > WAIT_SECONDS:
                sys.exit(f"{sys.argv[1]} was not ready within {WAIT_SECONDS:.0f} s")
            time.sleep(0.2)
        seconds = time.monotonic() - started
        release = str(client.model()["release"])
        (file,) = Path("data/06_models").glob(f"*/releases/{release}/smoke.json")
        smoke = json.loads(file.read_text(encoding="utf-8"))
        scores = [answer.score for answer in client.predict(smoke["records"])]
    if any(abs(found - expected) > 1e-12 for found, expected in zip(scores, smoke["predictions"], strict=True)):
        sys.exit(f"release {release}: found scores {scores}, expected {smoke['predictions']}")
    sys.stdout.write(
        f"ready after {seconds:.1f} s; {release} scores its {len(scores)} smoke records as it was built to\n"
    )


if __name__ == "__main__":
    main()

"""``python -m model_lifecycle serve``: the settings file, then the options, then Ray."""

from pathlib import Path
from typing import Any

import click


@click.command()
@click.option("--config", type=click.Path(path_type=Path), default=Path("conf/serve/local.yml"), show_default=True)
@click.option("--host", help="Address to listen on; anything but loopback needs a key first.")
@click.option("--port", type=click.IntRange(1, 65_535), help="Port to listen on.")
@click.option("--release", type=click.Path(path_type=Path), help="Serve this release folder, not the champion.")
@click.option("--registry", help="URI of the registry that names the champion.")
@click.option("--registry-name", help="Name of the model in the registry.")
@click.option("--store", help="Database URL of the prediction log: sqlite:///<file> or postgresql://…")
@click.option("--key-hash", type=click.Path(path_type=Path), help="File with the hash of the API key.")
@click.option("--log-folder", type=click.Path(path_type=Path), help="Keep Ray's logs here when the service ends.")
@click.option("--history-poll-seconds", type=float, help="How often the store is asked for new events.")
@click.option("--history-margin", help="How much older than the newest event a decision may be, such as 2d.")
@click.option("--min-replicas", type=click.IntRange(1), help="Replicas that always run.")
@click.option("--max-replicas", type=click.IntRange(1), help="Replicas at most, under load.")
def serve(config: Path, min_replicas: int | None, max_replicas: int | None, **options: Any) -> None:
    """Serve the champion, or a fixed release, until Ctrl-C."""
    from model_lifecycle.serving.keys import key_for_start
    from model_lifecycle.serving.settings import FOLDERS, load_settings

    given = {"minimum": min_replicas, "maximum": max_replicas}
    replicas = {name: value for name, value in given.items() if value is not None}
    settings = load_settings(config, {**options, "replicas": replicas})

    from model_lifecycle.cluster import remove_abandoned
    from model_lifecycle.serving.ports import check_port_free

    remove_abandoned(FOLDERS)  # a service that was killed may have left its HAProxy, which holds the port
    check_port_free(settings.host, settings.port)

    from model_lifecycle.serving.deployment import run_service
    from model_lifecycle.serving.preflight import check_release, check_store, open_store

    check_store(settings)
    check_release(settings)
    open_store(settings)
    from_environment, key = key_for_start(settings.key_hash, settings.client_key, settings.is_loopback())
    if key is not None:
        left = f" (left in {settings.client_key} for your own tools)" if settings.client_key else ""
        click.echo(f"API key, shown this once{left}:\n{key}")
    if not settings.is_loopback():
        click.echo(
            f"listening on {settings.host}: others can reach this service. Let them through to port {settings.port} "
            f"alone: Ray opens further ports on all interfaces.",
            err=True,
        )
    run_service(settings, from_environment)

"""``python -m model_lifecycle keys``: API keys listed, added and revoked; a running service follows within a second."""

from pathlib import Path

import click

from model_lifecycle.serving.keys import SCOPES

_file = click.option(
    "--key-hash", type=click.Path(path_type=Path), help="File with the hashes; the configured one by default."
)
_config = click.option(
    "--config", type=click.Path(path_type=Path), default=Path("conf/serve/local.yml"), show_default=True
)


@click.group()
def keys() -> None:
    """Manage the API keys of the service: who may ask, and for what. Only salted hashes are kept."""


@keys.command("list")
@_file
@_config
def list_(key_hash: Path | None, config: Path) -> None:
    """List the keys by name, with what each may do and since when it is there."""
    from model_lifecycle.serving.keys import read_keys

    for one in read_keys(_path(key_hash, config)):
        click.echo(f"{one.name:24} {','.join(sorted(one.scopes)):24} {one.created or 'unknown'}")


@keys.command()
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice(SCOPES),
    help="predict (the default): predictions, explanations; feedback: labels, events; admin: all. Repeatable.",
)
@_file
@_config
def add(name: str, scopes: tuple[str, ...], key_hash: Path | None, config: Path) -> None:
    """Make a key called NAME and show it, this once."""
    from model_lifecycle.serving.keys import add_key

    key = add_key(_path(key_hash, config), name, scopes or ("predict",))
    click.echo(f"API key {name}, shown this once:\n{key}")


@keys.command()
@click.argument("name")
@_file
@_config
def revoke(name: str, key_hash: Path | None, config: Path) -> None:
    """Revoke the key called NAME. To rotate a key, add its successor first."""
    from model_lifecycle.serving.keys import revoke_key

    revoke_key(_path(key_hash, config), name)
    click.echo(f"key {name} is revoked; a running service refuses it within a second")


def _path(key_hash: Path | None, config: Path) -> Path:
    from model_lifecycle.serving.settings import load_settings

    return load_settings(config, {}).key_hash if key_hash is None else key_hash

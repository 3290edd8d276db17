"""``python -m model_lifecycle store``: the prediction log kept small, and moved to another database."""

import time
from pathlib import Path

import click

from model_lifecycle.errors import StoreError

_TELL_SECONDS = 5.0


@click.group()
def store() -> None:
    """Look after the prediction log."""


@store.command()
@click.option("--config", type=click.Path(path_type=Path), default=Path("conf/serve/local.yml"), show_default=True)
@click.option("--store", "url", help="Database URL; the configured store by default.")
@click.option("--dry-run", is_flag=True, help="Say what would be deleted, and delete nothing.")
@click.option("--compact", is_flag=True, help="Then give the freed space back; a service on SQLite refuses meanwhile.")
def prune(config: Path, url: str | None, dry_run: bool, compact: bool) -> None:
    """Delete what is older than `retention` in the service's settings, while the service runs.

    Answers go with their labels once the outcome is known; those without one stay. Events, alerts and the audit trail
    stay.
    """
    from model_lifecycle.serving.settings import load_settings
    from model_lifecycle.store import Store

    settings = load_settings(config, {"store": url})
    keep = settings.retention
    with Store.open(settings.store, settings.synchronous) as opened:
        newest = opened.newest_decision()
        if newest is None:
            click.echo("the log is empty")
            return
        answers_before = None if keep.answers is None else newest - keep.answers
        shadows_before = None if keep.shadows is None else newest - keep.shadows
        done = opened.prune(answers_before, shadows_before, dry_run=dry_run)
        verb = "would be deleted" if dry_run else "deleted"
        for name, count, before in (
            ("answers", done.answers, answers_before),
            ("scores of shadows", done.shadows, shadows_before),
        ):
            told = "all kept" if before is None else f"{count:,} before {before:%Y-%m-%d %H:%M} {verb}"
            click.echo(f"{name}: {told}")
        waiting = f"{done.open_answers:,} old answers wait for theirs"
        click.echo(f"labels: {done.labels:,} {verb} with their answers; {waiting}")
        if compact and not dry_run:
            opened.compact()
            click.echo("freed space given back")


@store.command()
@click.option("--config", type=click.Path(path_type=Path), default=Path("conf/serve/local.yml"), show_default=True)
@click.option("--store", "url", help="Database URL; the configured store by default.")
@click.option("--to", "target", required=True, help="Database URL of an empty store, which is made where none is.")
def copy(config: Path, url: str | None, target: str) -> None:
    """Copy the whole store to another database: all rows or, where it is interrupted, none.

    Stop the service and the agent before, and let them have the new URL after: what is written meanwhile stays behind.
    """
    from model_lifecycle.serving.settings import load_settings
    from model_lifecycle.store import Store

    settings = load_settings(config, {"store": url})
    if not Store.exists(settings.store):
        raise StoreError(f"store {settings.store} does not exist; expected one to copy")
    with Store.open(settings.store, settings.synchronous) as old, Store.open(target, settings.synchronous) as new:
        counts = old.copy_into(new, _Progress())
    click.echo(", ".join(f"{rows:,} {name}" for name, rows in counts.items() if rows) or "the store was empty")


class _Progress:
    """Tells of a long table now and then."""

    def __init__(self) -> None:
        self._told = time.monotonic()

    def __call__(self, table: str, rows: int) -> None:
        if time.monotonic() - self._told > _TELL_SECONDS:
            click.echo(f"{table}: {rows:,} rows so far", err=True)
            self._told = time.monotonic()

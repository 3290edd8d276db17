"""``python -m model_lifecycle backfill``: the event store filled from history."""

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from model_lifecycle.errors import ConfigurationError
from model_lifecycle.locations import case_name, data_folder

if TYPE_CHECKING:
    from model_lifecycle.contracts.features import FeatureSpec

_BATCH = 50_000


@click.command()
@click.option("--from", "source", type=click.Path(path_type=Path), help="Parquet or CSV; by default the last run's.")
@click.option("--store", help="Database URL; the configured store by default.")
@click.option("--until", help="ISO time with its offset: only events known before it.")
@click.option("--dry-run", is_flag=True, help="Check everything and write nothing.")
@click.option("--env", envvar="KEDRO_ENV", help="Kedro environment whose store is meant.")
def backfill(source: Path | None, store: str | None, until: str | None, dry_run: bool, env: str | None) -> None:
    """Fill the event store from history. An event whose id is there already stays as it is, so repeating is harmless.

    A running service takes the new events in by itself.
    """
    from model_lifecycle.datasets.backfill import read_history
    from model_lifecycle.store import Store
    from model_lifecycle.store.backfill import event_records

    url, spec, default = _configured(env)
    path = source or default
    events = read_history(path, spec, until)
    click.echo(
        f"{path}: {len(events):,} events of {events['kind'].nunique()} kinds, known from {events['known_at'].min()} to "
        f"{events['known_at'].max()}"
    )
    if dry_run:
        click.echo("dry run: nothing is written")
        return
    new = 0
    with Store.open(store or url) as opened:
        for start in range(0, len(events), _BATCH):
            new += opened.append_events(event_records(events.iloc[start : start + _BATCH]))
            click.echo(f"{min(start + _BATCH, len(events)):,} of {len(events):,} events read, {new:,} of them new")
    click.echo(f"{new:,} events are new, {len(events) - new:,} were there already")


def _configured(env: str | None) -> tuple[str, "FeatureSpec", Path]:
    """Return the store, the declared events and the last run's events, as configured for the chosen case."""
    if find_spec("kedro") is None:
        raise ConfigurationError("kedro is not installed; the configuration of the case is read with it")
    from model_lifecycle.configuration import CaseConfigLoader
    from model_lifecycle.contracts.features import FeatureSpec
    from model_lifecycle.settings import CONFIG_LOADER_ARGS

    options: dict[str, Any] = {**CONFIG_LOADER_ARGS}
    loader = CaseConfigLoader("conf", env, **options)
    spec = FeatureSpec.model_validate(loader["parameters"]["features"])
    return str(loader["globals"]["store"]), spec, data_folder() / "03_primary" / case_name() / "events.parquet"

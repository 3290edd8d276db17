"""``python -m model_lifecycle contract infer``: a first contract for new tables."""

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from model_lifecycle.errors import ConfigurationError, ContractError

if TYPE_CHECKING:
    import pandas as pd

_PRIMARY = "primary_table"
_JOINED = "joined_decisions"  # the primary table before its contract is held against it


@click.group()
def contract() -> None:
    """Table contracts: what every table must look like."""


@contract.command()
@click.argument("sources", nargs=-1, required=True)
@click.option("--time", "times", multiple=True, metavar="COLUMN", help="A column of CSV files that holds times.")
def infer(sources: tuple[str, ...], times: tuple[str, ...]) -> None:
    """Print a contract inferred from SOURCES: files (CSV, Parquet), or entries of the catalog such as raw_orders.

    The primary_table is made of the raw tables first, as `build_tables` of the case makes it.

    Several together show foreign keys between them. Put the result into
    conf/cases/<case>/parameters_contracts.yml, and check every line.
    """
    from model_lifecycle.datasets.infer import infer_contracts, known_with_label, notes_on, to_yaml

    tables = {_name(source): _load(source, times) for source in sources}
    if len(tables) < len(sources):
        raise ConfigurationError(f"sources {list(sources)}: two have the same name")
    columns = [str(column) for table in tables.values() for column in table.columns]
    unknown = sorted(set(times) - set(columns))
    if unknown:
        raise ConfigurationError(f"--time: found {unknown}, expected some of {columns}")
    contracts = infer_contracts(tables)
    if _PRIMARY in tables and _PRIMARY in sources:
        contracts = known_with_label(contracts, _PRIMARY, _outcome_columns())
    click.echo(to_yaml(contracts, notes_on(tables)), nl=False)


def _name(source: str) -> str:
    return Path(source).name.split(".")[0].removeprefix("raw_")


def _load(source: str, times: tuple[str, ...]) -> "pd.DataFrame":
    import pandas as pd

    path = Path(source)
    if not path.is_file():
        return _from_catalog(source)
    try:
        if ".parquet" in path.suffixes:
            return pd.read_parquet(path)
        table = pd.read_csv(path, low_memory=False)
        for column in set(times) & set(table.columns):
            table[column] = _times(table[column])
    except Exception as error:
        raise ContractError(f"{path}: cannot be read as Parquet or CSV: {error}") from error
    return table


def _times(values: "pd.Series") -> "pd.Series":
    """Read texts as times; with zones of several kinds, as times in UTC."""
    import pandas as pd

    try:
        return pd.to_datetime(values)
    except ValueError:
        return pd.to_datetime(values, utc=True)


def _outcome_columns() -> list[str]:
    """Return the columns that the case's business question says are known with the label."""
    from model_lifecycle.settings import CONFIG_LOADER_ARGS, CONFIG_LOADER_CLASS

    options: dict[str, Any] = {**CONFIG_LOADER_ARGS}
    loader = CONFIG_LOADER_CLASS(Path.cwd() / "conf", os.environ.get("KEDRO_ENV"), **options)
    question = loader["parameters"]["business_question"]
    return [question[name] for name in ("target", "outcome", "outcome_reason", "label_time") if name in question]


def _from_catalog(name: str) -> "pd.DataFrame":
    import pandas as pd
    from kedro.framework.session import KedroSession
    from kedro.framework.startup import bootstrap_project

    bootstrap_project(Path.cwd())
    with KedroSession.create() as session:
        if name == _PRIMARY:
            logging.disable(logging.WARNING)  # what is printed is the contract alone
            made = cast(Any, session).run(pipeline_names=["data_engineering"], to_outputs=[_JOINED])
            return cast("pd.DataFrame", made[_JOINED].load())
        catalog: Any = cast(Any, session).load_context().catalog
        if name not in list(catalog.keys()):
            raise ConfigurationError(f"{name!r} is neither a file nor an entry of the catalog")
        table = catalog.load(name)
    if not isinstance(table, pd.DataFrame):
        raise ConfigurationError(f"catalog entry {name!r}: found {type(table).__name__}, expected a table")
    return table

"""All that will happen: decisions with their raw inputs, their outcomes, and events, in the order of time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd

from model_lifecycle.cases import Fault, load_case
from model_lifecycle.contracts.business_question import BusinessQuestion
from model_lifecycle.contracts.features import FeatureSpec
from model_lifecycle.contracts.records import EventRecord, LabelRecord
from model_lifecycle.contracts.run import RunSpec
from model_lifecycle.datasets.raw_tables import read_raw_tables, write_raw_tables
from model_lifecycle.errors import ConfigurationError
from model_lifecycle.pipelines.data_engineering.nodes.primary import known_events

# How many longest windows the service's history begins before the stretch: what a release's own backfill takes, too.
BACKFILL_WINDOWS = 2


@dataclass(frozen=True)
class World:
    """What happens before and in a stretch of time, each table sorted by its own time."""

    backfill: pd.DataFrame
    events: pd.DataFrame
    decisions: pd.DataFrame
    labels: pd.DataFrame


def plant(faults: Sequence[tuple[Fault, datetime, datetime]], case: str, conf: Path, folder: Path) -> None:
    """Write the raw tables to a folder with faults in them, each between two moments."""
    tables = read_raw_tables(conf, load_case(case).SOURCES)
    for fault, start, end in faults:
        tables = dict(fault.apply(tables, pd.Timestamp(start), pd.Timestamp(end)))
    write_raw_tables(conf, tables, folder)


def read_world(
    folder: Path, case: str, start: datetime, end: datetime, question: BusinessQuestion, features: FeatureSpec
) -> World:
    """Read what data engineering has made of the raw tables.

    Raises
    ------
    ConfigurationError
        If the sources hold no decision in the stretch.
    """
    place = folder / "02_intermediate" / case
    decisions = pd.read_parquet(place / "decisions.parquet")
    times = decisions[question.decision_time]
    inside = decisions[(times >= start) & (times < end)]
    if inside.empty:
        raise ConfigurationError(
            f"no decision between {start.isoformat()} and {end.isoformat()}; the sources hold {times.min()} to "
            f"{times.max()}, so there is nothing to play after the champion's as_of"
        )
    events = known_events(pd.read_parquet(place / "all_events.parquet"), features, RunSpec(as_of=end))
    events = events.sort_values(["known_at", "event_id"], kind="stable")
    reach = pd.Timestamp(start) - BACKFILL_WINDOWS * max(features.longest_window(), timedelta(days=1))
    before = events["known_at"] < start
    return World(
        backfill=events[before & (events["known_at"] >= reach)].reset_index(drop=True),
        events=events[~before].reset_index(drop=True),
        decisions=inside.sort_values(question.decision_time, kind="stable").reset_index(drop=True),
        labels=inside.sort_values(question.label_time, kind="stable").reset_index(drop=True),
    )


def input_records(decisions: pd.DataFrame, inputs: Sequence[str]) -> list[dict[str, object]]:
    """Return decisions as the records that a client sends: JSON values, missing ones left out.

    Raises
    ------
    ConfigurationError
        If the service asks for a field that the decisions do not have.
    """
    absent = sorted(set(inputs) - set(decisions.columns))
    if absent:
        raise ConfigurationError(f"the service's contract has inputs {absent}; the decisions have {list(decisions)}")
    table = decisions[list(inputs)].copy()
    for name in inputs:
        if isinstance(table[name].dtype, pd.DatetimeTZDtype):
            table[name] = table[name].map(lambda moment: moment.isoformat(), na_action="ignore")
    plain = table.astype(object)
    rows = plain.where(plain.notna(), None).to_dict("records")
    return [{str(name): value for name, value in row.items() if value is not None} for row in rows]


def label_records(decisions: pd.DataFrame, question: BusinessQuestion) -> list[LabelRecord]:
    """Return the outcomes of decisions, the unavailable ones with their reason."""
    names = (question.decision_id, question.label_time, question.outcome, question.target, question.outcome_reason)
    rows = zip(*(_plain(decisions[name]) for name in names), strict=True)
    return [
        LabelRecord(
            decision_id=str(decision_id),
            label_time=moment.to_pydatetime(),
            outcome="observed" if outcome == "observed" else "unavailable",
            value=value if value is None or isinstance(value, str) else float(value),
            reason=reason,
            received_at=moment.to_pydatetime(),
        )
        for decision_id, moment, outcome, value, reason in rows
    ]


def event_records(events: pd.DataFrame, features: FeatureSpec) -> list[EventRecord]:
    """Return events as a client sends them: of each kind the entities and values that it declares."""
    columns = {name: _plain(events[name]) for name in events.columns}
    return [_event({name: values[row] for name, values in columns.items()}, features) for row in range(len(events))]


def _event(row: Mapping[str, object], features: FeatureSpec) -> EventRecord:
    kind = features.events[str(row["kind"])]
    event_time, known_at = row["event_time"], row["known_at"]
    if not isinstance(event_time, datetime) or not isinstance(known_at, datetime):
        raise ConfigurationError(f"event {row['event_id']!r} has times {event_time!r} and {known_at!r}")
    return EventRecord(
        event_id=str(row["event_id"]),
        kind=str(row["kind"]),
        event_time=event_time,
        known_at=known_at,
        payload={name: row[name] for name in (*kind.entities, *kind.values)},
    )


def _plain(values: pd.Series) -> list[object]:
    """Return values as Python has them, None for a missing one."""
    plain = values.astype(object)
    found: list[object] = plain.where(plain.notna(), None).tolist()
    return found

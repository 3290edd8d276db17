"""What every server of the benchmark is given: the champion, real decisions after its training, and their history."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project

from model_lifecycle.contracts.columns import Columns
from model_lifecycle.features.history import History
from model_lifecycle.features.tables import events_by_kind, to_columns, to_table
from model_lifecycle.scoring import Scorer
from model_lifecycle.store import Store
from model_lifecycle.store.backfill import event_records

RECORDS = 2_000
BATCH = 1_000
DAYS = pd.Timedelta(days=2)  # no more than the service's history_margin, or its memory ends after the first decisions


@dataclass(frozen=True)
class World:
    """One model and its records, as ours and as the peers want them."""

    folder: Path
    scorer: Scorer
    release: Path
    records: list[dict[str, Any]]
    features: list[dict[str, Any]]
    scores: list[float]
    events: pd.DataFrame

    def fill(self, url: str) -> None:
        """Write the events into a store."""
        with Store.open(url) as store:
            store.append_events(event_records(self.events))


def make_world(folder: Path) -> World:
    """Take the champion of the finished run, and decisions of the two weeks after what it has seen."""
    bootstrap_project(Path.cwd())
    with KedroSession.create() as session:
        catalog = session.load_context().catalog
        champion, decisions, events = (catalog.load(name) for name in ("champion", "decisions", "all_events"))
    scorer = champion.scorer
    question, spec = scorer.question, scorer.spec
    start = pd.Timestamp(scorer.facts.as_of)
    time = decisions[question.decision_time]
    decisions = decisions.loc[(time >= start) & (time < start + DAYS), list(scorer.contract.columns)]
    decisions = decisions.sample(min(RECORDS, len(decisions)), random_state=0)
    lags = {kind: pd.Timedelta(declared.availability_lag) for kind, declared in spec.events.items()}
    events = events.assign(known_at=(events["event_time"] + events["kind"].map(lags)).dt.as_unit("us"))
    recent = (events["known_at"] > start - spec.longest_window()) & (events["known_at"] < start + DAYS)
    events = events[recent].sort_values("known_at", kind="stable")
    columns = to_columns(decisions)
    scored = scorer.score(columns, History.build(spec, events_by_kind(events, spec)))
    _write_for_peers(folder, scorer, scored.features)
    return World(
        folder=folder,
        scorer=scorer,
        release=Path(champion.entry.path),
        records=_records(decisions),
        features=_records(to_table(scored.features)),
        scores=scored.score.tolist(),
        events=events,
    )


def _write_for_peers(folder: Path, scorer: Scorer, features: Columns) -> None:
    artifact = folder / "artifact"
    artifact.mkdir()
    model = next(content for name, content in scorer.model.to_files().items() if name.endswith(".cbm"))
    for place in (folder, artifact):
        (place / "model.cbm").write_bytes(model)
        (place / "names.json").write_text(json.dumps(list(scorer.spec.names())))
    to_table(features).to_parquet(folder / "features.parquet", index=False)


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{name: _json(value) for name, value in row.items()} for row in table.to_dict("records")]


def _json(value: Any) -> Any:
    if isinstance(value, pd.Timestamp):
        return value.isoformat()
    return None if value is None or value != value else value  # noqa: PLR0124 - NaN


def write_bodies(path: Path, documents: list[Any]) -> Path:
    """Write one request body a line."""
    path.write_text("".join(json.dumps(one, separators=(",", ":")) + "\n" for one in documents))
    return path

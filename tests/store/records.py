"""Records for the tests of the store, and a look behind its back."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import create_engine, text

from model_lifecycle.contracts.records import EventRecord, LabelRecord, PredictionRecord

START = datetime(2013, 6, 1, tzinfo=UTC)
LATER = START + timedelta(days=30)


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def prediction(number: int, *, decision: int | None = None, minutes: float | None = None) -> PredictionRecord:
    return PredictionRecord(
        prediction_id=f"p{number}",
        decision_id=f"d{number if decision is None else decision}",
        decision_time=at(number if minutes is None else minutes),
        logged_at=at(number) + timedelta(microseconds=1),
        release="release-1",
        score=0.1 + 0.2,
        decision="act",
        threshold=0.3,
        watermark=7,
        inputs={"carrier": "UA", "distance": 1400},
        features={"rate_28d": 1 / 3},
        flags={"tail": "unknown"},
        action="act",
    )


def observed(decision: int, value: float, *, known: float, received: float | None = None) -> LabelRecord:
    return LabelRecord(f"d{decision}", at(known), "observed", value, None, at(known if received is None else received))


def unavailable(decision: int, *, known: float) -> LabelRecord:
    return LabelRecord(f"d{decision}", at(known), "unavailable", None, "cancelled", at(known))


def event(number: int, *, kind: str = "departure", known: float | None = None) -> EventRecord:
    return EventRecord(f"e{number}", kind, at(number), at(number if known is None else known), {"delay": number / 3})


def execute(url: str, statement: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text(statement))
    engine.dispose()

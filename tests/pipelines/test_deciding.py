"""What the audit trail adds to the policy's decision, and what monitoring adds to the trail."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from answered_worse import PER_DAY, SINCE, worse_answers
from model_lifecycle.contracts.modelling import SplitSpec
from model_lifecycle.contracts.policy import MonitoringSpec, PolicySpec
from model_lifecycle.contracts.records import AuditRecord, EventRecord
from model_lifecycle.monitoring.paired import Comparison
from model_lifecycle.monitoring.verdict import Drift, Figure, Finding, Maturity, MonitoringReport, WindowVerdict
from model_lifecycle.pipelines.monitoring.nodes.deciding import compare_with_previous, decide_policy, tell_blocked
from monitored_traffic import champion
from tiny_release import scorer

START = datetime(2024, 7, 1, tzinfo=UTC)
WEEK = timedelta(days=7)
NOW = START + 2 * WEEK
SPLIT = SplitSpec(time_zone="UTC", period="week", validation_periods=1)
POLICY = PolicySpec.model_validate({"cooldown": "14d", "maximum_age": "1d", "minimum_new_labels": 1})


def _entry(at: datetime, action: str, release: str = "r1", **details: object) -> AuditRecord:
    return AuditRecord(at, "agent", action, release, "why", details)


def _report(*blocked: bool) -> dict[str, Any]:
    finding = Finding(rule="missing", column="load", severity="critical", found=0.5, limit=0.05, message="load is gone")
    maturity = Maturity(
        mature=False, reason="", decisions=9, observed=0, unavailable={}, waiting=9, label_before_decision=0,
        delay_hours={},
    )  # fmt: skip
    windows = tuple(
        WindowVerdict(
            start=START + number * WEEK, end=START + (number + 1) * WEEK, decisions=9, maturity=maturity,
            quality=(finding,) if bad else (), drift=Drift(), performance=None, releases=(),
        )
        for number, bad in enumerate(blocked)
    )  # fmt: skip
    report = MonitoringReport(
        release="r1", until=NOW, as_of=NOW, window_seconds=WEEK.total_seconds(), windows=windows, new_labels=99
    )
    return report.model_dump(mode="json")


def _decided(*trail: AuditRecord, worse: Figure | None = None, **policy: object) -> dict[str, Any]:
    compared = Comparison(release="r1", other="r0", since=START, rows=9, difference=worse, reason="")
    spec = PolicySpec.model_validate({**POLICY.model_dump(), **policy})
    return decide_policy(_report(False, False), champion(), spec, trail, compared.model_dump(mode="json"), SPLIT)


def test_an_old_champion_is_retrained_unless_the_trail_tells_of_a_retraining_within_the_cooldown() -> None:
    assert _decided()["action"] == "retrain"
    assert _decided(_entry(NOW - 2 * WEEK, "retraining rejected"))["action"] == "retrain"
    assert _decided(_entry(NOW - WEEK, "retraining rejected"))["action"] == "investigate"


def test_the_importance_that_the_release_knows_reaches_the_policy() -> None:
    facts = champion().model_copy(update={"importance": {"load": 0.7}})
    compared = Comparison(release="r1", other=None, since=None, rows=0, difference=None, reason="")
    found = decide_policy(_report(False), facts, POLICY, [], compared.model_dump(mode="json"), SPLIT)
    assert found["evidence"]["state"]["importance"] == {"load": 0.7}


def test_seconds_in_the_trail_are_what_the_compute_budget_counts() -> None:
    spent = _entry(NOW - 3 * WEEK, "retrained", seconds=600.0)
    assert _decided(spent, budget={"compute": "10min"})["action"] == "investigate"
    assert _decided(spent, budget={"compute": "11min"})["action"] == "retrain"


def test_a_champion_in_its_probation_that_is_worse_than_the_one_before_it_is_rolled_back() -> None:
    worse = Figure(estimate=0.1, lower=0.05, upper=0.15, level=0.95, n_blocks=14)
    assert _decided(_entry(NOW - WEEK, "promote"), worse=worse)["action"] == "rollback"
    assert _decided(_entry(NOW - 4 * WEEK, "promote"), worse=worse)["action"] == "rollback"  # the first look after it
    assert _decided(_entry(NOW - 5 * WEEK, "promote"), worse=worse)["action"] != "rollback"
    assert _decided(_entry(NOW - WEEK, "promote", "r9"), worse=worse)["action"] != "rollback"


def test_a_window_that_failed_holds_a_retraining_while_one_would_learn_from_it() -> None:
    def blocked(end: datetime) -> AuditRecord:
        return _entry(end, "data blocked", start=(end - WEEK).isoformat(), end=end.isoformat())

    policy: dict[str, Any] = {"blocked_rows": "hold", "training": {"periods": 4}}  # and one each of validation and test
    assert _decided(blocked(NOW - 5 * WEEK), **policy)["action"] == "investigate"
    assert _decided(blocked(NOW - 6 * WEEK), **policy)["action"] == "retrain"
    assert _decided(blocked(NOW - 6 * WEEK), blocked_rows="hold")["action"] == "investigate"


def test_a_window_that_failed_goes_into_the_trail_once_and_is_trusted_when_judged_again() -> None:
    first = tell_blocked(_report(True, False), [])
    assert [(one.action, one.reason, one.details["start"]) for one in first] == [
        ("data blocked", "load is gone", START.isoformat())
    ]
    assert tell_blocked(_report(True, False), first) == []
    assert [one.action for one in tell_blocked(_report(False, False), first)] == ["data trusted"]


class Log:
    """A log of a release's answers, and what was read of it."""

    def __init__(self, rows: pd.DataFrame) -> None:
        self.rows, self.read_spans = rows, list[tuple[datetime, datetime]]()

    def newest(self) -> datetime | None:
        return None if self.rows.empty else self.rows["decision_time"].max().to_pydatetime()

    def read(self, start: datetime, end: datetime, as_of: datetime) -> pd.DataFrame:
        self.read_spans.append((start, end))
        times = self.rows["decision_time"]
        return self.rows[(times >= start) & (times < end) & (times < as_of)].reset_index(drop=True)


class NoEvents:
    """An event store without events."""

    def known_since(self, _: datetime) -> list[tuple[int, EventRecord]]:
        return []


def _compared(
    log: Log,
    mine: SimpleNamespace | None,
    before: SimpleNamespace | None,
    *trail: AuditRecord,
    until: str | None = None,
) -> Comparison:
    found = compare_with_previous(
        log=log, events=NoEvents(), champion=mine, previous=before, trail=trail, until=until,
        monitoring=MonitoringSpec(window=WEEK), policy=POLICY,
    )  # fmt: skip
    return Comparison.model_validate(found)


@pytest.mark.parametrize("known", [False, True])
def test_without_a_release_before_it_there_is_nothing_to_compare(known: bool) -> None:
    mine = SimpleNamespace(scorer=SimpleNamespace(release_id="r1")) if known else None
    found = _compared(Log(pd.DataFrame()), mine, None)
    assert (found.difference, found.reason) == (None, "no release before it")


@pytest.fixture(scope="module")
def releases() -> tuple[SimpleNamespace, SimpleNamespace]:
    return SimpleNamespace(scorer=scorer("parcels-2")), SimpleNamespace(scorer=scorer("parcels-1"))


def test_the_whole_probation_is_compared_until_the_first_look_after_it(
    releases: tuple[SimpleNamespace, SimpleNamespace],
) -> None:
    mine, before = releases
    log, promoted = Log(worse_answers(mine.scorer, days=50)), _entry(SINCE, "promote", "parcels-2")

    def judged(days: int) -> Comparison:
        return _compared(log, mine, before, promoted, until=(SINCE + timedelta(days=days)).isoformat())

    assert [judged(days).rows for days in (14, 28, 34)] == [14 * PER_DAY, 28 * PER_DAY, 28 * PER_DAY]
    assert judged(34).difference is not None
    assert judged(35).reason == "its probation is over"
    assert log.read_spans[-1] == (SINCE, SINCE + timedelta(days=28))


def test_a_look_from_a_day_before_the_end_of_the_probation_on_has_nearly_all_of_the_error(
    releases: tuple[SimpleNamespace, SimpleNamespace],
) -> None:
    mine, before = releases
    log, promoted = Log(worse_answers(mine.scorer, days=50)), _entry(SINCE, "promote", "parcels-2")
    looks = [
        _compared(log, mine, before, promoted, until=(SINCE + timedelta(days=days)).isoformat()).difference
        for days in (21, 27, 34)
    ]
    assert [look and look.level for look in looks] == [0.995, 0.96, 0.96]


def test_days_that_several_windows_blocked_lengthen_the_probation_once_and_those_after_it_not_at_all(
    releases: tuple[SimpleNamespace, SimpleNamespace],
) -> None:
    def blocked(day: int) -> AuditRecord:
        start = SINCE + timedelta(days=day)
        span = {"start": start.isoformat(), "end": (start + WEEK).isoformat()}
        return _entry(start + WEEK, "data blocked", "parcels-2", **span)

    mine, before = releases
    log, promoted = Log(worse_answers(mine.scorer, days=50)), _entry(SINCE, "promote", "parcels-2")
    trail = [promoted, *(blocked(day) for day in (3, 4, 5, 40))]
    found = _compared(log, mine, before, *trail, until=(SINCE + timedelta(days=40)).isoformat())
    assert log.read_spans == [(SINCE, SINCE + timedelta(days=28 + 9))]
    assert found.rows == 28 * PER_DAY


def test_what_cannot_be_trusted_is_not_compared_and_makes_the_probation_longer(
    releases: tuple[SimpleNamespace, SimpleNamespace],
) -> None:
    mine, before = releases
    spoiled = {"start": (SINCE + WEEK).isoformat(), "end": (SINCE + 2 * WEEK).isoformat()}
    trail = _entry(SINCE, "promote", "parcels-2"), _entry(SINCE + 2 * WEEK, "data blocked", "parcels-2", **spoiled)
    log = Log(worse_answers(mine.scorer, days=50))
    found = _compared(log, mine, before, *trail, until=(SINCE + timedelta(days=35)).isoformat())
    assert found.rows == 28 * PER_DAY

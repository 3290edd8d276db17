"""Root causes: the segment that was hit is first, and quiet weeks have none."""

from dataclasses import replace

import numpy as np

from model_lifecycle.monitoring.champion import ChampionFacts
from model_lifecycle.monitoring.judge import judge_windows
from model_lifecycle.monitoring.verdict import Causes, MonitoringReport
from monitored_traffic import LIVE, RULES, WEEK, Traffic, champion, judged, live, log_of


def _hit(found: Traffic, share: float = 0.7) -> Traffic:
    """Turn the outcomes of most rows of one region round."""
    chosen = (found.columns["region"] == "east") & (np.random.default_rng(1).random(found.target.size) < share)
    return replace(found, target=np.where(chosen, 1.0 - found.target, found.target))


def _causes(found: Traffic, facts: ChampionFacts | None = None) -> Causes:
    causes = judged(found, facts=facts).windows[-1].causes
    assert causes is not None
    return causes


def test_the_segment_that_was_hit_comes_first_with_its_evidence() -> None:
    first = _causes(_hit(live(1))).segments[0]
    assert (first.feature, first.segment, first.explains) == ("region", "east", True)
    assert 0.15 < first.share < 0.25
    assert first.loss > first.foretold + 0.2
    assert first.difference.lower is not None
    assert first.difference.lower > 0.0
    assert first.contribution == first.share * (1.0 - first.share) * first.difference.estimate


def test_the_feature_of_that_segment_leads_the_features() -> None:
    found = _causes(_hit(live(1)))
    assert found.features[0].feature == "region"
    assert found.features[0].by_outcomes == sum(
        one.contribution for one in found.segments if one.feature == "region" and one.explains and one.contribution > 0
    )


def test_a_quiet_week_has_no_segment_that_explains() -> None:
    assert not any(one.explains for one in _causes(live(1)).segments)


def test_a_shift_of_an_important_feature_is_put_down_to_it() -> None:
    moved = live(1)
    kept = np.random.default_rng(2).random(moved.score.size) < np.clip(2.0 * moved.score, 0.1, 1.0)
    columns = {name: values[kept] for name, values in moved.columns.items()}
    harder = Traffic(columns, moved.times[kept], moved.score[kept], moved.target[kept])
    by_inputs = {one.feature: one.by_inputs for one in _causes(harder).features}
    assert max(by_inputs, key=lambda name: by_inputs[name]) == "noise_0"


def test_importance_weighs_the_drift_of_features() -> None:
    facts = champion().model_copy(update={"importance": {"noise_0": 0.6, "load": 0.4}})
    moved = live(1).changed("noise_0", lambda values: values + 3.0)
    drift = judged(moved, facts=facts).windows[-1].drift
    shares = {one.feature: one.importance for one in drift.features}
    assert (shares["noise_0"], shares["engine"]) == (0.6, None)
    assert drift.importance_drifted == 0.6


def test_a_column_that_cannot_be_read_is_skipped_and_the_others_are_compared() -> None:
    log = log_of(_hit(live(1)))
    for row in log["inputs"]:
        del row["engine"]
    causes = judge_windows(log, champion(), RULES, LIVE + WEEK, 1).windows[-1].causes
    assert causes is not None
    assert causes.skipped == {"engine": "not logged"}
    assert causes.segments[0].segment == "east"


def test_a_report_from_before_has_no_causes() -> None:
    report = judged(live(1)).model_dump(mode="json")
    for window in report["windows"]:
        del window["causes"]
        del window["drift"]["importance_drifted"]
    assert MonitoringReport.model_validate(report).windows[0].causes is None

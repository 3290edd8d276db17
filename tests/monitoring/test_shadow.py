"""A shadow against the champion on the same decisions, and each release by itself."""

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from model_lifecycle.monitoring.judge import judge_windows, with_shadows
from model_lifecycle.monitoring.verdict import MonitoringReport, ShadowVerdict
from monitored_traffic import LIVE, RELEASE, RULES, TASK, WEEK, champion, live, log_of

WEEKS = 4
UNTIL = LIVE + WEEKS * WEEK


def _shadowed(log: pd.DataFrame, score: np.ndarray) -> pd.DataFrame:
    return log.assign(release="r2", score=score, prediction_id=log["prediction_id"] + ".shadow")


def _report(log: pd.DataFrame, shadows: pd.DataFrame) -> MonitoringReport:
    report = judge_windows(log, champion(), RULES, UNTIL, WEEKS)
    return with_shadows(report, log, shadows, champion(), RULES)


def _verdict(score_of: float = 1.0) -> tuple[ShadowVerdict, pd.DataFrame, pd.DataFrame]:
    log = log_of(live(6, weeks=WEEKS), timedelta(0))
    noisy = np.clip(log["score"].to_numpy() ** score_of, 0.001, 0.999)
    shadows = _shadowed(log, noisy).sample(frac=0.8, random_state=1)
    return _report(log, shadows).shadows[0], log, shadows


def test_a_worse_shadow_is_shown_to_be_worse_on_the_decisions_that_both_scored() -> None:
    found, log, shadows = _verdict(0.3)
    both = log[log["decision_id"].isin(shadows["decision_id"])].set_index("decision_id")
    theirs = shadows.set_index("decision_id").loc[both.index]
    target = both["value"].to_numpy()
    expected = TASK.losses(target, theirs["score"].to_numpy()) - TASK.losses(target, both["score"].to_numpy())
    assert found.difference is not None
    assert found.difference.estimate == pytest.approx(expected.mean())
    assert found.difference.lower is not None
    assert found.difference.lower > 0.0
    assert (found.release, found.champion, found.decisions) == ("r2", RELEASE, len(shadows))
    assert sum(one.observed for one in found.windows) == found.observed == len(shadows)


def test_an_equal_shadow_agrees_on_every_decision() -> None:
    found, _, _ = _verdict(1.0)
    assert found.agreement == 1.0
    assert found.loss == found.champion_loss


def test_labels_from_after_the_moment_do_not_count() -> None:
    log = log_of(live(6, weeks=WEEKS), timedelta(days=300))
    found = _report(log, _shadowed(log, log["score"].to_numpy())).shadows[0]
    assert (found.observed, found.difference, found.reason) == (0, None, "no common decision has an outcome")
    assert found.decisions == len(log)


def test_a_shadow_of_other_decisions_shares_none() -> None:
    log = log_of(live(6, weeks=WEEKS), timedelta(0))
    other = _shadowed(log, log["score"].to_numpy()).assign(decision_id=lambda table: "x" + table["decision_id"])
    found = _report(log, other).shadows[0]
    assert (found.decisions, found.agreement, found.loss) == (0, None, None)


def test_without_a_shadow_there_is_no_verdict() -> None:
    log = log_of(live(6, weeks=WEEKS), timedelta(0))
    assert _report(log, log.head(0)).shadows == ()


def test_two_releases_in_a_window_are_told_each_by_itself() -> None:
    log = log_of(live(1), timedelta(0))
    log.loc[log.index[::3], "release"] = "r0"
    window = judge_windows(log, champion(), RULES, LIVE + WEEK, 1).windows[0]
    told = {one.release: one for one in window.by_release}
    assert {name: one.decisions for name, one in told.items()} == {"r0": 350, RELEASE: 700}
    assert told[RELEASE].performance is not None
    assert told[RELEASE].performance == window.performance
    assert told["r0"].maturity.reason.startswith("350")


def test_one_release_alone_is_not_told_twice() -> None:
    log = log_of(live(1), timedelta(0))
    assert judge_windows(log, champion(), RULES, LIVE + WEEK, 1).windows[0].by_release == ()

"""What monitoring would have said of a policy's champion, with the labels that had arrived by then."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from model_lifecycle.backtest.production import Live, Production, Release
from model_lifecycle.contracts.model_input import OBSERVED, UNAVAILABLE
from model_lifecycle.contracts.policy import MonitoringSpec, PolicySpec
from model_lifecycle.monitoring.judge import lookback
from model_lifecycle.monitoring.performance import judge_performance
from model_lifecycle.monitoring.policy import Attempt, PolicyState
from model_lifecycle.monitoring.verdict import Drift, Performance, WindowVerdict
from model_lifecycle.monitoring.windows import Window, maturity, tile
from model_lifecycle.tasks import Task

Timeline = Sequence[tuple[datetime, Release]]  # from when on which release answers; the oldest first


class Watch:
    """Judges windows of live decisions; a window on which nothing new is known is not judged again.

    Parameters
    ----------
    live : Live
        All decisions.
    production : Production
        Answers them.
    task : Task
        Of the question.
    spec : MonitoringSpec
        How a window is judged.
    label_delay : timedelta
        How long nearly all outcomes take (`SplitSpec.label_delay`).
    youngest : timedelta
        How old the training data of a release are when it is made.
    """

    def __init__(
        self,
        live: Live,
        production: Production,
        task: Task,
        spec: MonitoringSpec,
        label_delay: timedelta = timedelta(0),
        youngest: timedelta = timedelta(0),
    ) -> None:
        self._live, self._production, self._task, self._spec = live, production, task, spec
        self._label_delay, self._youngest = label_delay, youngest
        self._judged: dict[tuple[object, ...], WindowVerdict] = {}

    def history(self, timeline: Timeline, at: datetime, policy: PolicySpec, *, drift: bool) -> list[WindowVerdict]:
        """Return the verdicts on the last windows before a moment, the oldest first."""
        windows, _ = lookback(self._spec, policy.longest_row(), self._label_delay)
        return [
            self._verdict(timeline, window, at, drift=drift)
            for window in tile(timeline[0][0], at, self._spec.window, windows)
        ]

    def state(
        self, timeline: Timeline, at: datetime, retrained_at: datetime, retrainings: Sequence[Attempt] = ()
    ) -> PolicyState:
        """Return what the policy knows besides the windows."""
        since, release = timeline[-1]
        rows = self._live.rows(max(release.facts.trained_until, timeline[0][0]), at)
        new = self._live.known(rows, at) & ~self._live.unavailable[rows]
        return PolicyState(
            now=at,
            release=release.name,
            trained_until=release.facts.trained_until,
            promoted_at=since,
            retrained_at=retrained_at,
            retrainings=tuple(retrainings),
            importance=release.facts.importance,
            new_labels=int(new.sum()),
            youngest=self._youngest,
        )

    def _verdict(self, timeline: Timeline, window: Window, at: datetime, *, drift: bool) -> WindowVerdict:
        since, release = timeline[-1]
        every, mine = self._live.rows(window.start, window.end), self._live.rows(max(window.start, since), window.end)
        mine = slice(min(mine.start, mine.stop), mine.stop)
        known = int(self._live.known(every, at).sum())
        settled = at - window.end >= self._label_delay
        key = (release.name, every.start, every.stop, mine.start, known, settled, drift)
        if key not in self._judged:
            self._judged[key] = self._judge(release, window, every, mine, at, drift=drift)
        return self._judged[key]

    def _judge(
        self, release: Release, window: Window, every: slice, mine: slice, at: datetime, *, drift: bool
    ) -> WindowVerdict:
        found = maturity(self._outcomes(every, at), self._spec, at - window.end, self._label_delay)
        answered = mine.stop > mine.start
        performance = self._performance(release, mine, at) if found.mature and answered else None
        return WindowVerdict(
            start=window.start,
            end=window.end,
            decisions=every.stop - every.start,
            maturity=found,
            quality=(),
            drift=self._production.drift(release, every) if drift and every.stop > every.start else Drift(),
            performance=performance,
            releases=(),
        )

    def _performance(self, release: Release, rows: slice, at: datetime) -> Performance:
        answers, task = self._production.answer(release, rows), self._task
        outputs = pd.DataFrame(dict(task.outputs(answers.prediction)), index=range(rows.stop - rows.start))
        table = self._outcomes(rows, at).assign(
            release=release.name,
            score=task.score(answers.prediction),
            threshold=np.nan if release.threshold is None else release.threshold,
            decision=task.decisions(answers.action),
            outputs=pd.Series(outputs.to_dict("records"), dtype=object),
        )
        return judge_performance(table, release.facts, task, self._spec.window)

    def _outcomes(self, rows: slice, at: datetime) -> pd.DataFrame:
        live, known = self._live, self._live.known(rows, at)
        outcome = np.where(live.unavailable[rows], UNAVAILABLE, OBSERVED).astype(object)
        outcome[~known] = None
        label = np.where(known, live.label_times[rows], np.datetime64("NaT"))
        return pd.DataFrame(
            {
                "decision_time": pd.Series(live.times[rows]).dt.tz_localize("UTC"),
                "outcome": pd.Series(outcome, dtype=object),
                "value": np.where(known, live.target[rows], np.nan),
                "label_time": pd.Series(label.astype("datetime64[us]")).dt.tz_localize("UTC"),
            }
        )

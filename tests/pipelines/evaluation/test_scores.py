"""Every model scores the same test rows, the champion from its own features."""

from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from model_lifecycle.features.tables import to_columns
from model_lifecycle.pipelines.evaluation.nodes.scores import score_test
from model_lifecycle.pipelines.feature_engineering.nodes import make_model_input, plan_split
from model_lifecycle.scoring import Scorer
from parcels import QUESTION_WITH_SLICE, RUN, SPLIT, Stages
from tiny_release import SPEC


@dataclass(frozen=True)
class InProduction:
    """A champion, as the catalog loads it."""

    scorer: Scorer


def test_the_champion_scores_the_test_rows_and_no_younger_ones_where_the_test_waits_for_labels(stages: Stages) -> None:
    split = SPLIT.model_copy(update={"label_delay": timedelta(days=10)})
    plan = plan_split(stages.primary, split, RUN, QUESTION_WITH_SLICE)
    _, test = make_model_input(stages.primary, stages.events, SPEC, stages.state, plan, QUESTION_WITH_SLICE)
    champion = stages.fitted["trees"]
    scores = score_test(
        {}, test, InProduction(champion), stages.primary, stages.events, plan, SPEC, QUESTION_WITH_SLICE
    )
    assert len(scores) < (stages.primary["asked_at"] >= plan.test.start).sum()
    expected = champion.predict(to_columns(test[list(SPEC.names())]))
    np.testing.assert_array_equal(scores["prediction_champion"], expected)

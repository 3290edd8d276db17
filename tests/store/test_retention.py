from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from model_lifecycle.errors import ConfigurationError
from model_lifecycle.serving.store_command import store as store_command
from model_lifecycle.store import Store, retention

from .records import LATER, START, at, observed, prediction

CUT = at(10)


@pytest.fixture
def filled(store: Store, monkeypatch: pytest.MonkeyPatch) -> Store:
    """Twenty answers, one a minute: those with an even number are labelled, and a shadow scored all of them."""
    monkeypatch.setattr(retention, "ROWS_PER_TRANSACTION", 3)
    store.append_predictions([prediction(number) for number in range(20)])
    store.append_predictions([replace(prediction(n), prediction_id=f"s{n}", role="shadow") for n in range(20)])
    store.append_labels([observed(number, 1.0, known=number) for number in range(0, 20, 2)])
    return store


def test_old_answers_go_once_their_outcome_is_known_and_open_ones_stay(filled: Store) -> None:
    done = filled.prune(CUT, None)
    assert (done.answers, done.labels, done.shadows, done.open_answers) == (5, 0, 0, 5)
    kept = filled.labelled_predictions_between(START, LATER, LATER)
    assert kept["decision_id"].tolist() == [f"d{n}" for n in (1, 3, 5, 7, 9, *range(10, 20))]
    assert kept["outcome"].notna().sum() == 5
    assert len(filled.predictions_between(START, LATER, shadow=True)) == 20


def test_old_scores_of_shadows_go_by_themselves(filled: Store) -> None:
    assert filled.prune(None, CUT).shadows == 10
    assert len(filled.predictions_between(START, LATER, shadow=True)) == 10
    assert len(filled.predictions_between(START, LATER)) == 20


def test_labels_go_with_the_last_score_of_their_decision(filled: Store) -> None:
    done = filled.prune(CUT, CUT)
    assert (done.answers, done.labels, done.shadows, done.open_answers) == (5, 5, 10, 5)
    filled.append_predictions([prediction(100, decision=0, minutes=0)])
    again = filled.labelled_predictions_between(START, LATER, LATER).set_index("prediction_id")
    assert again.loc["p100", "outcome"] is None
    assert again.loc["p10", "value"] == 1.0


@pytest.mark.parametrize("answers", [None, CUT])
@pytest.mark.parametrize("shadows", [None, CUT])
def test_a_dry_run_tells_what_would_go_and_deletes_nothing(
    filled: Store, answers: datetime | None, shadows: datetime | None
) -> None:
    filled.append_predictions([prediction(100, decision=0, minutes=15)])  # keeps the label of its decision
    told = filled.prune(answers, shadows, dry_run=True)
    assert len(filled.predictions_between(START, LATER)) == 21
    assert told == filled.prune(answers, shadows)


def test_a_label_stays_while_another_answer_for_its_decision_does(filled: Store) -> None:
    filled.append_predictions([prediction(100, decision=0, minutes=15)])
    filled.prune(CUT, None)
    later = filled.labelled_predictions_between(START, LATER, LATER).set_index("prediction_id")
    assert later.loc["p100", "value"] == 1.0


def test_compacting_leaves_what_is_there(filled: Store) -> None:
    filled.prune(CUT, CUT)
    filled.compact()
    assert len(filled.predictions_between(START, LATER)) == 15


def settings(folder: Path, retention_lines: str) -> Path:
    path = folder / "serve.yml"
    path.write_text(
        f"registry: sqlite:///r.db\nregistry_name: demo\nkey_hash: k\nstore: sqlite:///{folder}/store.db\n"
        f"{retention_lines}"
    )
    return path


def test_the_command_deletes_by_the_settings_and_tells(tmp_path: Path) -> None:
    path = settings(tmp_path, "retention: {answers: 1d, shadows: 1d, monitored: 1d}\n")
    with Store.open(f"sqlite:///{tmp_path}/store.db") as made:
        made.append_predictions([prediction(1), prediction(2), prediction(5000)])
        made.append_labels([observed(1, 1.0, known=2)])
    done = CliRunner().invoke(store_command, ["prune", "--config", str(path), "--compact"], catch_exceptions=False)
    assert done.output.splitlines() == [
        "answers: 1 before 2013-06-03 11:20 deleted",
        "scores of shadows: 0 before 2013-06-03 11:20 deleted",
        "labels: 1 deleted with their answers; 1 old answers wait for theirs",
        "freed space given back",
    ]


def test_a_retention_shorter_than_what_monitoring_needs_is_refused(tmp_path: Path) -> None:
    path = settings(tmp_path, "retention: {answers: 30d}\n")
    with pytest.raises(ConfigurationError, match=r"answers 30 days, expected at least the 120 of `monitored`"):
        CliRunner().invoke(store_command, ["prune", "--config", str(path)], catch_exceptions=False)


def test_a_decision_in_the_future_makes_nothing_old(filled: Store) -> None:
    newest = filled.newest_decision()
    assert newest == at(19)
    filled.append_predictions([prediction(100, minutes=60 * 24 * 365 * 100)])
    assert filled.newest_decision() == newest

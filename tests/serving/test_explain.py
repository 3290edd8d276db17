import asyncio
import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model_lifecycle.serving.settings import Limits
from model_lifecycle.store import Store
from task_questions import AMOUNT, KIND
from tiny_release import record, scorer, write_release

Start = Callable[..., Any]


def explained(api: Any, *records: dict[str, object], top: int = 10) -> list[dict[str, Any]]:
    response = api.ask("POST", "/v1/explain", json={"records": records, "top": top})
    assert response.status_code == 200, response.text
    found: list[dict[str, Any]] = response.json()["explanations"]
    return found


def test_contributions_and_rest_add_up_from_the_base_to_the_margin_of_the_predicted_score(api: Any) -> None:
    (told,) = explained(api, record(1), top=2)
    score = api.predict(record(1))[0]["score"]
    assert told["score"] == score
    assert told["margin"] == pytest.approx(math.log(score / (1 - score)), abs=1e-9)
    total = told["base"] + sum(one["contribution"] for one in told["contributions"]) + told["rest"]
    assert total == pytest.approx(told["margin"], abs=1e-6)
    assert (told["release"], told["parcel"], told["method"]) == ("parcels-1", "P-1", "of the model")


def test_the_largest_contributions_come_first_with_their_values(api: Any) -> None:
    (whole,), (first,) = explained(api, record(1), top=100), explained(api, record(1), top=2)
    sizes = [abs(one["contribution"]) for one in whole["contributions"]]
    assert sizes == sorted(sizes, reverse=True)
    assert (len(sizes), whole["rest"]) == (6, 0.0)
    assert first["contributions"] == whole["contributions"][:2]
    values = {one["feature"]: one["value"] for one in whole["contributions"]}
    assert (values["weight"], values["depot"]) == (1.5, "south")


@pytest.mark.parametrize(("question", "classes"), [(AMOUNT, None), (KIND, {"early", "in time", "late"})])
def test_a_quantity_and_classes_are_explained_too(
    start: Start, tmp_path: Path, question: Any, classes: set[str] | None
) -> None:
    release = write_release(tmp_path, scorer("parcels-9", threshold=None, question=question))
    (told,) = explained(start(release=release), record(1), top=3)
    parts = [told["base"], told["rest"], *(one["contribution"] for one in told["contributions"])]
    if classes is None:
        assert sum(parts) == pytest.approx(told["margin"], abs=1e-6)
        return
    assert set(told["margin"]) == set(told["base"]) == classes
    for label, margin in told["margin"].items():
        assert sum(part[label] for part in parts) == pytest.approx(margin, abs=1e-6)


def test_one_record_is_explained_by_itself(api: Any) -> None:
    assert api.ask("POST", "/v1/explain", json=record(1)).json()["parcel"] == "P-1"


def test_explaining_is_not_logged_and_needs_no_log(api: Any, store: Store) -> None:
    explained(api, record(1))
    far = np.datetime64("2030-01-01").astype("datetime64[us]").item().astimezone()
    assert len(store.predictions_between(far.replace(year=2000), far)) == 0


def test_wrong_fields_too_many_records_and_a_wrong_top_are_refused(start: Start) -> None:
    api = start(limits=Limits(explained_rows=2))
    wrong = api.ask("POST", "/v1/explain", json={"records": [record(1, weight=-1)]})
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "weight")
    many = api.ask("POST", "/v1/explain", json={"records": [record(n) for n in range(3)]})
    assert (many.status_code, many.json()["detail"]) == (413, "3 records to explain in one request, expected at most 2")
    top = api.ask("POST", "/v1/explain", json={"records": [], "top": 0})
    assert (top.status_code, top.json()["errors"][0]["field"]) == (422, "top")


def test_more_waiting_requests_than_the_limit_are_refused_with_a_time_to_come_again(start: Start) -> None:
    api = start(limits=Limits(waiting_explanations=1))
    answers = api.ask_together("/v1/explain", [record(n) for n in range(4)])
    assert sorted(answer.status_code for answer in answers) == [200, 429, 429, 429]
    assert {answer.headers.get("retry-after") for answer in answers if answer.status_code == 429} == {"1"}
    assert api.ask("POST", "/v1/explain", json=record(1)).status_code == 200


def test_predictions_are_answered_while_an_explanation_takes_its_time(
    api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import threading

    from model_lifecycle.serving import explainer

    go = threading.Event()

    def slow(*_: Any) -> list[dict[str, object]]:
        assert go.wait(30)
        return [{}]

    monkeypatch.setattr(explainer, "explanations", slow)

    async def both() -> tuple[int, int]:
        explaining = asyncio.ensure_future(api._client.post("/v1/explain", json=record(1)))
        await asyncio.sleep(0.05)
        predicted = await api._client.post("/v1/predict", json=record(1))
        assert not explaining.done()
        go.set()
        return predicted.status_code, (await explaining).status_code

    assert api._runner.run(both()) == (200, 200)


def test_neither_shap_nor_numba_is_imported_by_the_service() -> None:
    code = (
        "import sys; sys.modules['shap'] = sys.modules['numba'] = None\n"
        "import model_lifecycle.serving.service\n"
        "from model_families import fitted, training_rows\n"
        "from model_lifecycle.models.contributions import contributions\n"
        "features = {name: values[:3] for name, values in training_rows()[0].items()}\n"
        "for family in ('catboost', 'hist_gradient_boosting', 'linear', 'seasonal', 'constant'):\n"
        "    print(contributions(fitted(family), 'binary', features, 1).method)\n"
    )
    support = Path(__file__).resolve().parents[1] / "support"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(support), "PATH": "/usr/bin:/bin"},
    )
    assert done.stdout.split("\n") == [*["of the model"] * 5, ""]

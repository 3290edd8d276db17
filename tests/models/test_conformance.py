"""What every model family must keep; a new file in `models` is tried by all of this."""

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from model_families import FAMILIES, THREADS, fitted, strange_rows, training_rows
from model_lifecycle import models
from model_lifecycle.contracts.columns import take
from model_lifecycle.errors import ModelError
from model_lifecycle.models import load_family
from model_lifecycle.models.contributions import contributions
from model_lifecycle.models.margin import logit

FEATURES, TARGET = training_rows()
TESTS = Path(__file__).parents[1]
every_family = pytest.mark.parametrize("family", FAMILIES)


def test_every_file_that_is_no_helper_is_a_family() -> None:
    files = {path.stem for path in Path(models.__file__).parent.glob("*.py")}
    assert set(FAMILIES) == files - models._HELPERS - {"__init__"}


@every_family
def test_predictions_are_probabilities(family: str) -> None:
    predicted = fitted(family).predict(FEATURES)
    assert predicted.shape == TARGET.shape
    assert predicted.dtype == np.float64
    assert predicted.min() >= 0
    assert predicted.max() <= 1
    assert abs(predicted.mean() - TARGET.mean()) < 0.02


@every_family
def test_strange_rows_get_a_probability_too(family: str) -> None:
    predicted = fitted(family).predict(strange_rows())
    assert np.isfinite(predicted).all()
    assert (predicted >= 0).all()
    assert (predicted <= 1).all()


@every_family
def test_no_rows_are_no_predictions(family: str) -> None:
    assert fitted(family).predict(take(FEATURES, np.empty(0, dtype=np.int64))).shape == (0,)


@every_family
@pytest.mark.parametrize("rows", ["training", "strange"])
def test_one_row_is_the_row_of_a_batch(family: str, rows: str) -> None:
    features = FEATURES if rows == "training" else strange_rows()
    together = fitted(family).predict(features)
    tolerance = 0.0 if family in ("constant", "catboost", "seasonal") else 1e-12
    for size in (1, 5, 63, 64):
        part = take(features, np.arange(min(size, len(together))))
        np.testing.assert_allclose(fitted(family).predict(part), together[:size], rtol=0, atol=tolerance)
    for place in range(min(20, len(together))):
        alone = fitted(family).predict(take(features, np.array([place])))
        np.testing.assert_allclose(alone, together[[place]], rtol=0, atol=tolerance)


@every_family
def test_a_model_from_files_predicts_the_same(family: str) -> None:
    files = fitted(family).to_files()
    assert files
    assert not any(content.startswith(b"\x80") for content in files.values())  # as a pickle would
    restored = load_family(family).restore(files)
    for features in (FEATURES, strange_rows()):
        assert restored.predict(features).tobytes() == fitted(family).predict(features).tobytes()
    assert restored.to_files() == files


@every_family
def test_the_same_seed_gives_the_same_bytes(family: str) -> None:
    again = load_family(family).fit(FEATURES, TARGET, FAMILIES[family], 3, THREADS)
    assert again.to_files() == fitted(family).to_files()


def test_another_process_gives_the_same_bytes() -> None:
    program = (
        "import hashlib\nfrom model_families import FAMILIES, fitted\n"
        "print(*(hashlib.sha256(c).hexdigest() for f in FAMILIES for c in fitted(f).to_files().values()))"
    )
    found = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": f"{TESTS.parent / 'src'}:{TESTS / 'support'}", "PYTHONHASHSEED": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    expected = [hashlib.sha256(c).hexdigest() for f in FAMILIES for c in fitted(f).to_files().values()]
    assert found.stdout.split() == expected


@every_family
def test_inputs_are_left_as_they_are(family: str) -> None:
    features, target = training_rows()
    load_family(family).fit(features, target, FAMILIES[family], 3, THREADS).predict(features)
    for name, values in features.items():
        np.testing.assert_array_equal(values, FEATURES[name])
    np.testing.assert_array_equal(target, TARGET)


@every_family
def test_shap_values_add_up_to_the_raw_margin(family: str) -> None:
    model = fitted(family)
    found = contributions(model, "binary", FEATURES, 3)
    assert found.values.shape == (len(TARGET), len(FEATURES))
    np.testing.assert_allclose(found.base + found.values.sum(axis=1), logit(model.predict(FEATURES)), rtol=0, atol=1e-6)


@every_family
def test_strange_rows_are_explained_too(family: str) -> None:
    assert np.isfinite(contributions(fitted(family), "binary", strange_rows(), 3).values).all()


@every_family
def test_shap_values_stand_at_their_feature(family: str) -> None:
    values = contributions(fitted(family), "binary", FEATURES, 3).values
    if family == "constant":
        assert not values.any()
        return
    mean = dict(zip(FEATURES, np.abs(values).mean(axis=0), strict=True))
    assert mean["empty"] < 1e-9
    assert {name for name, _ in sorted(mean.items(), key=lambda item: -item[1])[:2]} == {"size", "depot"}


@every_family
@pytest.mark.parametrize(
    ("target", "found"),
    [
        (np.zeros(len(TARGET)), "700 zeros, 0 ones and 0 others"),
        (np.ones(len(TARGET)), "0 zeros, 700 ones and 0 others"),
        (np.where(np.arange(len(TARGET)) < 3, np.nan, TARGET), "and 3 others"),
        (TARGET[:-1], "700 rows of features and 699 of target, expected as many"),
    ],
)
def test_a_target_that_cannot_be_learned_is_refused(family: str, target: np.ndarray, found: str) -> None:
    with pytest.raises(ModelError, match=f"{family}: .*{found}"):
        load_family(family).fit(FEATURES, target, FAMILIES[family], 3, THREADS)


@every_family
def test_an_unknown_parameter_is_refused_by_name(family: str) -> None:
    with pytest.raises(ModelError, match=f"{family}: parameters .*'colour'"):
        load_family(family).fit(FEATURES, TARGET, {**FAMILIES[family], "colour": 1}, 3, THREADS)


@every_family
def test_an_absent_file_is_named(family: str) -> None:
    with pytest.raises(ModelError, match=rf"{family}: file '{family}\.\w+' is absent, found \['other'\]"):
        load_family(family).restore({"other": b""})


@every_family
@pytest.mark.parametrize("content", [b"", b"\x00" * 64, b"[]", b"null", b"\xff\xfe", b"PK\x03\x04"])
def test_a_file_that_holds_something_else_is_refused(family: str, content: bytes) -> None:
    (name,) = fitted(family).to_files()
    with pytest.raises(ModelError, match=f"{family}: {name} "):
        load_family(family).restore({name: content})


@every_family
def test_a_file_of_which_much_is_gone_is_refused(family: str) -> None:
    ((name, content),) = fitted(family).to_files().items()
    for kept in (0.1, 0.5):
        with pytest.raises(ModelError, match=f"{family}: {name} "):
            load_family(family).restore({name: content[: int(len(content) * kept)]})


def test_a_family_that_is_not_there_is_refused() -> None:
    with pytest.raises(ModelError, match=r"model family 'forest', expected one of \['catboost', 'constant', 'hist"):
        load_family("forest")

import io
from typing import Any, cast
from zipfile import ZipFile

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import issparse
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from model_families import fitted, training_rows
from model_lifecycle.errors import ModelError
from model_lifecycle.models import linear, load_family, skops_file
from model_lifecycle.models.contributions import contributions

FAMILY = load_family("linear")
NAME = "linear.skops"


@pytest.mark.parametrize("parameters", [{"C": -1.0}, {"C": "much"}, {"max_iter": "long"}, {"min_frequency": 0}])
def test_parameters_that_scikit_learn_refuses_are_refused(parameters: dict[str, float | str]) -> None:
    features, target = training_rows()
    with pytest.raises(ModelError, match=rf"linear: parameters \{{'{next(iter(parameters))}': .*\}}: "):
        FAMILY.fit(features, target, parameters, 3, 1)


def test_a_file_with_a_type_that_nobody_trusts_is_refused() -> None:
    pipeline = Pipeline([("prepare", FunctionTransformer(np.linalg.norm)), ("linear", LogisticRegression())])
    with pytest.raises(ModelError, match=r"is not a trusted pipeline: .*norm"):
        FAMILY.restore({NAME: skops_file.dump(pipeline)})


@pytest.mark.parametrize(
    ("fitted_object", "message"),
    [
        (LogisticRegression(), "is not a trusted pipeline: 'LogisticRegression' object has no attribute 'named_steps'"),
        ({"named_steps": 1}, "is not a trusted pipeline: 'dict' object has no attribute 'named_steps'"),
        (Pipeline([("scale", StandardScaler())]), r"holds a pipeline of \['scale'\], expected \['prepare', 'linear'\]"),
    ],
)
def test_a_file_that_holds_another_object_is_refused(fitted_object: object, message: str) -> None:
    with pytest.raises(ModelError, match=f"linear: {NAME} {message}"):
        FAMILY.restore({NAME: skops_file.dump(fitted_object)})


def test_a_wrong_byte_of_an_array_is_seen() -> None:
    content = fitted("linear").to_files()[NAME]
    with ZipFile(io.BytesIO(content)) as archive:
        arrays = archive.infolist()[:-1]
    for array in arrays:
        wrong = bytearray(content)
        wrong[array.header_offset + 30 + len(array.filename) + array.file_size - 1] ^= 0xFF
        with pytest.raises(ModelError, match=f"is not a trusted pipeline: {array.filename} has a wrong"):
            FAMILY.restore({NAME: bytes(wrong)})


def test_the_file_names_no_address_and_no_time() -> None:
    with ZipFile(io.BytesIO(fitted("linear").to_files()[NAME])) as archive:
        names = archive.namelist()
        assert names[-1] == "schema.json"
        assert all(int(name.removesuffix(".npy")) < 10_000 for name in names[:-1])
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_shap_values_are_coefficients_times_prepared_columns_whatever_the_names() -> None:
    """A category `c_x` of `depot` and a category `x` of `depot_c` share a prepared column's name."""
    draw = np.random.default_rng(1)
    first = np.array(draw.choice(["c_x", "y"], 400).tolist(), dtype=object)
    second = np.array(draw.choice(["x", "z"], 400).tolist(), dtype=object)
    features = {"depot": first, "depot_c": second, "depot_c_x": draw.normal(size=400)}
    target = ((first == "c_x") ^ (draw.random(400) < 0.1)).astype(np.float64)
    model = FAMILY.fit(features, target, {}, 3, 1)
    values = contributions(model, "binary", features, 3).values
    assert np.abs(values).mean(axis=0).argmax() == 0
    weights = cast(Any, model).pipeline.named_steps["linear"].coef_[0]
    assert np.abs(values[:, 1]).max() <= np.abs(weights[3:5]).max() + 1e-12
    for place, column in enumerate((first, second)):
        assert {name: np.unique(values[column == name, place]).size for name in set(column)} == dict.fromkeys(column, 1)


def test_what_is_mostly_zeros_is_fitted_without_them_and_nothing_else_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    draw = np.random.default_rng(1)
    place = draw.integers(0, 12, 3_000)
    features = {"place": np.array([f"p{one}" for one in place], dtype=object), "size": draw.normal(size=3_000)}
    target = (draw.random(3_000) < 0.2 + 0.05 * place).astype(np.float64)
    found = []
    for below in (linear._SPARSE_BELOW, 0.0):
        monkeypatch.setattr(linear, "_SPARSE_BELOW", below)
        model = FAMILY.fit(features, target, {"max_iter": 2000}, 3, 1)
        prepared = cast(Any, model).pipeline.named_steps["prepare"].transform(pd.DataFrame(features))
        found.append((issparse(prepared), model.predict(features), contributions(model, "binary", features, 3).values))
    (is_sparse, *sparse), (is_also_sparse, *dense) = found
    assert (is_sparse, is_also_sparse) == (True, False)
    for one, other in zip(sparse, dense, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-3)

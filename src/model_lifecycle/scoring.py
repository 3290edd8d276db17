"""From a release to a decision: validate, transform, predict, calibrate, decide.

Training, batch scoring, the service and the back-test all call this; there is no second way to a score.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np
from pydantic import FiniteFloat, ValidationError, model_validator

from model_lifecycle import __version__
from model_lifecycle.contracts.base import Contract
from model_lifecycle.contracts.business_question import BusinessQuestion
from model_lifecycle.contracts.columns import Columns, row_count
from model_lifecycle.contracts.features import FeatureSpec
from model_lifecycle.contracts.table import TableContract
from model_lifecycle.errors import ReleaseError
from model_lifecycle.features.history import History
from model_lifecycle.features.plain_records import PlainReader, Row
from model_lifecycle.features.plain_row import PlainFeatures
from model_lifecycle.features.records import RecordProblem, RecordsRefused, parse_records
from model_lifecycle.features.transform import FeatureState, compute_features
from model_lifecycle.models import Model, load_family
from model_lifecycle.models.calibration import Calibration
from model_lifecycle.scored_rows import ScoredRows, marks_of, predict_rows
from model_lifecycle.tasks import Task, task_of

__all__ = ["Marks", "RecordProblem", "RecordsRefused", "Scorer", "Scores", "input_contract"]

_FACTS = "scoring.json"
_MODEL = "model/"
_CARD = "model_card.md"
PLAIN_ROWS = 24  # up to here a row at a time is faster than columns
_TOLERANCE = 1e-12  # a linear model differs in the last bits between one row and a batch


@dataclass(frozen=True)
class Marks:
    """What is odd about the inputs of n rows, each a mask of shape (n,).

    Attributes
    ----------
    missing : columns of bool
        For each input, where it was missing.
    unknown : columns of bool
        For each categorical feature, where its value is one that the release does not know.
    """

    missing: Columns
    unknown: Columns

    def by_row(self) -> tuple[dict[str, list[str]], ...]:
        """Return for each row the names of what is ``missing`` and what is ``unknown``."""
        rows: tuple[dict[str, list[str]], ...] = tuple({} for _ in range(row_count(self.missing)))
        for word, masks in (("missing", self.missing), ("unknown", self.unknown)):
            for name, mask in masks.items():
                if b"\x01" not in mask.tobytes():  # nearly always, and the quickest way to see it
                    continue
                for row in np.flatnonzero(mask).tolist():
                    rows[row].setdefault(word, []).append(name)
        return rows


@dataclass(frozen=True)
class Scores:
    """The answer for n rows.

    Attributes
    ----------
    prediction : ndarray of float64, shape (n,) or (n, n_outputs)
        As the question's task defines it (`tasks.Task`).
    score : ndarray of float64, shape (n,)
        The one number of a row that is logged: for a yes or no the calibrated probability of a yes, in [0, 1].
    action : ndarray of float64, shape (n,)
        What to do.
    features : columns
        What the model saw.
    marks : Marks
        Which inputs were missing, and which categories are unknown to the release.
    """

    prediction: np.ndarray
    score: np.ndarray
    action: np.ndarray
    features: Columns
    marks: Marks

    @cached_property
    def flags(self) -> tuple[dict[str, list[str]], ...]:
        """The marks of each row, by name."""
        return self.marks.by_row()


class ScoringFacts(Contract):
    """What a release knows about itself besides its model; ``scoring.json``."""

    release_id: str
    case: str
    model: str
    as_of: str
    trained_until: str
    constant: tuple[FiniteFloat, ...]
    family: str
    threshold: FiniteFloat | None
    calibration: Calibration
    question: BusinessQuestion
    features: FeatureSpec
    state: FeatureState
    contract: TableContract

    @model_validator(mode="after")
    def _state_covers_features(self) -> Self:
        rates = {feature.name for feature in self.features.history if feature.statistic == "rate"}
        categories = set(self.features.categorical)
        if absent := sorted((rates - self.state.priors.keys()) | (categories - self.state.categories.keys())):
            raise ValueError(f"state lacks the priors or categories of {absent}, expected one for each such feature")
        return self


def input_contract(table: TableContract, question: BusinessQuestion, spec: FeatureSpec) -> TableContract:
    """Return the contract of a request: the id, the decision time and the raw inputs of the primary table.

    Raises
    ------
    ReleaseError
        If an input is not in the table, or is known only at label time.
    """
    names = dict.fromkeys((question.decision_id, question.decision_time, *spec.inputs()))
    absent = sorted(set(names) - table.columns.keys())
    if question.decision_id in table.columns and table.columns[question.decision_id].private:
        what = f"{question.decision_id!r} is private, but labels find their prediction by it"
        raise ReleaseError(f"{what}; expected an id that names no person")
    late = sorted(name for name in names if name in table.columns and table.columns[name].known != "decision")
    if absent or late:
        raise ReleaseError(
            f"inputs {absent} are not in the contract of the primary table and {late} are known only at label time; "
            f"expected columns known at the decision"
        )
    # Whoever asks knows the values already.
    columns = {name: table.columns[name].model_copy(update={"known_at": None}) for name in names}
    return TableContract(columns=columns, key=(question.decision_id,))


@dataclass(frozen=True)
class Scorer:
    """A release, ready to answer. Immutable and free of threads' state, so replicas swap it by one reference."""

    facts: ScoringFacts
    model: Model
    examples: Columns | None = None
    """Features of the release's own smoke records: what explanations by permutations compare with."""
    card: str | None = None
    """The model card, in Markdown."""

    @property
    def release_id(self) -> str:
        """The release's name."""
        return self.facts.release_id

    @property
    def threshold(self) -> float | None:
        """The score from which on the answer is to act, out of reach for never; None where no threshold decides."""
        return self.facts.threshold

    @cached_property
    def task(self) -> Task:
        """The question's task."""
        return task_of(self.facts.question)

    @property
    def question(self) -> BusinessQuestion:
        """The business question."""
        return self.facts.question

    @property
    def spec(self) -> FeatureSpec:
        """The features."""
        return self.facts.features

    @property
    def contract(self) -> TableContract:
        """What a record must look like."""
        return self.facts.contract

    @cached_property
    def private(self) -> frozenset[str]:
        """The inputs that are logged as pseudonyms, and whose features of the same name are not logged."""
        return frozenset(name for name, column in self.contract.columns.items() if column.private)

    @cached_property
    def unlogged(self) -> frozenset[str]:
        """The features that the log's inputs cannot give back: private ones, and the history of private entities."""
        history = (one.name for one in self.spec.history if not self.private.isdisjoint(one.by))
        return frozenset((*self.private.intersection(self.spec.names()), *history))

    def to_files(self) -> dict[str, bytes]:
        """Return everything needed to score, as the files of a release."""
        files = {_MODEL + name: content for name, content in self.model.to_files().items()}
        return {_FACTS: self.facts.model_dump_json(indent=2).encode(), **files}

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> Self:
        """Restore from the files of a verified release.

        Raises
        ------
        ReleaseError
            If ``scoring.json`` is absent, or of another version of this package.
        ModelError
            If the model cannot be restored.
        """
        try:
            facts = ScoringFacts.model_validate_json(files[_FACTS])
        except KeyError as error:
            raise ReleaseError(f"release has no scoring.json; found {sorted(files)[:20]}") from error
        except ValidationError as error:
            raise ReleaseError(_other_version(files[_FACTS], error)) from error
        stored = {name.removeprefix(_MODEL): content for name, content in files.items() if name.startswith(_MODEL)}
        card = files[_CARD].decode() if _CARD in files else None
        scorer = cls(facts, load_family(facts.family).restore(stored), card=card)
        return replace(scorer, examples=scorer._check_smoke(files["smoke.json"])) if "smoke.json" in files else scorer

    def columns(self, records: Sequence[Mapping[str, object]]) -> dict[str, np.ndarray]:
        """Validate records and turn them into columns.

        Raises
        ------
        RecordsRefused
            Naming every wrong field.
        """
        return parse_records(self.contract, records)

    def features(self, columns: Columns, history: History) -> dict[str, np.ndarray]:
        """Compute the features of each row as of its decision time."""
        times = columns[self.question.decision_time]
        return compute_features(self.spec, self.facts.state, columns, times, history)

    def predict(self, features: Columns) -> np.ndarray:
        """Return calibrated predictions, float64, shape (n,) or (n, n_outputs), whatever the order of the features."""
        ordered = {name: features[name] for name in self._names}
        return self.facts.calibration.apply(self.model.predict(ordered))

    def score(self, columns: Columns, history: History) -> Scores:
        """Score rows that `columns` has validated.

        Parameters
        ----------
        columns : columns
            The inputs, n rows.
        history : History
            Events; each row sees those known at its own decision time.
        """
        features = self.features(columns, history)
        prediction = self.predict(features)
        score, action = self.task.score(prediction), self.task.actions(prediction, self.threshold)
        return Scores(prediction, score, action, features, self.marks(columns, features))

    def plain_rows(self, records: Sequence[Mapping[str, object]]) -> list[Row] | None:
        """Validate records and return them one by one; None where `columns` has to look at them.

        Up to `PLAIN_ROWS` this is the quicker way.
        """
        return None if self._plain is None else self._plain[0].read(records)

    def score_plain(self, rows: Sequence[Row], history: History) -> ScoredRows:
        """Score at least one row that `plain_rows` has validated, as `score` does."""
        if self._plain is None:
            raise ReleaseError(f"release {self.release_id} scores columns alone")
        times = [row[self.question.decision_time] for row in rows]
        features = [self._plain[1].compute(row, time, history) for row, time in zip(rows, times, strict=True)]
        prediction = self.facts.calibration.apply(predict_rows(self.model, self._names, features))
        return ScoredRows(
            [row[self.question.decision_id] for row in rows],
            times,
            self._names,
            features,
            prediction,
            self.task.score(prediction).tolist(),
            self.task.actions(prediction, self.threshold),
            [marks_of(row, one, self._inputs, self._known_places) for row, one in zip(rows, features, strict=True)],
        )

    def by_row(self, columns: Columns, scores: Scores) -> ScoredRows:
        """Return scores of rows that `columns` has validated, a row at a time."""
        times = columns[self.question.decision_time].astype(np.int64).tolist()
        names = tuple(scores.features)
        features = list(zip(*(values.tolist() for values in scores.features.values()), strict=True))
        ids = columns[self.question.decision_id].tolist()
        score = scores.score.tolist()
        return ScoredRows(ids, times, names, features, scores.prediction, score, scores.action, scores.flags)

    @cached_property
    def _plain(self) -> tuple[PlainReader, PlainFeatures] | None:
        if not PlainFeatures.serves(self.spec, self.contract):
            return None
        return PlainReader(self.contract), PlainFeatures(self.spec, self.facts.state.priors)

    def marks(self, columns: Columns, features: Columns) -> Marks:
        """Tell which inputs are missing, and which categories the release does not know."""
        missing = {name: _missing(columns[name]) for name in self._inputs}
        unknown = {}
        for name, known in self._known_categories.items():
            found = features[name].tolist()
            if known.issuperset(found):
                unknown[name] = np.zeros(len(found), dtype=bool)
                continue
            unknown[name] = np.array([value not in known for value in found], dtype=bool) & ~missing[name]
        return Marks(missing, unknown)

    @cached_property
    def _names(self) -> tuple[str, ...]:
        return self.spec.names()

    @cached_property
    def _inputs(self) -> tuple[str, ...]:
        return self.spec.inputs()

    @cached_property
    def longest_window(self) -> np.timedelta64:
        """How far back the history of a decision reaches."""
        return np.timedelta64(self.spec.longest_window())

    @cached_property
    def _known_categories(self) -> dict[str, frozenset[str]]:
        return {name: frozenset(values) for name, values in self.facts.state.categories.items()}

    @cached_property
    def _known_places(self) -> tuple[tuple[int, str, frozenset[str]], ...]:
        return tuple((self._names.index(name), name, known) for name, known in self._known_categories.items())

    def _check_smoke(self, content: bytes) -> dict[str, np.ndarray]:
        """Score the release's own smoke records from their recorded features, compare, and return the features.

        Raises
        ------
        ReleaseError
            If there is no record, one is refused, or a score differs.
        """
        try:
            smoke = json.loads(content)
            self.columns(smoke["records"])
            recorded = smoke["features"]
            features = {
                name: np.array(values, dtype=object if name in self.spec.categorical else np.float64)
                for name, values in recorded.items()
            }
            found, expected = self.predict(features), np.array(smoke["predictions"], dtype=np.float64)
        except RecordsRefused as error:
            what = f"record {error.problems[0].row}, field {error.problems[0].field!r}"
            raise ReleaseError(f"release {self.release_id}: smoke request failed: {what} is refused") from error
        except (
            Exception
        ) as error:  # whatever a damaged file makes the model raise; it may quote what a person once sent
            raise ReleaseError(f"release {self.release_id}: smoke request failed: {type(error).__name__}") from error
        if not len(found) or found.shape != expected.shape:
            raise ReleaseError(
                f"release {self.release_id}: {len(found)} smoke records and {expected.size} predictions, "
                "expected as many"
            )
        rows = list(zip(*(features[name].tolist() for name in self._names), strict=True))[:PLAIN_ROWS]
        # The way that few rows go is tried as well, and prepared: whoever asks first is not to wait for it.
        few = self.facts.calibration.apply(predict_rows(self.model, self._names, rows))
        difference = float(max(np.max(np.abs(found - expected)), np.max(np.abs(few - expected[: len(few)]))))
        if not difference <= _TOLERANCE:
            raise ReleaseError(
                f"release {self.release_id}: smoke predictions differ by {difference:.3g}, "
                f"expected at most {_TOLERANCE:g}"
            )
        return features


def _other_version(content: bytes, error: ValidationError) -> str:
    """Say which release cannot be read, what it lacks first, and what to do."""
    try:
        name = json.loads(content)["release_id"]
    except (ValueError, KeyError, TypeError):
        name = "of unknown name"
    first, *others = error.errors(include_url=False, include_input=False)
    place, more = ".".join(map(str, first["loc"])) or "content", f", and {len(others)} more" if others else ""
    return (
        f"release {name}: scoring.json is not of this version, {__version__} ({place}: {first['msg']}{more}); serve it "
        "with the version that made it, or roll back to a release of this one"
    )


def _missing(values: np.ndarray) -> np.ndarray:
    if values.dtype == object:
        found = values.tolist()
        if None not in found:
            return np.zeros(len(found), dtype=bool)
        return np.array([value is None for value in found], dtype=bool)
    return np.asarray(values != values)  # noqa: PLR0124 - NaN and NaT differ from themselves

"""CatBoost's trees for a few rows, without the fifth of a millisecond that a call of CatBoost takes whatever its size.

Only for what is simple enough to do bit by bit as CatBoost does it: one sum of oblivious trees, numbers compared with
borders, categories one by one. Before it is used, it has to agree with CatBoost on rows drawn around its own borders.
"""

import ast
import json
import logging
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

if TYPE_CHECKING:
    from catboost import CatBoost

logger = logging.getLogger(__name__)

CATEGORIES = "categories"  # of the metadata: the categories that the model was fitted on, by feature, in JSON
_MOST_CATEGORIES = 255  # CatBoost takes no more than that one by one
_TRIED = 256
_NO_CATEGORY = 1 << 40  # CatBoost's hashes have 32 bits
_HASH = re.compile(r'^    ("(?:[^"\\]|\\.)*"): (-?\d+),$', re.MULTILINE)

FewRow = Sequence[float | str]


def told_categories(texts: Mapping[str, np.ndarray]) -> str:
    """Return what a model's metadata tell of its categorical features; those of too many categories are left out."""
    known = {name: sorted(set(values.tolist())) for name, values in texts.items()}
    return json.dumps({name: values for name, values in known.items() if len(values) <= _MOST_CATEGORIES})


@dataclass(frozen=True)
class FewRows:
    """A sum of oblivious trees in arrays.

    Attributes
    ----------
    numbers, texts : tuple of int
        The places of the features in a row.
    hashes : tuple of mapping
        For each categorical feature, CatBoost's hash of each category.
    compared, borders : ndarray of shape (n_borders,)
        Which number is compared with which border, in 32 bits.
    matched, values : ndarray of shape (n_matches,)
        Which categorical feature is matched with which hash.
    conditions : tuple of ndarray of shape (n_trees,)
        For each depth, which condition each tree asks: a border, a match, or, behind both, none.
    starts : ndarray of shape (n_trees,)
        Where the leaves of each tree begin.
    leaves : ndarray
        The leaves of all trees.
    scale, bias : float
        What becomes of the sum.
    """

    numbers: tuple[int, ...]
    texts: tuple[int, ...]
    hashes: tuple[Mapping[str, int], ...]
    compared: np.ndarray
    borders: np.ndarray
    matched: np.ndarray
    values: np.ndarray
    conditions: tuple[np.ndarray, ...]
    starts: np.ndarray
    leaves: np.ndarray
    scale: float
    bias: float

    @classmethod
    def of(cls, native: "CatBoost") -> Self | None:
        """Take a model apart; None where it is not as simple as that, or the two do not agree to the last bit."""
        from catboost import CatBoostError

        try:
            found = cls._taken_apart(native)
            rows = found._rows_around_borders(np.random.default_rng(0))
            expected = np.asarray(native.predict(rows, prediction_type="RawFormulaVal", thread_count=1))
            if np.array_equal(found.margins(rows), expected):
                return found
            logger.warning("CatBoost answers few rows itself: its trees were not read to the last bit")
        except (KeyError, ValueError, TypeError, SyntaxError, CatBoostError) as error:  # another kind of tree or split
            logger.debug("CatBoost answers few rows itself: %s", error)
        return None

    def margins(self, rows: Sequence[FewRow]) -> np.ndarray:
        """Return the sum of the trees for each row of features, in their order; float64, shape (n_rows,)."""
        with np.errstate(over="ignore"):  # CatBoost computes in 32 bits whatever it is given
            numbers = np.array([[row[place] for place in self.numbers] for row in rows], dtype=np.float32)
        asked = [numbers.reshape(len(rows), -1).take(self.compared, axis=1) > self.borders]
        if len(self.matched):
            places = tuple(zip(self.texts, self.hashes, strict=True))
            found = np.array([[known.get(str(row[place]), _NO_CATEGORY) for place, known in places] for row in rows])
            asked.append(found.take(self.matched, axis=1) == self.values)
        asked.append(np.zeros((len(rows), 1), dtype=bool))
        met = np.ascontiguousarray(np.concatenate(asked, axis=1).T).view(np.uint8)  # a row a condition
        leaf = np.zeros((len(self.starts), len(rows)), dtype=np.intp)
        for depth, condition in enumerate(self.conditions):
            leaf |= met.take(condition, axis=0).astype(np.intp) << depth
        # The sum of a prefix adds tree after tree, as CatBoost does; np.sum would add in pairs.
        sums = self.leaves.take(leaf + self.starts[:, np.newaxis]).cumsum(axis=0)
        total: np.ndarray = sums[-1] * self.scale + self.bias
        return total

    @classmethod
    def _taken_apart(cls, native: "CatBoost") -> Self:
        told = _exported(native, "json")
        document = json.loads(told)
        numeric = document["features_info"].get("float_features", [])
        categorical = document["features_info"].get("categorical_features", [])
        if any(one["nan_value_treatment"] == "AsTrue" for one in numeric):
            raise ValueError("missing numbers count as large")
        trees, (scale, (bias,)) = document["oblivious_trees"], document["scale_and_bias"]
        floats: dict[tuple[int, float], int] = {}
        matches: dict[tuple[int, int], int] = {}
        asked: list[list[tuple[bool, int]]] = []
        for tree in trees:
            if len(tree["leaf_values"]) != 1 << len(tree.get("splits") or []):
                raise ValueError("several sums of trees")
            asked.append([_condition(split, floats, matches) for split in tree.get("splits") or []])
        depth = max(map(len, asked))
        nothing = len(floats) + len(matches)
        table = np.full((depth, len(trees)), nothing)
        for number, conditions in enumerate(asked):
            for level, (is_match, place) in enumerate(conditions):
                table[level, number] = place + is_match * len(floats)
        texts = tuple(one["flat_feature_index"] for one in categorical)
        used = {categorical[index]["flat_feature_index"] for index, _ in matches}
        hashes = _hashes(native, texts, used)
        if any(value not in hashes[index].values() for index, value in matches):
            raise ValueError("a category that the model does not tell")
        return cls(
            tuple(one["flat_feature_index"] for one in numeric),
            texts,
            hashes,
            np.array([index for index, _ in floats], dtype=np.intp),
            np.array([border for _, border in floats], dtype=np.float32),
            np.array([index for index, _ in matches], dtype=np.intp),
            np.array([value for _, value in matches], dtype=np.int64),
            tuple(table),
            np.cumsum([0, *(len(tree["leaf_values"]) for tree in trees)])[:-1],
            np.array([value for tree in trees for value in tree["leaf_values"]], dtype=np.float64),
            float(scale),
            float(bias),
        )

    def _rows_around_borders(self, random: np.random.Generator) -> list[list[float | str]]:
        """Draw rows whose numbers lie at, beside or far from the borders, and whose categories are known or not."""
        columns: dict[int, list[Any]] = {}
        for index, place in enumerate(self.numbers):
            borders = self.borders[self.compared == index] if index in self.compared else np.zeros(1, np.float32)
            border = random.choice(borders, _TRIED)
            beside = np.nextafter(border, np.float32(np.inf))
            far = (border - 1.0, border + 1.0, *(np.full(_TRIED, value) for value in (np.nan, np.inf, -np.inf)))
            drawn = np.choose(random.integers(0, 7, _TRIED), (border, beside, *far))
            columns[place] = drawn.astype(np.float64).tolist()
        for known, place in zip(self.hashes, self.texts, strict=True):
            columns[place] = random.choice([*known, "a category that no model knows"], _TRIED).tolist()
        return [list(row) for row in zip(*(columns[place] for place in sorted(columns)), strict=True)]


def _condition(
    split: Mapping[str, Any], floats: dict[tuple[int, float], int], matches: dict[tuple[int, int], int]
) -> tuple[bool, int]:
    """Return whether a split is a match, and its number among those of its kind."""
    match split["split_type"]:
        case "FloatFeature":
            return False, floats.setdefault((split["float_feature_index"], split["border"]), len(floats))
        case "OneHotFeature":
            return True, matches.setdefault((split["cat_feature_index"], split["value"]), len(matches))
        case other:
            raise ValueError(f"a split of type {other}")


def _hashes(native: "CatBoost", places: Sequence[int], used: set[int]) -> tuple[dict[str, int], ...]:
    """Return CatBoost's hash of each known category of each categorical feature."""
    from catboost import Pool

    names = native.feature_names_
    if not used:
        return tuple({} for _ in places)
    told: dict[str, list[str]] = json.loads(native.get_metadata()[CATEGORIES])
    categories = {place: told[names[place]] if place in used else [""] for place in places}
    rows = [
        [categories[place][min(number, len(categories[place]) - 1)] if place in categories else 0.0
         for place in range(len(names))]
        for number in range(max(map(len, categories.values())))
    ]  # fmt: skip
    text = _exported(native, "python", Pool(rows, cat_features=list(places), feature_names=names))
    # Texts stand there as those of C do, byte by byte.
    by_text = {ast.literal_eval("b" + quoted).decode(): int(value) for quoted, value in _HASH.findall(text)}
    return tuple({one: by_text[one] for one in categories[place]} if place in used else {} for place in places)


def _exported(native: "CatBoost", kind: str, pool: object = None) -> str:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model"
        native.save_model(str(path), format=kind, pool=pool)
        return path.read_text(encoding="utf-8")

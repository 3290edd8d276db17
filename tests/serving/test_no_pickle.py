"""Whatever a request or a release brings, nothing on its way is unpickled."""

import subprocess
import sys
from pathlib import Path

import pytest

from model_lifecycle.errors import ModelError, ReleaseError
from model_lifecycle.models import load_family
from model_lifecycle.releases import build_release, read_release
from model_lifecycle.scoring import Scorer
from model_lifecycle.serving.champion import Place, load_scorer
from tiny_release import tiny_release

# A program which unpickling ends; it loads a release of each family, predicts and explains.
PROGRAM = """
import sys
def never(event, arguments):
    if event == "pickle.find_class":  # what every unpickling of more than plain values comes to
        raise SystemExit(f"{arguments} was unpickled")
sys.addaudithook(never)
from pathlib import Path
from model_lifecycle.models.contributions import contributions
from model_lifecycle.serving.champion import Place, load_scorer
from model_lifecycle.features.history import History
from tiny_release import SPEC, record
scorer, _ = load_scorer(Place(Path(sys.argv[1]), None, "fixed"))
scores = scorer.score(scorer.columns([record(1)]), History.build(SPEC, {}))
contributions(scorer.model, "binary", {name: scores.features[name] for name in SPEC.names()}, 1)
from model_families import FAMILIES, training_rows
from model_lifecycle.models import load_family
features = {name: values[:5] for name, values in training_rows()[0].items()}
for family in FAMILIES:
    files = {file.name: file.read_bytes() for file in (Path(sys.argv[2]) / family).iterdir()}
    contributions(load_family(family).restore(files), "binary", features, 1)
print("served", len(FAMILIES))
"""


def test_every_family_is_loaded_scored_and_explained_where_unpickling_is_impossible(tmp_path: Path) -> None:
    from model_families import FAMILIES, fitted

    for family in FAMILIES:
        (tmp_path / family).mkdir()
        for name, content in fitted(family).to_files().items():
            (tmp_path / family / name).write_bytes(content)
    support = Path(__file__).resolve().parents[1] / "support"
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tiny_release(tmp_path)), str(tmp_path)],
        env={"PYTHONPATH": str(support), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == f"served {len(FAMILIES)}\n", done.stderr[-2000:]


class Planted:
    """Leaves a file behind when it is unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return (exec, (f"open({str(self.place)!r}, 'w').close()", ""))

    def __init__(self, place: Path) -> None:
        self.place = place


@pytest.mark.parametrize("family", ["catboost", "linear", "hist_gradient_boosting", "seasonal", "constant"])
def test_a_pickle_in_the_place_of_a_model_is_refused_and_does_not_run(family: str, tmp_path: Path) -> None:
    import pickle

    from model_families import fitted

    planted = pickle.dumps(Planted(tmp_path / "ran"))
    files = dict.fromkeys(fitted(family).to_files(), planted)
    with pytest.raises(ModelError, match=rf"^{family}: {family}\.\w+ (is not a|holds no) "):
        load_family(family).restore(files)
    assert not (tmp_path / "ran").exists()


def test_a_release_with_a_pickle_is_neither_built_nor_served(tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match="pickles run code when they are loaded"):
        build_release(tmp_path, "parcels-2", {"model/model.pkl": b"x"}, {"created_as_of": "2024-03-01T00:00:00+00:00"})
    path = tiny_release(tmp_path)
    (path / "model" / "model.pkl").write_bytes(b"x")
    with pytest.raises(ReleaseError, match=r"'model/model\.pkl': not in manifest\.json"):
        load_scorer(Place(path, None, "fixed"))


def test_a_changed_byte_is_found_before_anything_is_parsed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tiny_release(tmp_path)
    model = path / "model" / "catboost.cbm"
    content = bytearray(model.read_bytes())
    content[100] ^= 1
    model.write_bytes(bytes(content))
    monkeypatch.setattr(Scorer, "from_files", lambda *_: pytest.fail("parsed"))
    with pytest.raises(ReleaseError, match=r"catboost\.cbm': changed"):
        load_scorer(Place(path, None, "fixed"))
    with pytest.raises(ReleaseError, match="changed"):
        read_release(path)

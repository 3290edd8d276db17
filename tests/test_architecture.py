"""Rules of the whole tree that no single part can keep alone."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from model_lifecycle.contracts.business_question import BusinessQuestion

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "model_lifecycle"
CASES = PACKAGE / "cases"
DEFAULT_CASE = (ROOT / "conf" / "cases" / "flight_delays", ROOT / "conf" / "sources" / "nycflights13")
_HEAVY = ("catboost", "matplotlib", "mlflow", "numba", "pandera", "plotly", "ray", "shap", "sklearn")

# Words that a case may use as column names although they are also this package's own vocabulary or plain English.
_COMMON_WORDS = frozenset(
    {"day", "distance", "engine", "hour", "minute", "model", "month", "name", "reason", "time", "type", "year"}
)
_COMMON_WORDS |= BusinessQuestion.model_fields.keys()


def _sources() -> list[Path]:
    return sorted(file for file in PACKAGE.rglob("*.py") if CASES not in file.parents)


def _column_names(content: object) -> set[str]:
    """Return the keys under every ``columns`` mapping, at any depth."""
    if isinstance(content, list):
        return set().union(*map(_column_names, content))
    if not isinstance(content, dict):
        return set()
    found = set().union(*map(_column_names, content.values()))
    columns = content.get("columns")
    return found | {str(name) for name in columns} if isinstance(columns, dict | list) else found


def domain_columns() -> set[str]:
    """Return the column names of the default case that mean nothing outside it."""
    files = sorted(file for folder in DEFAULT_CASE for file in folder.glob("parameters*.yml"))
    names = set().union(*(_column_names(yaml.safe_load(file.read_text(encoding="utf-8"))) for file in files))
    return {name for name in names if len(name) > 2} - _COMMON_WORDS


def _lines_with(names: set[str], text: str) -> list[str]:
    """Return the lines that name a column: in quotes, or anywhere if the name is no English word."""
    quoted = "|".join(map(re.escape, sorted(names)))
    anywhere = "|".join(re.escape(name) for name in sorted(names) if "_" in name)
    pattern = re.compile(rf"""["'](?:{quoted})["']|\b(?:{anywhere})\b""")
    return [line for line in text.splitlines() if pattern.search(line)]


def test_no_column_of_the_default_case_is_named_outside_its_own_folder() -> None:
    names = domain_columns()
    assert {"dep_delay", "tailnum"} <= names, "the case's contracts were not found where they are looked for"
    found = {str(file): _lines_with(names, file.read_text(encoding="utf-8")) for file in _sources()}
    assert {file: lines for file, lines in found.items() if lines} == {}


def test_the_search_for_columns_finds_them_in_quotes_and_as_attributes() -> None:
    names = {"tailnum", "dep_delay"}
    planted = ["frame['tailnum']", "frame.dep_delay.mean()"]
    assert _lines_with(names, "\n".join([*planted, "a tailnum in prose", "dep_delays"])) == planted


def test_every_folder_of_sources_is_a_package_so_that_the_import_rules_see_it() -> None:
    folders = {file.parent for file in PACKAGE.rglob("*.py")}
    assert [str(folder) for folder in sorted(folders) if not (folder / "__init__.py").is_file()] == []


def test_no_source_file_is_longer_than_400_lines() -> None:
    lengths = {file: len(file.read_text(encoding="utf-8").splitlines()) for file in PACKAGE.rglob("*.py")}
    assert {str(file): length for file, length in lengths.items() if length > 400} == {}


def test_no_notebook_is_kept_with_outputs() -> None:
    kept = []
    for file in sorted((ROOT / "notebooks").glob("*.ipynb")):
        cells = json.loads(file.read_text(encoding="utf-8"))["cells"]
        kept += [file.name for cell in cells if cell.get("outputs") or cell.get("execution_count")]
    assert kept == []


def _lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder / "src"), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("place", "line", "broken"),
    [
        ("statistics/planted.py", "import model_lifecycle.models", "Layers"),
        ("cases/flight_delays/planted.py", "import model_lifecycle.features", "A case knows the contracts"),
        ("pipelines/modelling/planted.py", "import kedro.pipeline", "Kedro only where a project meets it"),
        ("pipelines/modelling/planted.py", "import model_lifecycle.pipelines.evaluation", "Pipelines meet only"),
        ("features/planted.py", "def planted():\n    import ray.serve", "Ray only in the deployment"),
        ("store/planted.py", "import mlflow", "The MLflow client only in the registry"),
    ],
)
def test_a_forbidden_import_breaks_the_rules(tmp_path: Path, place: str, line: str, broken: str) -> None:
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    planted = tmp_path / "src" / "model_lifecycle" / place
    assert planted.parent.is_dir(), f"{planted.parent} has moved; plant the import where it is forbidden now"
    planted.write_text(f"{line}\n")
    done = _lint_imports(tmp_path)
    assert done.returncode == 1
    assert re.search(rf"{broken}.* BROKEN", done.stdout), done.stdout


def test_asking_for_the_version_loads_nothing_heavy() -> None:
    code = (
        "import sys; sys.argv = ['kedro', '--version']\n"
        "from kedro.framework.cli import main\n"
        "try: main()\n"
        f"finally: print([name for name in {_HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_no_lock_file_names_a_package_index() -> None:
    locks = sorted(ROOT.glob("requirements*.lock"))
    assert [file.name for file in locks] == [
        "requirements-build.lock",
        "requirements-serving.lock",
        "requirements.lock",
    ]
    for file in locks:
        assert not re.search(r"https?://|--(extra-)?index-url|--find-links", file.read_text(encoding="utf-8")), file


def _pins(file: Path) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([a-z0-9._-]+)==([^ ;\\]+)", file.read_text(encoding="utf-8"), re.MULTILINE):
        found.setdefault(name, set()).add(version)
    return found


def test_the_service_runs_on_the_versions_that_trained_the_model() -> None:
    whole, serving = _pins(ROOT / "requirements.lock"), _pins(ROOT / "requirements-serving.lock")
    assert {name: versions for name, versions in serving.items() if not versions <= whole.get(name, set())} == {}
    assert not {"kedro", "jupyterlab", "pytest", "shap"} & serving.keys()

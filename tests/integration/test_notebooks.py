"""Each notebook tells its stage's story on a real catalog, from the first cell to the last."""

from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat import NotebookNode

from finished_project import ROOT, FinishedRun

pytestmark = pytest.mark.timeout(600)  # the first one waits for the finished run
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
_PLOTLY = "application/vnd.plotly.v1+json"
_CELL_SECONDS = 120
# Before each notebook: nothing of the one before is there but what Python has imported, which takes half of the time.
_ANEW = "%reset -f\nget_ipython().extension_manager.loaded.clear()"


def _read(path: Path) -> NotebookNode:
    notebook: NotebookNode = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    return notebook


def _code(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def test_there_is_one_notebook_a_stage() -> None:
    names = [
        "01_business_question", "02_data_engineering", "03_feature_engineering",
        "04_modelling", "05_evaluation", "06_monitoring",
    ]  # fmt: skip
    assert [path.stem for path in NOTEBOOKS] == names


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_committed_without_outputs_and_starts_with_kedro(path: Path) -> None:
    notebook = _read(path)
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"
    assert _code(notebook)[0].source == "%load_ext kedro.ipython"
    assert all(not cell.outputs and cell.execution_count is None for cell in _code(notebook))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_says_that_it_tells_of_the_flights_before_it_reads_anything_else(path: Path) -> None:
    source = _code(_read(path))[1].source
    before, after = source.split("\nif (case := ")
    assert "catalog" not in before
    assert after.startswith(
        'catalog.load("params:case")) != "flight_delays":\n    raise RuntimeError(f"the notebooks tell of'
    )


@pytest.fixture(scope="module")
def client(finished_run: FinishedRun) -> Iterator[NotebookClient]:
    """One kernel for all notebooks."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in finished_run.environment().items():
            patch.setenv(name, value)
        where = {"metadata": {"path": str(ROOT / "notebooks")}}
        empty = nbformat.v4.new_notebook()  # type: ignore[no-untyped-call]
        made = NotebookClient(empty, timeout=_CELL_SECONDS, kernel_name="python3", resources=where)
        with made.setup_kernel():
            yield made


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_on_a_finished_run(path: Path, client: NotebookClient) -> None:
    notebook = _read(path)
    notebook.cells.insert(0, nbformat.v4.new_code_cell(_ANEW))  # type: ignore[no-untyped-call]
    client.nb = notebook
    client.execute(cleanup_kc=False)
    outputs = [output for cell in _code(notebook) for output in cell.outputs]
    assert any(_PLOTLY in output.get("data", {}) for output in outputs), "a story without a picture"
    if path.stem == "06_monitoring":
        said = "".join(output.get("text", "") for output in outputs)
        assert "looks as if its unit had changed" in said
        assert "decision: INVESTIGATE" in said
        assert "decision: RETRAIN" in said

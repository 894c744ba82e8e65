"""The tutorials run from top to bottom, and are stored with what they show."""

from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "tutorials"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
MOST = 300_000  # bytes of a notebook with its outputs


def test_there_are_some():
    assert [file.stem for file in NOTEBOOKS] == ["first_archive", "own_problem_and_compare"]


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_they_are_stored_with_what_they_show(file):
    nbformat = pytest.importorskip("nbformat")
    text = file.read_text()
    assert len(text) < MOST
    for path in ("/tmp/", "/home/", "/root/", "site-packages"):
        assert path not in text
    notebook = nbformat.read(file, 4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1)), "run it whole, then store it"
    kinds = {output.output_type for cell in code for output in cell.outputs}
    assert kinds <= {"execute_result", "display_data", "stream"}
    assert not [output for cell in code for output in cell.outputs if output.get("name") == "stderr"]


@pytest.mark.launch
@pytest.mark.thorough
@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_they_run(file, tmp_path, monkeypatch):
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    monkeypatch.setenv("PYTHONPATH", str(FOLDER.parent.parent))
    notebook = nbformat.read(file, 4)
    stored = [shown(cell) for cell in notebook.cells]
    client = nbclient.NotebookClient(
        notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    )
    client.execute()  # raises with the cell and its traceback
    assert [bool(cell) for cell in map(shown, notebook.cells)] == [bool(cell) for cell in stored]


def shown(cell):
    """What a cell puts out, by kind."""
    return [sorted(output.get("data", {"text": ""})) for output in cell.get("outputs", ())]

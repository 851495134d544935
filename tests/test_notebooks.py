"""The notebooks run from top to bottom on the sample, in one interpreter that is not the tests'."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

import nbformat
import pytest

NOTEBOOKS = sorted((Path(__file__).resolve().parents[1] / "notebooks").glob("*.ipynb"))


REMEMBER = """
def remember():
    import pickle

    import cjmining as cj

    ingest, logs = cj.ingest, {}

    def remembered(*sources, **options):
        asked = pickle.dumps((sources, options))
        if asked not in logs:
            logs[asked] = ingest(*sources, **options)
        return logs[asked]

    cj.ingest = remembered


remember()
"""


@pytest.fixture(scope="module")
def run_cells():
    """The cells of each notebook after a run: names are gone in between, what equal calls ingest is not."""
    from nbclient import NotebookClient

    notebooks = {path.stem: nbformat.read(path, as_version=4) for path in NOTEBOOKS}
    cells = [nbformat.v4.new_code_cell(REMEMBER)]
    for notebook in notebooks.values():
        cells += [nbformat.v4.new_code_cell("%reset -f"), *notebook.cells]
    for number, cell in enumerate(cells):
        cell.id = f"cell-{number}"
    client = NotebookClient(
        nbformat.v4.new_notebook(cells=cells),
        timeout=300,
        kernel_name="python3",
        allow_errors=True,
        resources={"metadata": {"path": NOTEBOOKS[0].parent}},
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", RuntimeWarning)
        client.execute()
    return {name: notebook.cells for name, notebook in notebooks.items()}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs(path, run_cells):
    cells = run_cells[path.stem]
    shown = [output for cell in cells for output in cell.get("outputs", [])]
    assert shown
    assert not [output["traceback"] for output in shown if output.output_type == "error"]
    told = [o["text"] for o in shown if o.output_type == "stream" and o.name == "stderr"]
    assert not [text for text in told if re.search("Warning", text)], told
    drawn = [cell for cell in cells if re.search(r"cj\.plot\.(?!data\b)", cell.source)]
    assert not [cell.source for cell in drawn if not shows_picture(cell)]


def shows_picture(cell) -> bool:
    """Whether a picture stands below a cell: they show themselves, unless a `;` hides them."""
    return any("<svg" in output.get("data", {}).get("text/html", "") for output in cell.outputs)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_is_stored_without_what_it_shows(path):
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    assert not [cell.source for cell in cells if cell.outputs or cell.execution_count]


def test_there_is_a_notebook_for_each_part_of_the_way():
    assert [path.stem for path in NOTEBOOKS] == [
        "01_first_look",
        "02_conformance",
        "03_dropout",
        "04_discovery",
        "05_seeing",
    ]

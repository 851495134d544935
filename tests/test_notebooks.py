"""The notebooks run from top to bottom on the sample, in an interpreter of their own."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest

NOTEBOOKS = sorted((Path(__file__).resolve().parents[1] / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_notebook_runs(path):
    from nbclient import NotebookClient

    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": path.parent}}
    )
    client.execute()
    shown = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert shown
    assert not [output for output in shown if output.output_type == "error"]
    warnings = [o["text"] for o in shown if o.output_type == "stream" and o.name == "stderr"]
    assert not [text for text in warnings if re.search("Warning", text)], warnings
    drawn = [cell for cell in notebook.cells if re.search(r"cj\.plot\.(?!data\b)", cell.source)]
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

"""pm4py, where it is installed, silent."""

from __future__ import annotations

import contextlib
import io
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import pandas as pd


@pytest.fixture(scope="session")
def pm4py():
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        return pytest.importorskip("pm4py")


@pytest.fixture(scope="session")
def tickets(pm4py, shared_data: Path) -> pd.DataFrame:
    """The published log of a help desk, as pm4py reads it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        frame: pd.DataFrame = pm4py.read_xes(str(shared_data / "crm" / "helpdesk_tickets.xes.gz"))
    return frame
